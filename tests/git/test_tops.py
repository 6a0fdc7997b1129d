"""Trees looked at by their top, one after another: never "the same" where what is watched differs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.audit.objects import ObjectWrite, blob_id, object_id
from envgit.errors import RepositoryError
from envgit.git.repository import Repository
from envgit.git.tops import Tops
from envgit.model import ObjectId
from tests.kit.repo import Repo

WATCHED = ("envs", ".envgit.yaml")
# An id is any twenty bytes: also such as look like a row of their own.
IDS = [bytes([number]) * 20 for number in range(3)] + [b"100644 envs\0aaaaaaaa", b"0000 envs\0" + b"\1" * 10]
NAMES = [b"envs", b".envgit.yaml", b"a", b"x envs", b"y40000 envs", b"zz"]
ROWS = st.lists(
    st.tuples(st.sampled_from([b"40000", b"100644", b"160000"]), st.sampled_from(NAMES), st.sampled_from(IDS)),
    max_size=6,
)


def _first(rows: list[tuple[bytes, bytes, bytes]]) -> dict[bytes, tuple[bytes, bytes]]:
    found: dict[bytes, tuple[bytes, bytes]] = {}
    for mode, name, oid in rows:
        found.setdefault(name, (mode, oid))
    return {name: row for name, row in found.items() if name.decode() in WATCHED}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    path: Path = tmp_path_factory.mktemp("tops")
    Repo(path)
    return Repository.open(path)


def _tree(repo: Repository, rows: list[tuple[bytes, bytes, bytes]]) -> ObjectId:
    data = b"".join(b"%s %s\0%s" % row for row in rows)
    oid = object_id("tree", data)
    repo.write([ObjectWrite(oid, "tree", data)])
    return oid


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=2, max_size=8), st.data())
def test_what_is_watched_is_compared_as_if_all_rows_were(
    repo: Repository, trees: list[list[tuple[bytes, bytes, bytes]]], data: st.DataObject
) -> None:
    """Trees by chance, and such as differ in one row's id from the one before; in turn, and out of turn."""
    for rows in list(trees):
        if rows:
            place = data.draw(st.integers(0, len(rows) - 1))
            trees.insert(
                data.draw(st.integers(0, len(trees))),
                [*rows[:place], (*rows[place][:2], data.draw(st.sampled_from(IDS))), *rows[place + 1 :]],
            )
    tops = Tops(repo, WATCHED)
    order = [data.draw(st.integers(0, len(trees) - 1)) for _step in range(12)]
    for old, new in zip(order, order[1:], strict=False):
        before, after = trees[old], trees[new]
        assert tops.differ(_tree(repo, before), _tree(repo, after)) == (_first(before) != _first(after))


def test_a_change_that_is_taken_back_is_two(repo: Repository) -> None:
    """From one row that differs to a tree with another number of rows, in which it is as it was at first."""
    one = [(b"40000", b"envs", IDS[0])]
    two = [(b"40000", b"envs", IDS[1])]
    three = [(b"100644", b"a", IDS[0]), *one]
    tops = Tops(repo, WATCHED)
    a, b, c = (_tree(repo, rows) for rows in (one, two, three))
    assert [tops.differ(a, b), tops.differ(b, c), tops.differ(c, a)] == [True, True, False]


def test_what_is_no_tree_is_said(repo: Repository) -> None:
    """A tree that is cut off, or another object, is an error and not a difference."""
    whole = _tree(repo, [(b"40000", b"envs", IDS[0])])
    for kind, data in (("tree", b"40000 envs\0abc"), ("blob", b"x")):
        oid = object_id(kind, data)
        repo.write([ObjectWrite(oid, kind, data)])
        with pytest.raises(RepositoryError):
            Tops(repo, WATCHED).differ(whole, oid)
    assert blob_id(b"x")
