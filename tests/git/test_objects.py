"""Objects by their ids: checked, fetched where git can, and written whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.audit.objects import blob_id, written
from envgit.errors import CannotTell, RepositoryError
from envgit.git.objects import LOOSE_AT_MOST, Absent
from envgit.git.repository import Repository
from envgit.model import ObjectId
from tests.kit.repo import Repo
from tests.kit.server import Server

Opened = Callable[[], Repository]


def _loose(repo: Repo, oid: str) -> Path:
    return repo.path / ".git" / "objects" / oid[:2] / oid[2:]


def _state(repo: Repo) -> dict[str, bytes]:
    """Everything of a repository but its objects."""
    files = [path for path in repo.path.rglob("*") if path.is_file() and "objects" not in path.parts]
    return {str(path): path.read_bytes() for path in files}


def test_what_is_read_is_what_git_has(repo: Repo, opened: Opened) -> None:
    """Kind, size, bytes and digest of an object are git's and SHA-256's."""
    repo.write("env", "one\n")
    commit = repo.commit()
    found = opened()
    oid = found.entry_at(commit, "env").id
    assert found.raw(oid) == ("blob", b"one\n")
    assert (found.size(oid), found.has(oid)) == (4, True)
    assert found.digest(oid) == "sha256:2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    assert found.raw(commit)[1].decode() == repo.git("cat-file", "commit", commit) + "\n"


def test_an_absent_object_names_what_to_do(opened: Opened) -> None:
    """An object that is not here is named, with a command, and so is one whose id is none."""
    with pytest.raises(Absent, match="aaaaaaaaaaaa is not in this repository; git fetch"):
        opened().raw(ObjectId("a" * 40))
    assert not opened().has("no id")
    with pytest.raises(CannotTell):
        opened().raw(ObjectId("no id"))


def test_an_object_that_is_not_what_its_name_says_is_refused(repo: Repo, opened: Opened) -> None:
    """Bytes under another object's id, which git itself would return, are damage."""
    repo.write("env", "one\n")
    commit = repo.commit()
    oid = opened().entry_at(commit, "env").id
    path = _loose(repo, oid)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 4\0two\n"))
    assert repo.git("cat-file", "blob", oid) == "two"
    with pytest.raises(CannotTell, match=f"object {oid[:12]} is damaged; git fsck says more"):
        opened().blob(oid)


def test_replacements_have_no_say(repo: Repo, opened: Opened) -> None:
    """`refs/replace` changes what git shows of a commit, and nothing here."""
    repo.write("env", "one\n")
    one = repo.commit("One")
    repo.write("env", "two\n")
    two = repo.commit("Two")
    repo.git("replace", two, one)
    assert repo.git("log", "-1", "--format=%s", two) == "One"
    assert opened().commit(two).subject == "Two"


@pytest.mark.parametrize("number", [3, LOOSE_AT_MOST + 1])
def test_written_objects_are_git_s(repo: Repo, opened: Opened, number: int) -> None:
    """Few objects or many, git finds each sound, and nothing but objects has changed."""
    repo.commit()
    before = _state(repo)
    items = [written("blob", f"{n}\n".encode() * (n % 50)) for n in range(number)]
    found = opened()
    found.write(items)
    found.write(items)
    assert [found.blob(item.id) for item in items] == [item.data for item in items]
    repo.git("fsck", "--strict")
    assert _state(repo) == before
    packs = list((repo.path / ".git" / "objects" / "pack").glob("*.pack"))
    assert len(packs) == (number > LOOSE_AT_MOST)


def test_an_object_under_a_wrong_name_is_not_written(opened: Opened) -> None:
    """An object whose id is not its bytes' is refused."""
    right = written("blob", b"one\n")
    with pytest.raises(RepositoryError, match="was written as"):
        opened().write([right._replace(data=b"two\n")])


def test_a_pack_that_git_refuses_leaves_none(repo: Repo, opened: Opened) -> None:
    """Where git does not take a pack, the message is one line and no pack is there."""
    bad = [written("tree", b"no tree %d" % n) for n in range(LOOSE_AT_MOST + 1)]
    with pytest.raises(RepositoryError, match=r"cannot write to .*") as caught:
        opened().write(bad)
    assert "\n" not in str(caught.value)
    assert list((repo.path / ".git" / "objects" / "pack").glob("*.pack")) == []


