"""Attacks by one who can push the branch and has no key: on entries, on signatures, and with another log."""

from __future__ import annotations

import functools

from envgit.audit import commit as commits
from envgit.log.readme import TEXT
from tests.kit.values import replace

from .case import Case
from .line import Edit, Line
from .scene import Scene
from .world import ALICE, KEY, MALLORY, SIGNER

WHO = "without the key"
ARMOR_END = b"-----END SSH SIGNATURE-----"
PERSON = b"Mallory <mallory@acme.example> 1770000000 +0000"


def _edit_entry(scene: Scene) -> None:
    oid = scene.entry_blob(3)
    data = scene.object(oid)
    changed = data.replace(b'"sequence":3', b'"sequence":3 ')
    assert changed != data
    scene.swap(oid, scene.put("blob", changed), 3)


def _edit_file(path: str, old: bytes, new: bytes) -> functools.partial:
    def attack(scene: Scene) -> None:
        oid = scene.repo.git("rev-parse", f"{scene.tip}:{path}")
        data = scene.object(oid)
        assert old in data, data
        scene.swap(oid, scene.put("blob", data.replace(old, new, 1)), len(scene.oids) - 1)

    return attack


def _order(*numbers: int):
    def attack(scene: Scene) -> None:
        scene.stack([scene.raw(number) for number in numbers])

    return attack


def _commit(scene: Scene, message: bytes, tree: str = "") -> bytes:
    """Return a plain commit on top of the log."""
    tree = tree or commits.tree_of(scene.raw(-1))
    return b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s" % (
        tree.encode(),
        scene.tip.encode(),
        PERSON,
        PERSON,
        message,
    )


def _insert_unsigned(scene: Scene) -> None:
    raws = [scene.raw(n) for n in range(len(scene.oids))]
    raws.insert(3, commits.without_signature(raws[3]))
    scene.stack(raws)


def _on_top_by(key):
    def attack(scene: Scene) -> None:
        scene.append(scene.next(scene.entries[-1].body, "change"), key=key)

    return attack


def _header(change: Edit):
    def attack(scene: Scene) -> None:
        scene.edit(change)

    return attack


def _rewrapped(data: bytes) -> bytes:
    plain, armor = commits.detach(data)
    lines = armor.split("\n")
    return commits.attach(plain, "\n".join([lines[0], "".join(lines[1:-1]), lines[-1]]))


def _transplant(scene: Scene) -> None:
    armor = commits.detach(scene.raw(3))[1]
    scene.edit(lambda data: commits.attach(commits.without_signature(data), armor))


def other_log(scene: Scene, origin: str, key=KEY) -> Line:
    made = Line(scene.path, TEXT, key)
    for entry in scene.entries:
        body = entry.body
        if entry.kind == "genesis":
            signer = replace(SIGNER, key=key.public_line)
            body = replace(body, nonce="another", signers=replace(body.signers, signers=(signer,)))
        made.put(replace(entry, origin=origin, body=body))
    return made


def _splice(scene: Scene) -> None:
    other = other_log(scene, "git.example/acme/other/envgit-audit")
    foreign = scene.object(other.tip)
    scene.stack([*(scene.raw(n) for n in range(len(scene.oids) - 1)), foreign])


def _whole(origin: str = "", key=KEY):
    def attack(scene: Scene) -> None:
        scene.point(other_log(scene, origin or scene.entries[0].origin, key).tip)

    return attack


def _fork_origin(scene: Scene) -> None:
    made = scene.line(4)
    made.put(replace(scene.entries[4], origin="git.example/mallory/fork/envgit-audit"))
    scene.point(made.tip)


_again = _header(lambda raw: commits.attach(raw, commits.detach(raw)[1]))
_sha256 = _header(lambda raw: raw.replace(ARMOR_END, ARMOR_END + b"\ngpgsig-sha256 junk"))
_other_header = _header(lambda raw: raw.replace(ARMOR_END, ARMOR_END + b"\ngpgsigX junk"))
_unsigned_header = _header(lambda raw: raw.replace(b"\ngpgsig", b"\nencoding UTF-8\ngpgsig"))
_junk = _header(lambda raw: raw.replace(ARMOR_END, ARMOR_END + b"\n junk"))
_frontier = _edit_file("log.json", b'"size":8', b'"size":9')
_began = _edit_file("log.json", b'"began_at":"2026', b'"began_at":"2025')
_record = _edit_file("environments/staging/variables/TOKEN.json", b'"entry":7', b'"entry":5')
_other_repository = _whole("git.example/acme/other/envgit-audit")

CASES = (
    Case(1, "an entry is edited", WHO, "", _edit_entry, "entry-altered", 1, "G but 5 B"),
    Case(2, "log.json is edited so that it is at odds with itself", WHO, "", _frontier, "tree-altered", 1, "G but 1 B"),
    Case(2, "log.json is edited and stays well-formed", WHO, "", _began, "tree-altered", 1, "G but 1 B"),
    Case(2, "a variable's record is edited", WHO, "", _record, "tree-altered", 1, "G but 1 B"),
    Case(3, "an entry in the middle is dropped", WHO, "", _order(0, 1, 2, 4, 5, 6), "wrong-sequence", 1, "G but 3 B"),
    Case(4, "two entries are swapped", WHO, "", _order(0, 1, 3, 2, 4, 5, 6), "wrong-sequence", 1, "G but 5 B"),
    Case(5, "an entry is there twice", WHO, "", _order(0, 1, 2, 2, 3, 4, 5, 6), "wrong-sequence", 1, "G but 5 B"),
    Case(6, "an unsigned entry is inserted", WHO, "", _insert_unsigned, "bad-signature", 1, "G but 5 B, 1 N"),
    Case(7, "an entry by a stranger's key is appended", WHO, "", _on_top_by(MALLORY), "unknown-signer", 1, "G but 1 U"),
    Case(8, "an entry is signed by a root, who may sign none", WHO, "", _on_top_by(ALICE), "unknown-signer", 1),
    Case(9, "the signature of another entry is put on one", WHO, "", _transplant, "bad-signature", 1, "G but 1 B"),
    Case(10, "an entry of another log with the same key is spliced in", WHO, "", _splice, "wrong-origin", 1,
         "G but 1 B"),
    Case(10, "another log with the same key takes the place of this", WHO, "", _other_repository, "wrong-genesis", 1),
    Case(11, "a fork's recorder, with the same key, goes on from here", WHO, "", _fork_origin, "wrong-origin", 1),
    Case(12, "the signature's armor is wrapped anew", WHO, "", _header(_rewrapped), "bad-signature", 1),
    Case(13, "text stands after the armor", WHO, "", _junk, "bad-signature", 1),
    Case(14, "a second gpgsig header", WHO, "", _again, "bad-signature", 1),
    Case(14, "a gpgsig-sha256 header", WHO, "", _sha256, "bad-signature", 1),
    Case(14, "a header that only begins with gpgsig", WHO, "", _other_header, "bad-signature", 1),
    Case(15, "a header that nobody signed", WHO, "", _unsigned_header, "commit-altered", 1, "G but 1 B"),
    Case(17, "the log begun anew by a stranger, as an orphan", WHO, "", _whole(key=MALLORY), "wrong-genesis", 1,
         "no G but 8 U"),
)  # fmt: skip
