"""Attacks by one who can push the branch and has no key: on the tree, the ref, and the length of the log."""

from __future__ import annotations

from collections.abc import Callable

from envgit.audit import commit as commits

from .case import Case
from .line import AUDIT
from .scene import Scene

WHO = "without the key"
PERSON = b"Mallory <mallory@acme.example> 1770000000 +0000"


def _second_parent(scene: Scene) -> None:
    other = scene.world.commits["last"].encode()
    scene.edit(lambda raw: raw.replace(b"\nauthor", b"\nparent " + other + b"\nauthor", 1))


def _merge_on_top(scene: Scene) -> None:
    tree = commits.tree_of(scene.raw(-1)).encode()
    parents = b"parent %s\nparent %s\n" % (scene.tip.encode(), scene.world.commits["last"].encode())
    people = b"author %s\ncommitter %s\n" % (PERSON, PERSON)
    scene.point(scene.put("commit", b"tree %s\n%s%s\nMerge branch 'main'\n" % (tree, parents, people)))


def _orphan_with_trailer(scene: Scene) -> None:
    """A commit without parent that repeats what the genesis says, and no signature."""
    scene.point(scene.put("commit", commits.without_signature(scene.raw(0))))


def _row(mode: bytes, name: bytes, content: bytes | None) -> Callable[[Scene], None]:
    def attack(scene: Scene) -> None:
        oid = scene.put("blob", content) if content is not None else scene.world.commits["last"]
        tree = commits.tree_of(scene.raw(-1))
        other = scene.with_row(tree, mode, name, oid)
        scene.edit(lambda raw: raw.replace(tree.encode(), other.encode(), 1))

    return attack


def _mode(scene: Scene) -> None:
    tree = commits.tree_of(scene.raw(-1))
    oid = scene.repo.git("rev-parse", f"{tree}:README.md")
    other = scene.with_row(tree, b"100755", b"README.md", oid)
    scene.edit(lambda raw: raw.replace(tree.encode(), other.encode(), 1))


def _to_tag(scene: Scene) -> None:
    body = f"object {scene.tip}\ntype commit\ntag envgit-audit\ntagger {PERSON.decode()}\n\nlog\n"
    scene.point(scene.put("tag", body.encode()))


def _to_tree(scene: Scene) -> None:
    scene.point(commits.tree_of(scene.raw(-1)))


def _to_blob(scene: Scene) -> None:
    scene.point(scene.entry_blob(1))


def _lookalikes(scene: Scene) -> None:
    """A tag and a remote's branch of the name that a person would type, both at an older entry."""
    scene.point(scene.oids[3], "refs/tags/envgit-audit")
    scene.point(scene.oids[3], "refs/heads/origin/envgit-audit")
    scene.point(scene.oids[3], "refs/envgit-audit")


def _remote_lookalike(scene: Scene) -> None:
    line = scene.line(4)
    entry = scene.entries[4]
    line.put(entry._replace(recorded_at="2026-02-01T04:30:00Z"))
    scene.point(line.tip or "", "refs/remotes/origin/envgit-audit")


def _truncate(scene: Scene) -> None:
    scene.point(scene.oids[-3])


def truncate_both(scene: Scene) -> None:
    """Set the log and main back to the same earlier day."""
    _truncate(scene)
    scene.repo.git("reset", "-q", "--hard", scene.world.commits["staging"])


def _delete(scene: Scene) -> None:
    scene.repo.git("update-ref", "-d", AUDIT)


def _frozen(scene: Scene) -> None:
    """The server shows both branches as they once were: nothing is wrong, and nothing is new."""
    truncate_both(scene)
    scene.words = ["--max-age", "1.week"]


CASES = (
    Case(16, "a second parent is named", WHO, "", _second_parent, "extra-parent", 1,
         "G but 1 B, 7 N"),
    Case(16, "main is merged into the log", WHO, "", _merge_on_top, "", 3, "G but 8 N"),
    Case(17, "the genesis again, unsigned, in place of the log", WHO, "", _orphan_with_trailer, "bad-signature", 1,
         "no G but 1 N"),
    Case(18, "one more file in the tree", WHO, "", _row(b"100644", b"extra", b"x"), "tree-altered", 1, "G but 1 B"),
    Case(18, "a symlink in the tree", WHO, "", _row(b"120000", b"link", b"/etc/passwd"), "tree-altered", 1,
         "G but 1 B"),
    Case(18, "a submodule in the tree", WHO, "", _row(b"160000", b"module", None), "tree-altered", 1, "G but 1 B"),
    Case(18, "a file is made executable", WHO, "", _mode, "tree-altered", 1, "G but 1 B"),
    Case(18, "a name that differs by case only", WHO, "", _row(b"100644", b"Log.json", b"{}"), "tree-altered", 1,
         "G but 1 B"),
    Case(19, "the branch is a tag", WHO, "", _to_tag, "", 3),
    Case(19, "the branch is a tree", WHO, "", _to_tree, "", 3, "git sees no commit"),
    Case(19, "the branch is a blob", WHO, "", _to_blob, "", 3, "git sees no commit"),
    Case(19, "a tag and a branch that are called like the log", WHO, "", _lookalikes, "", 0, level="A"),
    Case(19, "a remote's branch that parted from the log", WHO, "", _remote_lookalike, "", 3),
    Case(20, "the newest entries are cut off", WHO, "source", _truncate, "", 4, level="A", without="3"),
    Case(20, "the newest entries are cut off, seen before", WHO, "pin", _truncate, "rolled-back uncovered", 1,
         without="4, level A"),
    Case(21, "log and main are cut off together", WHO, "pin", truncate_both, "rolled-back", 1, without="0, level A"),
    Case(22, "the branch is deleted", WHO, "", _delete, "", 3, "git cannot read it"),
    Case(23, "log and main are frozen as they once were", WHO, "max-age", _frozen, "", 4, level="A",
         without="0, level A"),
)  # fmt: skip
