"""Trees: what lies at a path, which files there are, and what differs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.audit.objects import ObjectWrite, tree_row, written
from envgit.errors import RepositoryError
from envgit.git import trees
from envgit.git.repository import TREE, Repository
from envgit.model import ObjectId
from tests.kit.repo import Repo

Opened = Callable[[], Repository]


def _all(_directory: str) -> bool:
    return True


def _put(repo: Repo, data: bytes) -> ObjectId:
    return ObjectId(repo.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", data=data))


def test_files_are_those_of_ls_tree(repo: Repo, opened: Opened) -> None:
    """The files of a tree, links and odd names among them, are those of `git ls-tree -r`, in its order."""
    for path in ("a", "b/c", "b/d/e", "b.txt", "b-x", "ü/ß", "z z"):
        repo.write(path, path)
    (repo.path / "link").symlink_to("a")
    (repo.path / "byte\udcff").write_text("x")
    commit = repo.commit()
    found = opened()
    rows = [f"{entry.mode:06o} {entry.id} {entry.path}" for entry in found.files(found.commit(commit).tree, _all)]
    listed = repo.git("ls-tree", "-r", "-z", commit).rstrip("\0").split("\0")
    assert rows == [line.replace(" blob ", " ").replace("\t", " ") for line in listed]


def test_directories_that_are_not_entered_are_not_read(repo: Repo, opened: Opened) -> None:
    """Where `enter` refuses a directory, nothing below it is listed or compared."""
    for path in ("envs/one", "src/two"):
        repo.write(path, "x")
    tree = opened().commit(repo.commit()).tree
    asked: list[str] = []

    def enter(directory: str) -> bool:
        asked.append(directory)
        return directory == "envs"

    assert [entry.path for entry in opened().files(tree, enter)] == ["envs/one"]
    assert [path for path, _old, _new in opened().changed(None, tree, enter)] == ["envs/one"]
    assert sorted(set(asked)) == ["envs", "src"]


def test_an_entry_is_found_by_its_whole_path(repo: Repo, opened: Opened) -> None:
    """A path gives its blob, directory or nothing; a file is no directory."""
    repo.write("a/b/c", "x")
    commit = repo.commit()
    found = opened()
    assert found.entry_at(commit, "a/b/c").id == repo.git("rev-parse", f"{commit}:a/b/c")
    assert found.entry_at(commit, "a/b").mode == TREE
    assert [found.entry_at(commit, path) for path in ("a/x", "x", "a/b/c/d", "", "a//b", "/a")] == [None] * 6
    assert found.entry_at(found.commit(commit).tree, "a/b/c") == found.entry_at(commit, "a/b/c")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "a/b", "a/c", "b", "b/a/a", "c"]), st.sampled_from("12")),
        min_size=2,
        max_size=2,
    )
)
def test_changes_are_those_of_diff_tree(repo: Repo, sides: list[dict[str, str]]) -> None:
    """What differs between two trees is what `git diff-tree -r` says, whatever became a directory."""
    ids = []
    for side in sides:
        repo.git("rm", "-rqf", "--cached", "--ignore-unmatch", ".")
        for path, text in side.items():
            if any(other.startswith(path + "/") for other in side):
                continue
            oid = repo.git("hash-object", "-w", "--stdin", data=text.encode())
            repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}")
        ids.append(ObjectId(repo.git("write-tree")))
    found = Repository.open(repo.path)
    rows = sorted(
        f"{old.mode if old else 0:06o} {new.mode if new else 0:06o} {old.id if old else '0' * 40} {new.id if new else '0' * 40} {path}"
        for path, old, new in found.changed(ids[0], ids[1], _all)
    )
    told = repo.git("diff-tree", "-r", "--no-renames", *ids).splitlines()
    expected = sorted(
        f"{a[1:]} {b} {old} {new} {rest.split(chr(9))[1]}"
        for a, b, old, new, rest in (line.split(" ", 4) for line in told)
    )
    assert rows == expected


@pytest.mark.parametrize(
    "data", [b"junk", b"100644 a\0short", b"100644 a\0" + b"x" * 20 + b"more", b"9 a\0" + b"x" * 20]
)
def test_a_malformed_tree_is_one_line(repo: Repo, opened: Opened, data: bytes) -> None:
    """Bytes that are no tree's are an error that names the object."""
    oid = _put(repo, data)
    with pytest.raises(RepositoryError, match=f"{oid[:12]} is no sound tree; git fsck says more"):
        opened().entry_at(oid, "a")


def test_of_two_entries_with_one_name_the_first_counts(repo: Repo, opened: Opened) -> None:
    """A tree that names one file twice shows the first, as git does."""
    one, two = (ObjectId(repo.git("hash-object", "-w", "--stdin", data=text)) for text in (b"one", b"two"))
    oid = _put(repo, tree_row(b"100644", b"a", one) + tree_row(b"100644", b"a", two))
    assert opened().entry_at(oid, "a").id == one == repo.git("rev-parse", f"{oid}:a")


def _nested(depth: int) -> list[ObjectWrite]:
    items = [written("blob", b"x")]
    row = tree_row(b"100644", b"f", items[0].id)
    for _level in range(depth):
        items.append(written("tree", row))
        row = tree_row(b"40000", b"d", items[-1].id)
    return items


def test_a_tree_may_be_deeper_than_python_likes(opened: Opened) -> None:
    """Fifteen hundred directories in one another are walked; more than a path can hold is one line."""
    found = opened()
    items = _nested(1_500)
    found.write(items)
    assert [entry.path for entry in found.files(items[-1].id, _all)] == ["d/" * 1_499 + "f"]
    assert [path for path, _old, _new in found.changed(None, items[-1].id, _all)] == ["d/" * 1_499 + "f"]
    items = _nested(2_500)
    found.write(items)
    with pytest.raises(RepositoryError, match="has a path of more than 4,096 characters"):
        list(found.files(items[-1].id, _all))


def test_a_tree_that_would_be_a_billion_paths_is_one_line(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees that hold one another many times end in a message, not in the machine's memory."""
    monkeypatch.setattr(trees, "MOST_ENTRIES", 5_000)
    items = [written("blob", b"x")]
    rows = b"".join(tree_row(b"100644", b"%d" % n, items[0].id) for n in range(10))
    for _level in range(9):
        items.append(written("tree", rows))
        rows = b"".join(tree_row(b"40000", b"%d" % n, items[-1].id) for n in range(10))
    found = opened()
    found.write(items)
    for walk in (found.files(items[-1].id, _all), found.changed(None, items[-1].id, _all)):
        with pytest.raises(
            RepositoryError, match=r"has more than 5,000 entries; narrow the patterns in \.envgit\.yaml"
        ):
            list(walk)
