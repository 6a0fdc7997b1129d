"""Steps of the source branch, what a merge brought in, and which side gave a value, on made histories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.errors import CannotTell
from envgit.git.history import Side, Step, first_parents, steps
from envgit.git.repository import Repository
from envgit.model import CommitId
from tests.git.conftest import Touching
from tests.kit.repo import Repo

Opened = Callable[[], Repository]


@pytest.fixture
def walk(repo: Repo, touching: Touching) -> Callable[..., list[Step]]:
    """Return the steps of `main` from a commit on."""

    def of(previous: str | None, head: str = "main") -> list[Step]:
        found = Repository.open(repo.path)
        return list(steps(found, CommitId(previous) if previous else None, found.resolve(head), touching(found)))

    return of


def _set(repo: Repo, text: str, path: str = "env") -> CommitId:
    repo.write(path, text)
    return CommitId(repo.commit(f"{path}: {text}"))


def _switch(repo: Repo, branch: str, start: str = "") -> None:
    repo.git("checkout", "-q", *(["-b", branch, start] if start else [branch]))


def _merged(repo: Repo, branch: str, text: str) -> CommitId:
    """Merge a branch that is in conflict, and settle it by `text`."""
    repo.hours += 1
    repo.git("merge", "-q", "--no-ff", "--no-commit", branch, check=False)
    return _set(repo, text)


def test_a_straight_line_gives_each_commit_that_touches(repo: Repo, walk: Callable[..., list[Step]]) -> None:
    """Steps are the commits that touch, each from the one before it; others are skipped, and a known start too."""
    one, _skipped, two = _set(repo, "1"), _set(repo, "x", "readme"), _set(repo, "2")
    assert walk(None) == [Step(None, one, False), Step(one, two, False)]
    assert walk(one) == [Step(one, two, False)]
    assert walk(two) == walk(repo.head) == []


def test_a_change_and_its_reversal_are_two_steps(repo: Repo, walk: Callable[..., list[Step]]) -> None:
    """A value that went and came back is told as two changes, never as none."""
    one, two, three = _set(repo, "1"), _set(repo, "2"), _set(repo, "1")
    assert walk(one) == [Step(one, two, False), Step(two, three, False)]


def test_a_merge_is_one_step_that_names_its_side(
    repo: Repo, walk: Callable[..., list[Step]], touching: Touching
) -> None:
    """A merged branch is one step at the merge; the side commits that touch are listed, parents first, others not."""
    one = _set(repo, "1")
    _switch(repo, "side", "main")
    two, _skipped, three = _set(repo, "2"), _set(repo, "x", "readme"), _set(repo, "3")
    _switch(repo, "main")
    _set(repo, "y", "other")
    merge = CommitId(repo.merge("side"))
    assert walk(one) == [Step(one, merge, False)]
    found = Repository.open(repo.path)
    side = Side(found, one, merge)
    assert side.touching(touching(found)) == (two, three)


def test_a_squash_is_a_commit_like_any_other(repo: Repo, walk: Callable[..., list[Step]]) -> None:
    """A squashed branch is one commit on the line, and its own commits are nobody's business."""
    one = _set(repo, "1")
    _switch(repo, "side", "main")
    _set(repo, "2")
    _set(repo, "3")
    _switch(repo, "main")
    repo.git("merge", "-q", "--squash", "side")
    squashed = CommitId(repo.commit("Squashed"))
    assert walk(one) == [Step(one, squashed, False)]


def test_a_pull_that_merged_the_recorded_head_in_goes_on_from_there(
    repo: Repo, walk: Callable[..., list[Step]], touching: Touching
) -> None:
    """Where `git pull` put the recorded head on the side, the merge is the next step, and the local commits are what it brought."""
    base = _set(repo, "1")
    _switch(repo, "theirs", "main")
    recorded = _set(repo, "x", "other")
    _switch(repo, "main")
    local = _set(repo, "2")
    merge = CommitId(repo.merge("theirs"))
    later = _set(repo, "3")
    assert walk(base) == [Step(base, local, False), Step(local, later, False)]
    assert walk(recorded) == [Step(recorded, merge, False), Step(merge, later, False)]
    found = Repository.open(repo.path)
    assert Side(found, recorded, merge).touching(touching(found)) == (local,)


def test_a_pull_that_changed_nothing_of_what_is_recorded_is_skipped(
    repo: Repo, walk: Callable[..., list[Step]]
) -> None:
    """Where the merge holds what was recorded, it is no step, and the next change is told from the recorded head."""
    _set(repo, "1")
    _switch(repo, "theirs", "main")
    recorded = _set(repo, "2")
    _switch(repo, "main")
    _set(repo, "x", "other")
    repo.merge("theirs")
    later = _set(repo, "3")
    assert walk(recorded) == [Step(recorded, later, False)]


@pytest.mark.parametrize("above", [0, 1, 2, 3, 5, 9, 14])
@pytest.mark.parametrize("below", [1, 6])
def test_the_oldest_commit_that_contains_the_recorded_head_is_found(
    repo: Repo, walk: Callable[..., list[Step]], above: int, below: int
) -> None:
    """However many commits lie above and below the merge, the walk goes on exactly at it."""
    _set(repo, "1")
    _switch(repo, "theirs", "main")
    recorded = CommitId(repo.commit("Recorded"))
    _switch(repo, "main")
    for number in range(below):
        _set(repo, f"local {number}")
    merge = CommitId(repo.merge("theirs"))
    later = [_set(repo, f"later {number}") for number in range(above)]
    expected = [merge, *later]
    assert walk(recorded) == [Step(old, new, False) for old, new in zip([recorded, *expected], expected, strict=False)]