@pytest.mark.parametrize("number", [1, LOOSE_AT_MOST + 1])
def test_a_full_disk_is_one_line_and_leaves_nothing_half(repo: Repo, opened: Opened, number: int) -> None:
    """Where the file system takes no more, the message says so, and every object that is there is whole."""
    repo.commit()
    script = (
        "import resource, signal, sys; from pathlib import Path; from random import Random\n"
        "from envgit.audit.objects import written; from envgit.errors import RepositoryError\n"
        "from envgit.git.repository import Repository\n"
        "repo = Repository.open(Path(sys.argv[1])); r = Random(1)\n"
        "items = [written('blob', r.randbytes(20_000)) for _ in range(int(sys.argv[2]))]\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "try: repo.write(items)\n"
        "except RepositoryError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(repo.path), str(number)], capture_output=True, text=True)
    assert done.stdout.count("\n") == 1, done.stderr
    assert done.stdout.startswith(f"cannot write to {repo.path}")
    assert done.stdout.endswith("\n")
    repo.git("fsck", "--strict")
    assert repo.git("cat-file", "--batch-all-objects", "--batch-check").count("\n") == 1


def test_a_repository_that_cannot_be_written_is_one_line(repo: Repo, opened: Opened) -> None:
    """Where the object folder takes no files, the message names the repository."""
    found = opened()
    item = written("blob", b"one\n")
    (repo.path / ".git" / "objects" / item.id[:2]).write_text("in the way")
    with pytest.raises(RepositoryError, match=r"cannot write to .*"):
        found.write([item])


@pytest.fixture
def served(repo: Repo, server: Server) -> str:
    for text in ("one\n", "two\n"):
        repo.write("deep/env", text)
        repo.write("other", text * 2)
        repo.commit()
    server.create(source=repo.path)
    return server.url()


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_what_it_lacks(served: str, tmp_path: Path, kind: str) -> None:
    """In a partial clone trees and blobs come when they are read, as git has them come."""
    clone = Repo.clone(served, tmp_path / "clone", f"--filter={kind}", "--no-checkout")
    found = Repository.open(clone.path)
    assert found.is_partial
    entry = found.entry_at(found.resolve("HEAD~1"), "deep/env")
    assert entry.id == blob_id(b"one\n")
    assert not found.has(entry.id)
    assert (found.size(entry.id), found.blob(entry.id)) == (4, b"one\n")


def test_a_partial_clone_fetches_many_at_once(served: str, server: Server, tmp_path: Path) -> None:
    """What is known to be needed comes in one go."""
    clone = Repo.clone(served, tmp_path / "clone", "--filter=blob:none", "--no-checkout")
    found = Repository.open(clone.path)
    needed = [blob_id(text) for text in (b"one\n", b"two\n", b"one\none\n")]
    del server.requests[:]
    found.prefetch(needed)
    assert all(found.has(oid) for oid in needed)
    # One asks for the refs, one for the objects.
    assert sum("git-upload-pack HTTP" in line for line in server.requests) <= 2


def test_a_partial_clone_without_its_remote_says_so(served: str, server: Server, tmp_path: Path) -> None:
    """Where the promised object cannot be had, the message names the object and the remote."""
    clone = Repo.clone(served, tmp_path / "clone", "--filter=blob:none", "--no-checkout")
    (server.folder / "origin.git").rename(server.folder / "gone.git")
    found = Repository.open(clone.path)
    with pytest.raises(Absent, match="is not in this partial clone and origin did not give it; git cat-file -t"):
        found.blob(blob_id(b"one\n"))


def test_a_shallow_partial_clone_does_not_fetch_its_past(served: str, server: Server, tmp_path: Path) -> None:
    """The parent of the last commit of a shallow clone is not fetched by the way: with it would come all history."""
    clone = Repo.clone(served, tmp_path / "clone", "--filter=blob:none", "--depth=1")
    found = Repository.open(clone.path)
    (parent,) = found.commit(found.resolve("HEAD")).parents
    del server.requests[:]
    for read in (found.commit, found.links, found.raw):
        with pytest.raises(Absent, match="where this shallow clone ends; git fetch --unshallow origin"):
            read(parent)
    assert server.requests == []
