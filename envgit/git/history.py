"""Own walks over commits: the steps of the source branch, what a merge brought in, and which side gave a value. Nothing is decrypted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envgit.git.repository import Repository
from envgit.model import CommitId, ObjectId

Touches = Callable[[ObjectId | None, ObjectId], bool]
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the source branch that the log must tell of; `rewrite` where `previous` does not lie behind `commit`."""

    previous: CommitId | None
    commit: CommitId
    rewrite: bool


def first_parents(repo: Repository, head: CommitId, stop: CommitId | None) -> list[CommitId]:
    """Return the first-parent line down to `stop`, which is left out, or to the root; oldest first."""
    line = []
    commit: CommitId | None = head
    while commit is not None and commit != stop:
        line.append(commit)
        commit = repo.first_parent(commit)
    line.reverse()
    return line


def steps(
    repo: Repository,
    previous: CommitId | None,
    head: CommitId,
    touches: Touches,
    advance: Advance = lambda _units: None,
) -> Iterator[Step]:
    """Return the steps from `previous` (None: the beginning) to `head`, oldest first.

    A step is the next first-parent commit that touches what is audited. Where `previous` was merged into the line by `git pull`, the oldest
    commit of the line that contains it comes next. Where it does not lie behind `head` at all, there is one step, a rewrite.
    `advance` is told of every commit that was looked at. Raise CannotTell where history that is needed is not here.
    """
    if previous == head:
        return
    if previous is not None and not repo.is_ancestor(previous, head):
        yield Step(previous, head, rewrite=True)
        return
    last = previous
    known = repo.links(previous).tree if previous is not None else None
    for number, commit in enumerate(_line_above(repo, previous, head)):
        tree = repo.links(commit).tree
        # Off the line, what was recorded may differ from the first parent: then `previous` is what the first step is held against.
        before = known if number == 0 else _first_parent_tree(repo, commit)
        if before != tree and touches(before, tree):
            yield Step(last, commit, rewrite=False)
            last = commit
        advance(1)


def _line_above(repo: Repository, previous: CommitId | None, head: CommitId) -> list[CommitId]:
    """Return the commits of the first-parent line that contain `previous` and are not it, oldest first."""
    line = first_parents(repo, head, previous)
    if previous is None or not line or repo.first_parent(line[0]) == previous:
        return line
    return line[_joined(repo, previous, line) :]


def _joined(repo: Repository, previous: CommitId, line: list[CommitId]) -> int:
    """Return where on the line `previous` was merged in: every commit from there on contains it, none before does.

    It was most likely not long ago, so one looks from the newest end, in doubling strides, and only then halves.
    """
    high, stride = len(line) - 1, 1
    while high - stride >= 0 and repo.is_ancestor(previous, line[high - stride]):
        high, stride = high - stride, stride * 2
    low = max(high - stride, -1) + 1
    while low < high:
        middle = (low + high) // 2
        if repo.is_ancestor(previous, line[middle]):
            high = middle
        else:
            low = middle + 1
    return low


def _first_parent_tree(repo: Repository, commit: CommitId) -> ObjectId | None:
    parent = repo.first_parent(commit)
    return repo.links(parent).tree if parent is not None else None


class Side:
    """The commits that a step brought in besides its own: reachable from `commit`, not from `previous`."""

    def __init__(self, repo: Repository, previous: CommitId | None, commit: CommitId) -> None:
        self._repo = repo
        self._commit = commit
        self._ordered = repo.between(previous, commit)
        self._brought = frozenset(self._ordered)

    def touching(self, touches: Touches) -> tuple[CommitId, ...]:
        """Return those that touch what is audited, parents before children; a merge counts where it differs from every parent."""
        return tuple(commit for commit in self._ordered if commit != self._commit and self._touches(commit, touches))

    def _touches(self, commit: CommitId, touches: Touches) -> bool:
        known = self._repo.links(commit)
        before: list[ObjectId | None] = [self._repo.links(parent).tree for parent in known.parents]
        return all(tree != known.tree and touches(tree, known.tree) for tree in before or [None])

    def giver(self, same: Callable[[CommitId], bool]) -> CommitId | None:
        """Return the commit that gave what `same` recognises, as git blame would follow it; None where the merge itself did.

        Where the trail leads to what was there before the side began, no side commit gave it: the merge chose it.
        """
        commit = self._commit
        while True:
            parents = self._repo.links(commit).parents
            follow = next((parent for parent in parents if parent in self._brought and same(parent)), None)
            if follow is None:
                inherited = any(parent not in self._brought and same(parent) for parent in parents)
                return None if commit == self._commit or inherited else commit
            commit = follow