def test_a_force_push_is_one_rewrite(repo: Repo, walk: Callable[..., list[Step]]) -> None:
    """Where the recorded head does not lie behind the branch, there is one step, to its head."""
    _set(repo, "1")
    recorded = _set(repo, "2")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    _set(repo, "3")
    head = _set(repo, "4")
    assert walk(recorded) == [Step(recorded, head, True)]
    assert walk(head, "main~2") == [Step(head, CommitId(repo.git("rev-parse", "main~2")), True)]


def test_a_force_push_whose_old_head_is_gone_is_one_rewrite(repo: Repo, walk: Callable[..., list[Step]]) -> None:
    """The recorded head need not exist any more."""
    _set(repo, "1")
    recorded = _set(repo, "2")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    head = _set(repo, "3")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert not Repository.open(repo.path).has(recorded)
    assert walk(recorded) == [Step(recorded, head, True)]


def test_a_shallow_clone_does_not_mistake_its_cut_for_a_rewrite(repo: Repo, tmp_path: Path, touching: Touching) -> None:
    """Where the recorded head may lie beyond the cut, that cannot be told; deepened, the clone tells the steps."""
    recorded, two, three = _set(repo, "1"), _set(repo, "2"), _set(repo, "3")
    clone = Repo.clone(f"file://{repo.path}", tmp_path / "clone", "--depth=1")
    for previous in (recorded, None):
        found = Repository.open(clone.path)
        with pytest.raises(CannotTell, match="git fetch --unshallow origin"):
            list(steps(found, previous, three, touching(found)))
    clone.git("fetch", "-q", "--unshallow", "origin")
    found = Repository.open(clone.path)
    assert list(steps(found, recorded, three, touching(found))) == [Step(recorded, two, False), Step(two, three, False)]


def test_what_is_looked_at_is_told(repo: Repo, opened: Opened, touching: Touching) -> None:
    """Every commit of the line is reported once, whether it touches or not."""
    for text in "123":
        _set(repo, text, "env" if text == "2" else "other")
    told: list[int] = []
    found = opened()
    list(steps(found, None, found.resolve("main"), touching(found), told.append))
    assert told == [1, 1, 1]
    assert len(first_parents(found, found.resolve("main"), None)) == 3


class Given:
    """The giver of what a merge holds in `env`."""

    def __init__(self, repo: Repo, previous: str, merge: str) -> None:
        found = Repository.open(repo.path)
        entry = found.entry_at(CommitId(merge), "env")
        side = Side(found, CommitId(previous), CommitId(merge))
        self.commit = side.giver(lambda commit: found.entry_at(commit, "env") == entry)


def test_the_side_commit_that_set_the_value_gave_it(repo: Repo) -> None:
    """Later commits of the side that left the value alone are not named, nor are earlier ones."""
    one = _set(repo, "1")
    _switch(repo, "side", "main")
    _set(repo, "2")
    gave = _set(repo, "3")
    _set(repo, "x", "readme")
    _switch(repo, "main")
    assert Given(repo, one, repo.merge("side")).commit == gave


def test_a_merge_that_settled_a_conflict_by_a_third_value_gave_it_itself(repo: Repo) -> None:
    """Where no side holds what the merge holds, nobody but the merge gave it."""
    _set(repo, "1")
    _switch(repo, "side", "main")
    _set(repo, "2")
    _switch(repo, "main")
    recorded = _set(repo, "3")
    assert Given(repo, recorded, _merged(repo, "side", "neither")).commit is None


def test_a_merge_that_went_back_to_the_value_before_the_side_gave_it_itself(repo: Repo) -> None:
    """A side that never touched the value did not give it, though it holds it: the merge chose it over the line's."""
    _set(repo, "1")
    _switch(repo, "side", "main")
    _set(repo, "x", "readme")
    _switch(repo, "main")
    recorded = _set(repo, "2")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "side")
    assert Given(repo, recorded, _set(repo, "1")).commit is None


def test_a_value_is_followed_through_merges_on_the_side(repo: Repo, touching: Touching) -> None:
    """A branch merged into the side is followed to the commit that set the value; such a merge itself touches nothing."""
    one = _set(repo, "1")
    _switch(repo, "side", "main")
    _set(repo, "x", "readme")
    _switch(repo, "deeper", "side")
    gave = _set(repo, "2")
    _switch(repo, "side")
    _set(repo, "y", "readme")
    repo.merge("deeper")
    _switch(repo, "main")
    merge = repo.merge("side")
    assert Given(repo, one, merge).commit == gave
    found = Repository.open(repo.path)
    assert Side(found, one, CommitId(merge)).touching(touching(found)) == (gave,)


def test_of_several_sides_the_one_that_holds_the_value_is_followed(repo: Repo) -> None:
    """In a merge of three branches the second side's commit is named."""
    one = _set(repo, "1")
    _switch(repo, "left", "main")
    _set(repo, "x", "left")
    _switch(repo, "right", "main")
    gave = _set(repo, "2")
    _switch(repo, "main")
    _set(repo, "y", "main")
    repo.hours += 1
    repo.git("merge", "-q", "--no-ff", "-m", "Octopus", "left", "right")
    assert Given(repo, one, repo.head).commit == gave
