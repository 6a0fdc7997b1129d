"""Attacks by one who has the log's signing key: on the commit around an entry, and on the whole log."""

from __future__ import annotations

from collections.abc import Callable

from envgit.audit import checkpoint
from envgit.audit import commit as commits
from envgit.audit.entry import ChangeBody, Genesis, Review, RewriteBody
from envgit.audit.merkle import Frontier
from envgit.audit.tree import Tree
from tests.kit.values import replace

from .case import Case
from .line import Edit
from .scene import Scene
from .world import at

WHO = "with the stolen key"
PERSON = b"Mallory <mallory@acme.example> 1770000000 +0000"
BIDI = "\u202egnp.exe\x1b[31m"


def other_past(scene: Scene) -> None:
    """Give entry 3 a review that nobody made, and sign all behind it anew: no rule of the log tells it from the truth."""
    entry = scene.entries[3]
    review = Review(412, "bob", "alice", (), at(3))
    scene.again([*scene.entries[:3], replace(entry, body=replace(entry.body, review=review)), *scene.entries[4:]], 3)


def _commit(edit: Edit) -> Callable[[Scene], None]:
    """Sign the last entry's commit again, edited."""

    def attack(scene: Scene) -> None:
        line = scene.line(len(scene.entries) - 1)
        line.put(scene.entries[-1], edit=edit)
        assert line.tip != scene.tip
        scene.point(line.tip or "")

    return attack


def _tree(also: Callable[[Tree], None]) -> Callable[[Scene], None]:
    def attack(scene: Scene) -> None:
        line = scene.line(len(scene.entries) - 1)
        line.put(scene.entries[-1], also=also)
        scene.point(line.tip or "")

    return attack


def _old_roots(scene: Scene) -> None:
    """Edit entry 3 and sign all commits anew, with the roots that the true log had."""
    true = _roots(scene)
    entry = scene.entries[3]
    review = Review(412, "bob", "alice", (), at(3))
    line = scene.line(3)
    for number, made in enumerate([replace(entry, body=replace(entry.body, review=review)), *scene.entries[4:]], 3):
        line.put(made, edit=lambda plain, number=number: _with_root(plain, made.origin, number + 1, true[number]))
    scene.point(line.tip or "")


def _roots(scene: Scene) -> list[bytes]:
    frontier, roots = Frontier(), []
    for number in range(len(scene.oids)):
        frontier = frontier.append(bytes.fromhex(commits.signed_leaf(scene.raw(number))))
        roots.append(frontier.root())
    return roots


def _with_root(plain: bytes, origin: str, size: int, root: bytes) -> bytes:
    said = commits.signed_checkpoint(plain)
    assert said is not None
    old, new = checkpoint.body(*said), checkpoint.body(origin, size, root)
    return plain.replace(old.encode(), new.encode(), 1)


def _dropped(scene: Scene) -> None:
    """Leave out the change of main's third commit, and number, link and sign all behind it anew."""
    kept = [*scene.entries[:4], *scene.entries[5:]]
    scene.again([replace(entry, sequence=number) for number, entry in enumerate(kept)], 4)


def _second_genesis(scene: Scene) -> None:
    line = scene.line()
    data = scene.object(scene.entry_blob(0)).replace(b'"sequence":0', b'"sequence":8')
    scene.point(line.forge(data))


def _backdated(scene: Scene) -> None:
    scene.append(_later(scene, "2026-01-02T00:00:00Z"))


def _later(scene: Scene, recorded_at: str) -> object:
    """Return an entry for a commit on main that changes nothing audited, recorded at a time of the thief's choice."""
    scene.repo.write("README.md", "# Platform\n")
    head = scene.repo.commit("Words")
    last = scene.entries[-1].body
    source = replace(last.source, commit=head, previous=last.source.commit)
    return scene.next(ChangeBody(source, ()), "change", recorded_at=recorded_at)


def _claimed_rewrite(scene: Scene) -> None:
    """Leave out the entry of main's last commit and say that main was rewritten to it."""
    entries = scene.entries[:-1]
    last = scene.entries[-1]
    source, files = last.body.source, last.body.files
    body = RewriteBody("main", source.previous, source.commit, source.landed_at, files)
    scene.again([*entries, replace(last, kind="rewrite", body=body)], len(entries))


