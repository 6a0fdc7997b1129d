"""Own the reading of trees: what lies at a path, which files there are, what differs. Trees are a stranger's bytes."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pygit2

from envgit.errors import RepositoryError
from envgit.git.objects import Objects
from envgit.git.rawcommit import links
from envgit.model import CommitId, ObjectId

TREE = 0o040000
GITLINK = 0o160000

# A few small trees that hold each other ten times make a billion paths; the longest path that systems open is 4,096 bytes.
MOST_ENTRIES = 2_000_000
LONGEST_PATH = 4_096
ROWS_KEPT = 50_000

_ROW = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_BESIDE = len(" \0") + 20

Enter = Callable[[str], bool]
Row = tuple[bytes, bytes]  # mode and id, as the tree has them
Rows = Mapping[bytes, Row]


class TreeEntry(NamedTuple):
    """A blob, symbolic link, submodule or directory of a tree: its whole path, mode and id."""

    path: str
    mode: int
    id: ObjectId


Difference = tuple[str, TreeEntry | None, TreeEntry | None]


class Trees(Objects):
    """The trees of a repository, walked without recursion: a path may be as deep as a stranger likes."""

    def __init__(self, repo: pygit2.Repository, start: Path) -> None:
        super().__init__(repo, start)
        self._known: OrderedDict[ObjectId, Rows] = OrderedDict()
        self._kept = 0

    def _rows(self, tree: ObjectId) -> Rows:
        """Return a tree's rows; those read last are kept, as many rows as fit."""
        found = self._known.pop(tree, None)
        if found is None:
            found = self._read_rows(tree)
            self._kept += len(found)
        self._known[tree] = found
        while self._kept > ROWS_KEPT and len(self._known) > 1:
            self._kept -= len(self._known.popitem(last=False)[1])
        return found

    def entry_at(self, where: CommitId | ObjectId, path: str) -> TreeEntry | None:
        """Return what a commit or tree has at `path`: a blob, link, submodule or directory, None where it has nothing."""
        tree = self.tree_of(where)
        *above, last = path.encode("utf-8", "surrogateescape").split(b"/")
        for part in above:
            row = self._rows(tree).get(part)
            if row is None or not _is_tree(row):
                return None
            tree = _oid(row)
        return _entry(path, self._rows(tree).get(last))

    def tree_of(self, where: CommitId | ObjectId) -> ObjectId:
        """Return the tree of a commit, and a tree as it is; raise RepositoryError for any other object."""
        if where in self._known:
            return ObjectId(where)
        kind, data = self.raw(where)
        if kind not in ("commit", "tree"):
            raise RepositoryError(f"{where[:12]} is a {kind}, where a commit was expected")
        return links(CommitId(where), data).tree if kind == "commit" else ObjectId(where)

    def files(self, tree: ObjectId, enter: Enter) -> Iterator[TreeEntry]:
        """Return every entry below a tree that is no directory, in git's order; directories that `enter` refuses are left out.

        Raise RepositoryError where there are more than anybody has.
        """
        seen = 0
        waiting = [("", iter(self._rows(tree).items()))]
        while waiting:
            prefix, rows = waiting[-1]
            name, row = next(rows, (b"", None))
            if row is None:
                waiting.pop()
                continue
            seen = _counted(seen + 1, tree)
            path = _joined(prefix, name, tree)
            if not _is_tree(row):
                yield TreeEntry(path, int(row[0], 8), _oid(row))
            elif enter(path):
                waiting.append((path + "/", iter(self._rows(_oid(row)).items())))

    def changed(self, old: ObjectId | None, new: ObjectId | None, enter: Enter) -> Iterator[Difference]:
        """Return (path, old, new) for every entry that differs between two trees; equal subtrees are not looked into."""
        seen = 0
        waiting = [("", iter(self._differing(old, new)))]
        while waiting:
            prefix, names = waiting[-1]
            name, left, right = next(names, (b"", None, None))
            if left is right:
                waiting.pop()
                continue
            seen = _counted(seen + 1, new or old)
            path = _joined(prefix, name, new or old)
            pair = _leaf(path, left), _leaf(path, right)
            if pair != (None, None):
                yield path, *pair
            below = _subtree(left), _subtree(right)
            if below != (None, None) and enter(path):
                waiting.append((path + "/", iter(self._differing(*below))))

    def _differing(self, old: ObjectId | None, new: ObjectId | None) -> list[tuple[bytes, Row | None, Row | None]]:
        if old == new:
            return []
        before = self._rows(old) if old else {}
        after = self._rows(new) if new else {}
        names = {name for name, _row in before.items() ^ after.items()}
        return [(name, before.get(name), after.get(name)) for name in sorted(names)]

    def _read_rows(self, tree: ObjectId) -> Rows:
        rows: dict[bytes, Row] = {}
        for mode, name, oid in self.rows_of(self.tree_bytes(tree), tree):
            rows.setdefault(name, (mode, oid))  # of two with one name git finds the first
        return MappingProxyType(rows)

    def tree_bytes(self, tree: ObjectId) -> bytes:
        """Return a tree's bytes; raise RepositoryError for any other object."""
        kind, data = self.raw(tree)
        if kind != "tree":
            raise RepositoryError(f"{tree[:12]} is no sound tree; git fsck says more")
        return data

    @staticmethod
    def rows_of(data: bytes, tree: ObjectId) -> list[tuple[bytes, bytes, bytes]]:
        """Return the (mode, name, id) rows of a tree's bytes; raise RepositoryError where they are no sound tree's."""
        found = _ROW.findall(data)
        # Every byte belongs to a row, or else rows were skipped.
        if sum(len(mode) + len(name) + _BESIDE for mode, name, _oid in found) != len(data):
            raise RepositoryError(f"{tree[:12]} is no sound tree; git fsck says more")
        return found


def _counted(seen: int, tree: ObjectId | None) -> int:
    if seen > MOST_ENTRIES:
        raise RepositoryError(
            f"tree {(tree or '')[:12]} has more than {MOST_ENTRIES:,} entries; narrow the patterns in .envgit.yaml"
        )
    return seen


def _joined(prefix: str, name: bytes, tree: ObjectId | None) -> str:
    path = prefix + name.decode("utf-8", "surrogateescape")
    if len(path) > LONGEST_PATH:
        raise RepositoryError(f"tree {(tree or '')[:12]} has a path of more than {LONGEST_PATH:,} characters")
    return path


def _is_tree(row: Row) -> bool:
    return int(row[0], 8) == TREE


def _oid(row: Row) -> ObjectId:
    return ObjectId(row[1].hex())


def _entry(path: str, row: Row | None) -> TreeEntry | None:
    return TreeEntry(path, int(row[0], 8), _oid(row)) if row is not None else None


def _leaf(path: str, row: Row | None) -> TreeEntry | None:
    return _entry(path, row) if row is not None and not _is_tree(row) else None


def _subtree(row: Row | None) -> ObjectId | None:
    return _oid(row) if row is not None and _is_tree(row) else None
