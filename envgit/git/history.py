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
        parents = repo.commit(commit).parents
        commit = parents[0] if parents else None
    line.reverse()
    return line


def steps(
    repo: Repository, previous: CommitId | None, head: CommitId, touches: Touches, advance: Advance = lambda _units: None
) -> Iterator[Step]:
    """Return the steps from `previous` (None: the beginning) to `head`, oldest first.

    A step is the next first-parent commit that touches what is audited. Where `previous` was merged into the line by `git pull`, the oldest
    commit of the line that contains it comes next. Where it does not lie behind `head` at all, there is one step, a rewrite.
    `advance` is told of every commit that was looked at.
    """
    if previous == head:
        return
    if previous is not None and not repo.is_ancestor(previous, head):
        yield Step(previous, head, rewrite=True)
        return
    line = _line_above(repo, previous, head)
    last = previous
    known = repo.commit(previous).tree if previous is not None else None
    for number, commit in enumerate(line):
        tree = repo.commit(commit).tree
        # Off the line, what was recorded may differ from the first parent: then `previous` is what the first step is held against.
        before = known if number == 0 else _first_parent_tree(repo, commit)
        if before != tree and touches(before, tree):
            yield Step(last, commit, rewrite=False)
            last = commit
        advance(1)


def _line_above(repo: Repository, previous: CommitId | None, head: CommitId) -> list[CommitId]:
    """Return the commits of the first-parent line that contain `previous` and are not it, oldest first."""
    line = first_parents(repo, head, previous)
    if previous is None or not line:
        return line
    if repo.commit(line[0]).parents[:1] == (previous,):
        return line
    # It was merged in: every commit of the line from some merge on contains it, none before does.
    low, high = 0, len(line) - 1
    while low < high:
        middle = (low + high) // 2
        if repo.is_ancestor(previous, line[middle]):
            high = middle
        else:
            low = middle + 1
    return line[low:]


def _first_parent_tree(repo: Repository, commit: CommitId) -> ObjectId | None:
    parents = repo.commit(commit).parents
    return repo.commit(parents[0]).tree if parents else None


class Side:
    """The commits that a step brought in besides its own: reachable from `commit`, not from `previous`."""

    def __init__(self, repo: Repository, previous: CommitId | None, commit: CommitId) -> None:
        self._repo = repo
        self._commit = commit
        self._brought = repo.between(previous, commit)

    def touching(self, touches: Touches) -> tuple[CommitId, ...]:
        """Return those that touch what is audited, against each of their parents, oldest first."""
        found = []
        for commit in self._brought:
            known = self._repo.commit(commit)
            trees = [self._repo.commit(parent).tree for parent in known.parents] or [None]
            if commit != self._commit and all(tree != known.tree and touches(tree, known.tree) for tree in trees):
                found.append(commit)
        return tuple(found)

    def giver(self, same: Callable[[CommitId], bool]) -> CommitId | None:
        """Return the commit that gave what `same` recognises, as git blame would follow it; None where the merge itself did."""
        brought = set(self._brought)
        commit = self._commit
        while True:
            parents = [parent for parent in self._repo.commit(commit).parents if parent in brought]
            follow = next((parent for parent in parents if same(parent)), None)
            if follow is None:
                return None if commit == self._commit else commit
            commit = follow
