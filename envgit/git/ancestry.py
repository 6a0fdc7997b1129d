"""Own commits and their descent, from raw bytes alone: libgit2 lets grafts and forged shallow marks choose a commit's parents.

Commit times only order the walks. A wrong one can cost time; it cannot make a commit an ancestor of another.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pygit2

from envgit.errors import RepositoryError
from envgit.git.objects import Absent, Objects
from envgit.git.rawcommit import Links, links, parse
from envgit.model import Commit, CommitId

# How far back a clock may have been for `between` to be exact all the same.
SLACK_SECONDS = 86_400

_ONE, _OTHER, _BEHIND = 1, 2, 4


class Commits(Objects):
    """The commits of a repository."""

    def __init__(self, repo: pygit2.Repository, start: Path) -> None:
        super().__init__(repo, start)
        self._commit_bytes: Callable[[CommitId], bytes] = lru_cache(maxsize=16)(self._read_commit)
        self.commit: Callable[[CommitId], Commit] = lru_cache(maxsize=1_024)(self._commit)
        self.links: Callable[[CommitId], Links] = lru_cache(maxsize=65_536)(self._links)

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether `old` is `new` or lies behind it; where history is cut off before that is certain, raise Absent."""
        if old == new:
            return True
        walk = _Walk(self.links, stop=_ONE)
        walk.mark(old, _ONE)
        walk.mark(new, _OTHER)
        while walk.open:
            walk.expand()
            if walk.marks[old] & _OTHER:
                return True
        walk.demand(_OTHER)
        return False

    def merge_base(self, one: CommitId, other: CommitId) -> CommitId | None:
        """Return the best common ancestor of two commits, None where they have none; of several the newest."""
        walk = _Walk(self.links, stop=_BEHIND)
        walk.mark(one, _ONE)
        walk.mark(other, _OTHER)
        found = []
        while walk.open:
            commit, marks = walk.expand(_behind_both)
            if marks == _ONE | _OTHER:
                found.append(commit)
        best = [base for base in found if not any(base != more and self.is_ancestor(base, more) for more in found)]
        if not best:
            walk.demand(_ONE)
            walk.demand(_OTHER)
        return min(best, key=lambda base: (-self.links(base).seconds, base), default=None)

    def between(self, old: CommitId | None, new: CommitId) -> list[CommitId]:
        """Return the commits reachable from `new` and not from `old`, parents first, the same in every clone."""
        walk = _Walk(self.links, stop=_ONE)
        if old is not None:
            self.links(old)
            walk.mark(old, _ONE)
        walk.mark(new, _OTHER)
        oldest = self.links(new).seconds
        brought = []
        while walk.open or walk.newest >= oldest - SLACK_SECONDS:
            commit, marks = walk.expand()
            if marks == _OTHER:
                brought.append(commit)
                oldest = min(oldest, self.links(commit).seconds)
        walk.demand(_OTHER)
        return self._parents_first({commit for commit in brought if walk.marks[commit] == _OTHER})

    def first_parent(self, commit: CommitId) -> CommitId | None:
        """Return a commit's first parent, None for a root."""
        return next(iter(self.links(commit).parents), None)

    def count_first_parents(self, head: CommitId, stop: CommitId | None, most: int | None) -> int | None:
        """Return how many commits of the first-parent line lie above `stop`, at most one more than `most`.

        None where the line ends, or is cut off, without meeting `stop`.
        """
        number = 0
        commit: CommitId | None = head
        while commit is not None and commit != stop:
            number += 1
            if most is not None and number > most:
                return number
            try:
                commit = self.first_parent(commit)
            except Absent:
                return None
        return number if commit == stop else None

    def _commit(self, oid: CommitId) -> Commit:
        return parse(oid, self._commit_bytes(oid))

    def _links(self, oid: CommitId) -> Links:
        return links(oid, self._commit_bytes(oid))

    def _read_commit(self, oid: CommitId) -> bytes:
        # No partial clone lacks commits: one that is not here was never fetched, and to fetch it would bring all before it.
        kind, data = self.raw(oid, fetch=False)
        if kind != "commit":
            raise RepositoryError(f"{oid[:12]} is a {kind}, where a commit was expected")
        return data

    def _parents_first(self, commits: set[CommitId]) -> list[CommitId]:
        waiting = {commit: sum(parent in commits for parent in set(self.links(commit).parents)) for commit in commits}
        children: dict[CommitId, list[CommitId]] = {}
        for commit in commits:
            for parent in set(self.links(commit).parents) & commits:
                children.setdefault(parent, []).append(commit)
        ready = [(self.links(commit).seconds, commit) for commit, number in waiting.items() if not number]
        heapq.heapify(ready)
        return list(_drained(ready, children, waiting, self.links))


def _drained(
    ready: list[tuple[int, CommitId]],
    children: dict[CommitId, list[CommitId]],
    waiting: dict[CommitId, int],
    links_of: Callable[[CommitId], Links],
) -> Iterator[CommitId]:
    while ready:
        _seconds, commit = heapq.heappop(ready)
        yield commit
        for child in children.get(commit, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (links_of(child).seconds, child))


def _behind_both(marks: int) -> int:
    return marks | _BEHIND if marks & (_ONE | _OTHER) == _ONE | _OTHER else marks


class _Walk:
    """A walk from commits to their parents, newest first, that hands its marks down.

    `open` counts the commits that wait and carry none of the marks in `stop`: at none, nothing new can be found.
    """

    def __init__(self, links_of: Callable[[CommitId], Links], stop: int) -> None:
        self._links = links_of
        self._stop = stop
        self._queue: list[tuple[int, CommitId]] = []
        self._queued: set[CommitId] = set()
        self._absent: dict[CommitId, Absent] = {}
        self.marks: dict[CommitId, int] = {}
        self.open = 0

    @property
    def newest(self) -> float:
        """The time of the commit that comes next."""
        return -self._queue[0][0] if self._queue else float("-inf")

    def mark(self, commit: CommitId, marks: int) -> None:
        """Add marks to a commit, and have it looked at where that is news."""
        before = self.marks.get(commit, 0)
        after = before | marks
        if after == before:
            return
        self.marks[commit] = after
        if commit in self._queued:
            self.open -= bool(not before & self._stop and after & self._stop)
        elif commit not in self._absent:
            self._enqueue(commit, after)

    def _enqueue(self, commit: CommitId, marks: int) -> None:
        try:
            seconds = self._links(commit).seconds
        except Absent as absent:
            self._absent[commit] = absent
            return
        heapq.heappush(self._queue, (-seconds, commit))
        self._queued.add(commit)
        self.open += not marks & self._stop

    def expand(self, handed: Callable[[int], int] = lambda marks: marks) -> tuple[CommitId, int]:
        """Take the next commit, hand its marks to its parents, and return it with its marks."""
        _seconds, commit = heapq.heappop(self._queue)
        self._queued.discard(commit)
        marks = self.marks[commit]
        self.open -= not marks & self._stop
        for parent in self._links(commit).parents:
            self.mark(parent, handed(marks))
        return commit, marks

    def demand(self, marks: int) -> None:
        """Raise Absent where the answer could lie behind a commit that is not here: one that has just these marks."""
        for commit, absent in self._absent.items():
            if self.marks[commit] == marks:
                raise absent
