"""Git's objects and trees, made in memory."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgit.audit.canonical import FormatError
from envgit.audit.objects import BLOB_MODE, TREE_MODE, blob_id, find_in_tree, tree_row, tree_rows, written
from envgit.audit.tree import Tree
from envgit.model import ObjectId

from .chain import write_repository

PARTS = st.sampled_from(("a", "a-", "a.b", "a0", "b", "ab", "A", "z%2F"))
PUTS = st.lists(st.tuples(st.lists(PARTS, min_size=1, max_size=3).map(tuple), st.binary(max_size=3)), max_size=25)
Objects = dict[ObjectId, tuple[str, bytes]]


def disjoint(puts: list[tuple[tuple[str, ...], bytes]]) -> list[tuple[tuple[str, ...], bytes]]:
    """Keep directories `d…` and files `f…` apart, so that no file stands where a directory should."""
    return [((*(f"d{part}" for part in path[:-1]), f"f{path[-1]}"), data) for path, data in puts]


def grown(puts: list[tuple[tuple[str, ...], bytes]], each: bool) -> tuple[ObjectId, Objects]:
    """Return the root after some puts, flushed after each of them or once, and all objects."""
    tree, objects = Tree(), {}
    root, new = tree.flush()
    objects.update({made.id: (made.kind, made.data) for made in new})
    for path, data in puts:
        tree.put(path, data)
        if each:
            root, new = tree.flush()
            objects.update({made.id: (made.kind, made.data) for made in new})
    root, new = tree.flush()
    objects.update({made.id: (made.kind, made.data) for made in new})
    return root, objects


@given(PUTS)
def test_a_tree_is_what_was_put_whatever_the_order_of_flushes(puts: list[tuple[tuple[str, ...], bytes]]) -> None:
    """The root depends on what stands where alone, and everything is read back, from memory and from the objects."""
    puts = disjoint(puts)
    root, objects = grown(puts, each=True)
    last = dict(puts)
    assert root == grown(list(reversed(last.items())), each=False)[0]
    loaded = Tree(lambda oid: objects[oid][1], root)
    assert all(loaded.get(path) == data for path, data in last.items())
    assert loaded.get(("no", "such")) is None


@given(PUTS, PUTS)
def test_going_on_from_a_stored_tree_is_going_on(before: list, after: list) -> None:
    """A tree loaded from objects takes changes as the one in memory does, and hands out only what is new."""
    before, after = disjoint(before), disjoint(after)
    root, objects = grown(before, each=False)
    tree = Tree(lambda oid: objects[oid][1], root)
    for path, data in after:
        tree.put(path, data)
    found, new = tree.flush()
    assert found == grown([*before, *after], each=False)[0]
    assert tree.flush() == (found, [])
    if not after:
        assert new == []


@settings(max_examples=10, deadline=None)
@given(PUTS)
def test_git_makes_the_same_tree(tmp_path_factory: pytest.TempPathFactory, puts: list) -> None:
    """`git write-tree` over the same files gives the same id, and fsck is content."""
    directory = tmp_path_factory.mktemp("git")
    root, objects = grown(disjoint(puts), each=True)
    write_repository(directory, objects, root)
    env = {**os.environ, "GIT_DIR": str(directory), "GIT_INDEX_FILE": str(directory / "index")}
    rows = "".join(
        f"100644 {written('blob', data).id}\t{'/'.join(path)}\n" for path, data in dict(disjoint(puts)).items()
    )
    subprocess.run(["git", "update-index", "--index-info"], input=rows, text=True, env=env, check=True)
    made = subprocess.run(["git", "write-tree"], env=env, check=True, capture_output=True, text=True)
    assert made.stdout.strip() == root


def test_names_are_there_before_a_flush() -> None:
    """A directory that was put a moment ago is listed."""
    tree = Tree()
    tree.put(("a", "b", "c"), b"")
    assert tree.names(("a",)) == ["b"]
    assert tree.names(("a", "b")) == ["c"]
    assert tree.names(("x",)) == []


def test_what_is_forgotten_is_written_all_the_same() -> None:
    """A folder that is not kept in memory is in the tree and in what is handed out."""
    tree = Tree(forget=("entries",))
    tree.put(("entries", "1"), b"one")
    root, new = tree.flush()
    assert (root, [made.data for made in new]) == (grown([(("entries", "1"), b"one")], each=False)[0], [
        b"one", *(made.data for made in new if made.kind == "tree"),
    ])  # fmt: skip
    with pytest.raises(FormatError):
        tree.get(("entries", "1"))


def test_a_file_where_a_directory_belongs_is_an_error() -> None:
    """A hostile tree with a blob in the way ends in FormatError, not in a traceback."""
    tree = Tree()
    tree.put(("a",), b"")
    with pytest.raises(FormatError):
        tree.put(("a", "b"), b"")


@pytest.mark.parametrize("data", [b"100644", b"100644 a", b"100644 a\0", b"100644 a\0" + b"x" * 19, b"\0", b" " * 30])
def test_cut_trees_are_an_error(data: bytes) -> None:
    """Bytes that are no tree raise FormatError."""
    with pytest.raises(FormatError):
        list(tree_rows(data))


@given(st.binary(max_size=60))
def test_tree_rows_raise_nothing_else(data: bytes) -> None:
    """Arbitrary bytes are rows, and give the same bytes again, or raise FormatError."""
    try:
        rows = list(tree_rows(data))
    except FormatError:
        return
    assert b"".join(tree_row(*row) for row in rows) == data


def test_only_files_and_directories_are_found() -> None:
    """A symbolic link, a submodule or an executable is not what an entry can be."""
    oid = written("blob", b"").id
    rows = ((b"120000", b"a"), (b"160000", b"b"), (b"100755", b"c"), (BLOB_MODE, b"d"), (TREE_MODE, b"e"))
    data = b"".join(tree_row(mode, name, oid) for mode, name in rows)
    found = [find_in_tree(data, name) for name in (b"a", b"b", b"c", b"d", b"e", b"f")]
    assert found == [None, None, None, (BLOB_MODE, oid), (TREE_MODE, oid), None]


def test_what_did_not_change_is_not_written_again() -> None:
    """One file among a thousand costs two new objects and the root, and each names the one that it took the place of."""
    tree = Tree()
    for number in range(1000):
        tree.put(("v", f"{number:04}"), b"")
    tree.put(("w", "a"), b"")
    root, before = tree.flush()
    folder = next(made.id for made in before if made.kind == "tree" and len(made.data) > 1000)
    tree.put(("v", "0500"), b"new")
    _root, new = tree.flush()
    assert [(made.kind, made.like) for made in new] == [("blob", blob_id(b"")), ("tree", folder), ("tree", root)]
    assert tree.names(()) == ["v", "w"]


def test_a_new_file_is_like_its_neighbour() -> None:
    """A file that was not there is likely to resemble the one before it; the first of a folder resembles nothing."""
    tree = Tree()
    tree.put(("v", "01"), b"one")
    tree.put(("v", "03"), b"three")
    tree.put(("v", "02"), b"two")
    _root, new = tree.flush()
    assert [made.like for made in new[:3]] == [None, blob_id(b"one"), blob_id(b"one")]


def test_forgotten_folders_go_on() -> None:
    """A tree that forgets what it wrote gives the same ids as one that does not, as long as files come in order."""
    kept, forgetful = Tree(), Tree(forget=("e",))
    for number in range(30):
        for tree in (kept, forgetful):
            tree.put(("e", f"{number // 10}", f"{number:02}"), b"%d" % number)
            tree.put(("v", "x"), b"%d" % number)
        assert kept.flush()[0] == forgetful.flush()[0]
    assert forgetful.get(("v", "x")) == b"29"
    with pytest.raises(FormatError):
        forgetful.put(("e", "0", "late"), b"")


@pytest.mark.parametrize(
    "row", [(b"40000", b"100644 a.json"), (b"040000", b"a.json"), (b"140000", b"a.json"), (b"100755", b"a.json")]
)
def test_what_only_looks_like_a_row_is_none(row: tuple[bytes, bytes]) -> None:
    """A row's name or mode may hold the bytes of another: before and after a change the tree is the same."""
    data = tree_row(row[0], row[1], blob_id(b"x"))
    tree = Tree(lambda _oid: data, ObjectId("0" * 40))
    assert tree.get(("a.json",)) is None
    tree.put(("b.json",), b"")
    assert tree.get(("a.json",)) is None


def test_a_file_takes_no_directorys_place() -> None:
    """What would leave two rows of one name is refused."""
    tree = Tree()
    tree.put(("a", "b"), b"")
    tree.flush()
    with pytest.raises(FormatError):
        tree.put(("a",), b"")
    tree.put(("c",), b"")
    with pytest.raises(FormatError):
        tree.put(("c", "d"), b"")
