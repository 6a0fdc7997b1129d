"""Descent of commits: exact, whatever grafts, shallow marks and clocks say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.audit.objects import written
from envgit.errors import CannotTell
from envgit.git.history import first_parents
from envgit.git.objects import Absent
from envgit.git.repository import Repository
from envgit.model import CommitId
from tests.kit.repo import Repo

Opened = Callable[[], Repository]
TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def _graph(found: Repository, parents: list[list[int]], seconds: list[int]) -> list[CommitId]:
    """Write commits whose parents are earlier ones, at any times."""
    made: list[CommitId] = []
    for number, (above, second) in enumerate(zip(parents, seconds, strict=True)):
        rows = "".join(f"parent {made[place]}\n" for place in dict.fromkeys(above))
        person = f"A <a@b> {second} +0000"
        data = f"tree {TREE}\n{rows}author {person}\ncommitter {person}\n\n{number}\n".encode()
        item = written("commit", data)
        found.write([item])
        made.append(CommitId(item.id))
    return made


def _reachable(commit: int, parents: list[list[int]]) -> set[int]:
    seen, waiting = set(), [commit]
    while waiting:
        if (here := waiting.pop()) not in seen:
            seen.add(here)
            waiting += parents[here]
    return seen


@st.composite
def _graphs(draw: st.DrawFn, skew: int) -> tuple[list[list[int]], list[int]]:
    number = draw(st.integers(2, 14))
    parents = [draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else [] for n in range(number)]
    seconds = [1_700_000_000 + n * 3_600 + draw(st.integers(-skew, skew)) for n in range(number)]
    return parents, seconds


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_graphs(skew=10**8))
def test_descent_is_exact_under_any_clocks(opened: Opened, graph: tuple[list[list[int]], list[int]]) -> None:
    """Who lies behind whom is what the parents say, however wrong the times are."""
    parents, seconds = graph
    found = opened()
    made = _graph(found, parents, seconds)
    for new in range(len(made)):
        behind = _reachable(new, parents)
        assert [old for old in range(len(made)) if found.is_ancestor(made[old], made[new])] == sorted(behind)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_graphs(skew=40_000))
def test_what_lies_between_is_exact_under_honest_clocks(
    opened: Opened, graph: tuple[list[list[int]], list[int]]
) -> None:
    """With clocks that are wrong by less than a day the commits between two are exact, and parents come first."""
    parents, seconds = graph
    found = opened()
    made = _graph(found, parents, seconds)
    for old in (None, *range(len(made))):
        for new in range(len(made)):
            between = found.between(made[old] if old is not None else None, made[new])
            behind = _reachable(old, parents) if old is not None else set()
            assert sorted(between) == sorted(made[n] for n in _reachable(new, parents) - behind)
            places = {commit: place for place, commit in enumerate(between)}
            assert all(places[p] < places[c] for c in between for p in found.links(c).parents if p in places)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_graphs(skew=0))
def test_the_merge_base_is_one_of_git_s(repo: Repo, graph: tuple[list[list[int]], list[int]]) -> None:
    """The best common ancestor is one that git names, and there is none where git finds none."""
    parents, seconds = graph
    found = Repository.open(repo.path)
    made = _graph(found, parents, seconds)
    one, other = made[-1], made[len(made) // 2]
    named = repo.git("merge-base", "--all", one, other, check=False).split()
    base = found.merge_base(one, other)
    assert base in named if named else base is None


@pytest.fixture
def line(repo: Repo) -> list[str]:
    return [repo.commit(str(number)) for number in range(6)]


def test_grafts_have_no_say(repo: Repo, opened: Opened, line: list[str]) -> None:
    """A graft that cuts history off, which git obeys, changes nothing here."""
    (repo.path / ".git" / "info" / "grafts").write_text(f"{line[4]} {line[0]}\n")
    assert int(repo.git("rev-list", "--count", "HEAD")) == 3
    found = opened()
    assert found.commit(line[4]).parents == (line[3],)
    assert found.is_ancestor(line[2], line[5])
    assert found.between(line[1], line[5]) == line[2:]
    assert found.merge_base(line[2], line[5]) == line[2]
    assert found.resolve("HEAD~3") == line[2]
    assert first_parents(found, line[5], None) == line


def test_a_forged_shallow_mark_has_no_say(repo: Repo, opened: Opened, line: list[str]) -> None:
    """A repository that calls itself shallow and is not is read whole."""
    (repo.path / ".git" / "shallow").write_text(f"{line[3]}\n")
    assert int(repo.git("rev-list", "--count", "HEAD")) == 3
    found = opened()
    assert found.is_ancestor(line[0], line[5])
    assert first_parents(found, line[5], None) == line
    assert found.count_first_parents(line[5], line[0], None) == 5


@pytest.fixture
def shallow(repo: Repo, line: list[str], tmp_path: Path) -> Repository:
    """The three newest commits of the line."""
    return Repository.open(Repo.clone(f"file://{repo.path}", tmp_path / "shallow", "--depth=3").path)


def test_a_shallow_clone_says_what_it_lacks_and_how_to_get_it(shallow: Repository, line: list[str]) -> None:
    """What needs history beyond the cut cannot be told, and names the command; what does not, is told."""
    command = "where this shallow clone ends; git fetch --unshallow origin"
    assert shallow.is_shallow
    assert shallow.is_ancestor(line[3], line[5])
    assert not shallow.is_ancestor(line[5], line[3])
    assert shallow.between(line[4], line[5]) == line[5:]
    for ask in (
        lambda: shallow.is_ancestor(line[0], line[5]),
        lambda: shallow.between(None, line[5]),
        lambda: first_parents(shallow, line[5], None),
        lambda: shallow.resolve("HEAD~4"),
        lambda: shallow.resolve(line[2]),
    ):
        with pytest.raises(Absent, match=command):
            ask()
    assert shallow.count_first_parents(line[5], line[0], None) is None


def test_a_commit_that_is_nowhere_is_not_behind_one_whose_history_is_whole(opened: Opened, line: list[str]) -> None:
    """A commit that is gone lies behind nothing, and only a whole history can tell."""
    assert not opened().is_ancestor(CommitId("a" * 40), line[5])
    with pytest.raises(CannotTell):
        opened().is_ancestor(line[0], CommitId("a" * 40))


def test_a_far_descendant_is_found_in_a_wide_history(opened: Opened) -> None:
    """In a history of three hundred commits with many merges the answers are those of plain reachability."""
    choose = Random(5)
    parents = [
        [] if not n else choose.sample(range(max(0, n - 6), n), k=min(n, choose.choice([1, 1, 2]))) for n in range(300)
    ]
    found = opened()
    made = _graph(found, parents, [1_700_000_000 + n for n in range(300)])
    reachable = _reachable(299, parents)
    asked = choose.sample(range(299), 40)
    assert [found.is_ancestor(made[n], made[299]) for n in asked] == [n in reachable for n in asked]