def _force_pushed(scene: Scene) -> None:
    scene.repo.git("reset", "-q", "--hard", scene.world.commits["blue"])
    scene.repo.write("README.md", "# Platform\n")
    scene.repo.commit("Another history")


def _begun_anew(scene: Scene) -> None:
    body = scene.entries[0].body
    assert isinstance(body, Genesis)
    first = replace(scene.entries[0], body=replace(body, nonce="another"))
    scene.again([first, *scene.entries[1:]])


_time = _commit(lambda plain: plain.replace(b"envgit.invalid> 17", b"envgit.invalid> 16"))
_subject = _commit(lambda plain: plain.replace(b"staging: TOKEN changed", b"staging: re-encrypted"))
_committers = _commit(lambda plain: plain.replace(b"\n\n", b"\ncommitter " + PERSON + b"\n\n", 1))
_authors = _commit(lambda plain: plain.replace(b"\nauthor", b"\nauthor " + PERSON + b"\nauthor", 1))
_trees = _commit(lambda plain: plain.replace(b"\nparent", b"\ntree " + plain[5:45] + b"\nparent", 1))
_parents = _commit(lambda plain: plain.replace(b"\nauthor", b"\n" + plain[46:93] + b"\nauthor", 1))
_nul = _commit(lambda plain: plain.replace(b" [skip ci]", b"\0 [skip ci]"))
_crlf = _commit(lambda plain: plain.replace(b" [skip ci]\n", b" [skip ci]\r\n"))
_encoding = _commit(lambda plain: plain.replace(b"\n\n", b"\nencoding UTF-16\n\n", 1))
_not_utf8 = _commit(lambda plain: plain.replace(b"author bob", b"author b\xff\xfeb"))
_bidi = _commit(lambda plain: plain.replace(b"author bob", b"author bob" + BIDI.encode()))
_extra = _tree(lambda tree: tree.put(("environments", "production", "note.txt"), b"nothing to see"))

CASES = (
    Case(17, "a second genesis is appended", WHO, "", _second_genesis, "second-genesis", 1),
    Case(18, "one more file in the tree, signed", WHO, "", _extra, "tree-altered", 1),
    Case(24, "an entry edited, all signed anew with the old roots", WHO, "", _old_roots, "commit-altered", 1),
    Case(24, "an entry dropped, the others renumbered and signed anew", WHO, "", _dropped,
         "digest-gap false-change uncovered wrong-previous wrong-step", 1),
    Case(25, "an entry edited, all signed anew with new roots", WHO, "pin", other_past, "forked", 1,
         without="0, level A"),
    Case(25, "the log begun anew", WHO, "pin", _begun_anew, "forked wrong-genesis", 1,
         without="1, wrong-genesis"),
    Case(28, "the commit's committer date is set back", WHO, "", _time, "commit-altered", 1),
    Case(30, "the recorded time goes back: odd, and no proof", WHO, "", _backdated, "", 0, level="A"),
    Case(31, "two committer lines", WHO, "", _committers, "commit-altered", 1),
    Case(31, "two author lines", WHO, "", _authors, "commit-altered", 1),
    Case(31, "two tree lines", WHO, "", _trees, "commit-altered", 1),
    Case(31, "the same parent twice", WHO, "", _parents, "extra-parent", 1),
    Case(32, "NUL in the message", WHO, "", _nul, "commit-altered", 1),
    Case(32, "carriage returns in the message", WHO, "", _crlf, "commit-altered", 1),
    Case(32, "an encoding header", WHO, "", _encoding, "commit-altered", 1),
    Case(32, "an author whose name is no UTF-8", WHO, "", _not_utf8, "commit-altered", 1),
    Case(32, "an author's name with bidi and terminal escapes", WHO, "", _bidi, "commit-altered", 1),
    Case(33, "a misleading subject over a true entry", WHO, "", _subject, "commit-altered", 1),
    Case(44, "a rewrite that nobody pushed", WHO, "deep", _claimed_rewrite, "false-rewrite", 1, level="",
         without="0, level A"),
    Case(44, "a force-push that no entry tells", WHO, "", _force_pushed, "", 3),
    Case(45, "another log for another victim", WHO, "pin", other_past, "forked", 1, without="0, level A"),
)  # fmt: skip
