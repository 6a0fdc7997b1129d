"""Which repositories can be opened, and what is said of those that cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envgit.errors import CannotTell, RepositoryError, UsageError
from envgit.git.repository import Repository
from tests.kit.repo import Repo


def _refusal(path: Path) -> str:
    with pytest.raises(RepositoryError) as caught:
        Repository.open(path)
    return str(caught.value)


@pytest.fixture
def filled(repo: Repo) -> Repo:
    repo.write("env", "one\n")
    repo.commit("One")
    return repo


def test_a_repository_is_found_from_below(filled: Repo) -> None:
    """Opening in a folder deep inside finds the repository around it."""
    below = filled.path / "a" / "b"
    below.mkdir(parents=True)
    found = Repository.open(below)
    assert found.work_dir == Path(os.path.realpath(filled.path))
    assert found.resolve("HEAD") == filled.head


def test_no_repository_is_named(tmp_path: Path) -> None:
    """Outside of any repository the message names the folder and what to do."""
    assert _refusal(tmp_path) == f"{tmp_path} is in no git repository; run envgit inside one, or name it with -C"


def test_a_folder_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    """A start that does not exist is the user's mistake, not the repository's."""
    with pytest.raises(UsageError, match="is no directory"):
        Repository.open(tmp_path / "none")


def test_a_bare_repository_has_no_work_tree(filled: Repo, tmp_path: Path) -> None:
    """A bare repository opens, reads commits, and has neither work files nor staged ones."""
    filled.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    found = Repository.open(tmp_path / "bare.git")
    assert (found.is_bare, found.work_dir, found.work_file("env")) == (True, None, None)
    assert found.blob(found.entry_at(found.resolve("main"), "env").id) == b"one\n"
    assert list(found.index_paths()) == []


def test_an_empty_repository_says_that_it_is_empty(repo: Repo) -> None:
    """Without a commit HEAD has a branch and no revision, and the message says what to do."""
    found = Repository.open(repo.path)
    assert (found.is_empty, found.head_branch()) == (True, "main")
    with pytest.raises(RepositoryError, match="has no commit yet; commit an environment first"):
        found.resolve("HEAD")


def test_a_detached_head_is_on_no_branch(filled: Repo) -> None:
    """A detached HEAD resolves, and names no branch."""
    filled.git("checkout", "-q", "--detach")
    found = Repository.open(filled.path)
    assert (found.head_branch(), found.resolve("HEAD")) == (None, filled.head)


def test_a_linked_work_tree_shares_what_is_common(filled: Repo, tmp_path: Path) -> None:
    """A linked work tree has a HEAD of its own, and the refs and locks of the main one."""
    filled.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    found = Repository.open(tmp_path / "linked")
    assert found.head_branch() == "other"
    assert found.common_dir == (filled.path / ".git").resolve()
    assert found.ref("refs/heads/main") == filled.head


def test_a_sha256_repository_is_named_as_such(tmp_path: Path) -> None:
    """A SHA-256 repository cannot be read, and the message says that and why."""
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(tmp_path / "r")], check=True)
    assert "is a SHA-256 repository, which libgit2 cannot read yet" in _refusal(tmp_path / "r")


def test_a_reftable_repository_is_named_as_such(repo: Repo) -> None:
    """A repository with reftable cannot be read, and the message names the way out."""
    repo.git("config", "core.repositoryformatversion", "1")
    repo.git("config", "extensions.refstorage", "reftable")
    assert "git refs migrate --ref-format=files" in _refusal(repo.path)


def test_a_broken_repository_is_one_line(filled: Repo) -> None:
    """A repository whose configuration is garbage is one line, and no traceback."""
    (filled.path / ".git" / "config").write_text("[core\nnonsense")
    said = _refusal(filled.path)
    assert "cannot be read as a git repository" in said
    assert "\n" not in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_somebody_else_is_refused(filled: Repo) -> None:
    """A repository that another user owns is refused, with the command that trusts it."""
    for path in (filled.path, filled.path / ".git"):
        os.chown(path, 12345, 12345)
    assert f"safe.directory {filled.path} if you trust it" in _refusal(filled.path)


def test_the_environment_does_not_redirect(filled: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `GIT_DIR` and its like name in a hook is not what is read, and they stay as they are."""
    other = Repo(tmp_path / "other")
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    found = Repository.open(filled.path)
    assert found.git_dir.parent.resolve() == filled.path.resolve()
    assert found.ref("refs/heads/main") is not None
    assert [path for path, _mode in found.index_paths()] == ["env"]
    assert os.environ["GIT_DIR"] == str(other.path / ".git")


def test_objects_of_an_alternate_are_found(filled: Repo, tmp_path: Path) -> None:
    """A clone that borrows its objects reads them as its own."""
    filled.git("clone", "-q", "--shared", ".", str(tmp_path / "borrowing"))
    found = Repository.open(tmp_path / "borrowing")
    assert found.blob(found.entry_at(found.resolve("HEAD"), "env").id) == b"one\n"


def test_a_lost_alternate_is_not_a_traceback(filled: Repo, tmp_path: Path) -> None:
    """Where the borrowed objects are gone, reading says which object is not here."""
    filled.git("clone", "-q", "--shared", ".", str(tmp_path / "borrowing"))
    shutil.move(filled.path, tmp_path / "gone")
    found = Repository.open(tmp_path / "borrowing")
    with pytest.raises(CannotTell, match="is not in this repository"):
        found.commit(found.ref("refs/heads/main"))
