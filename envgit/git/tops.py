"""Own the comparison of one tree after another at their top: whether what stands under a few names is what stood there before.

Most commits change one row of the top. Where all bytes but one row's id are those of the tree before, all other rows are, too, and
need not be taken apart again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from envgit.audit.objects import ID_BYTES
from envgit.git.trees import Row, Trees
from envgit.model import ObjectId


class Tops:
    """The top of the tree that was looked at last, seen for the names that are watched."""

    __slots__ = ("_data", "_ends", "_names", "_repo", "_tree", "_watched")

    def __init__(self, repo: Trees, watched: Iterable[str]) -> None:
        self._repo = repo
        self._watched: dict[bytes, Row | None] = dict.fromkeys(
            name.encode("utf-8", "surrogateescape") for name in watched
        )
        self._tree: ObjectId | None = None
        self._data = b""
        self._ends: list[int] = []  # where each row ends
        self._names: list[bytes] = []

    def differ(self, old: ObjectId, new: ObjectId) -> bool:
        """Tell whether two trees have another thing under a watched name; raise RepositoryError where one is no sound tree."""
        if self._tree != old:
            self._look(old)
        return self._look(new)

    def _look(self, tree: ObjectId) -> bool:
        data = self._repo.tree_bytes(tree)
        row = self._one_row(data) if len(data) == len(self._data) and data != self._data else None
        if row is None or self._names[row] in self._watched:
            return self._take_apart(tree, data)
        self._tree, self._data = tree, data
        return False

    def _one_row(self, data: bytes) -> int | None:
        """Return which row differs, where nothing but its id does."""
        difference = int.from_bytes(self._data) ^ int.from_bytes(data)
        first = len(data) - (difference.bit_length() + 7) // 8
        last = len(data) - 1 - ((difference & -difference).bit_length() - 1) // 8
        row = bisect_right(self._ends, first)
        within = row < len(self._ends) and self._ends[row] - ID_BYTES <= first and last < self._ends[row]
        return row if within else None

    def _take_apart(self, tree: ObjectId, data: bytes) -> bool:
        rows = self._repo.rows_of(data, tree)
        self._tree, self._data = tree, data
        self._names = [name for _mode, name, _oid in rows]
        self._ends, end = [], 0
        for mode, name, oid in rows:
            end += len(mode) + len(name) + len(oid) + 2
            self._ends.append(end)
        found: dict[bytes, Row] = {}
        for mode, name, oid in rows:
            if name in self._watched:
                found.setdefault(name, (mode, oid))
        before, self._watched = self._watched, {name: found.get(name) for name in self._watched}
        return before != self._watched
