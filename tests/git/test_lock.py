"""The lock of a log: one writer at a time, who holds it, and that nothing is left locked by the dead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.errors import LogError, RepositoryError
from envgit.git.lock import locked
from envgit.git.repository import Repository
from tests.kit.repo import Repo

HOLD = (
    "import sys, time; from pathlib import Path; from envgit.git.lock import locked; from envgit.git.repository import Repository\n"
    "with locked(Repository.open(Path(sys.argv[1])), 'envgit-audit'): print('held', flush=True); time.sleep(60)\n"
)


@pytest.fixture
def holder(repo: Repo):
    """Another process that holds the lock until the test is over."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(repo.path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_writer_is_told_who_the_first_is(
    holder: subprocess.Popen[bytes], opened: Callable[[], Repository]
) -> None:
    """While another process writes, the lock is refused with that process's number; another log's is free."""
    with (
        pytest.raises(LogError, match=rf"another envgit \(process {holder.pid}\) writes this log; wait"),
        locked(opened(), "envgit-audit"),
    ):
        pytest.fail("two held it at once")
    with locked(opened(), "another/log"):
        pass


def test_a_linked_work_tree_shares_the_lock(holder: subprocess.Popen[bytes], repo: Repo, tmp_path: Path) -> None:
    """The lock is the repository's, not the work tree's."""
    repo.commit()
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    with pytest.raises(LogError), locked(Repository.open(tmp_path / "linked"), "envgit-audit"):
        pytest.fail("two held it at once")


def test_a_killed_writer_leaves_no_lock(holder: subprocess.Popen[bytes], opened: Callable[[], Repository]) -> None:
    """When the holder is killed the lock is free, though its file is still there."""
    holder.kill()
    holder.wait(10)
    entered = False
    with locked(opened(), "envgit-audit"):
        entered = True
    assert entered


def test_the_lock_is_given_back_after_an_error(opened: Callable[[], Repository]) -> None:
    """A writer that fails does not keep the next one out."""
    for _attempt in range(2):
        with pytest.raises(ZeroDivisionError), locked(opened(), "envgit-audit"):
            raise ZeroDivisionError


def test_where_no_lock_can_be_made_the_message_is_one_line(repo: Repo, opened: Callable[[], Repository]) -> None:
    """A repository that cannot be written to says so, and that nothing was recorded."""
    (repo.path / ".git" / "envgit").write_text("in the way")
    with (
        pytest.raises(RepositoryError, match=r"cannot write to .*/\.git/envgit: .*; nothing was recorded"),
        locked(opened(), "x"),
    ):
        pytest.fail("it was locked without a lock")
