"""Packs are written beside what goes on: the log is the same, and what goes wrong in the other process is told in this one."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from envgit import beside
from envgit.audit.objects import ObjectWrite
from envgit.beside import Beside, begun
from envgit.errors import CannotTell, RepositoryError
from envgit.git.history import Step
from envgit.git.objects import Objects
from envgit.log import append, clock, recording
from envgit.log.branch import OddLog
from envgit.log.record import Planned, Recorder
from envgit.model import CommitId
from tests.kit.cli import Cli
from tests.kit.repo import Repo

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="two processors of a Linux are needed"
)
ENTRIES = 12
TIME = "2026-02-01T00:00:00Z"


def test_what_the_other_process_finds_is_returned() -> None:
    """It is a process of its own, and its answer comes back."""
    found = Beside(os.getpid).result()
    assert isinstance(found, int)
    assert found != os.getpid()


def test_what_the_other_process_raises_is_raised_here() -> None:
    """An error of envgit's keeps its class, and so its exit status."""

    def refuse() -> None:
        raise RepositoryError("no room")

    with pytest.raises(RepositoryError, match="^no room$"):
        Beside(refuse).result()


def test_an_error_that_says_more_comes_back_whole() -> None:
    """What an error has besides its message comes along."""

    def refuse() -> None:
        raise OddLog("odd", CommitId("0" * 40))

    with pytest.raises(OddLog) as found:
        Beside(refuse).result()
    assert found.value.tip == "0" * 40


def test_a_process_that_is_killed_is_told() -> None:
    """Whoever has memory to reclaim kills the one that has most."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(CannotTell, match="ended by something else"):
        Beside(die).result()


def test_a_process_that_is_killed_as_it_answers_is_told() -> None:
    """A long answer waits in the pipe for the one that is to take it."""
    work = Beside(lambda: b"x" * 10_000_000)
    pid = work._process.pid
    assert pid is not None
    _until(lambda: _state(pid) == "S")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(CannotTell, match="ended by something else"):
        work.result()


def test_a_process_whose_answer_nobody_takes_ends() -> None:
    """Where the one that waits is killed, none is left over."""
    one = os.fork()
    if not one:
        work = Beside(lambda: b"x" * 10_000_000)
        Path(os.environ["HOME"], "pid").write_text(f"{work._process.pid}\n")
        signal.pause()
    told = Path(os.environ["HOME"], "pid")
    _until(lambda: told.exists() and told.read_text().endswith("\n"))
    other = int(told.read_text())
    _until(lambda: _state(other) == "S")
    os.kill(one, signal.SIGKILL)
    os.waitpid(one, 0)
    _until(lambda: _state(other) in ("", "Z"))


def test_ctrl_c_is_for_the_one_that_waits() -> None:
    """The terminal sends it to both; the other goes on."""
    assert signal.SIGINT in Beside(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ())).result()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def _state(pid: int) -> str:
    """Return what a process does: S waits, Z has ended, none is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _until(true: Callable[[], bool]) -> None:
    for _look in range(1_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


@pytest.fixture
def made(repo: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A history of which nothing is recorded yet; a batch has two entries, and is a pack."""
    monkeypatch.setattr(recording, "BATCH", 2)
    monkeypatch.setattr("envgit.git.objects.LOOSE_AT_MOST", 0)
    for module in (clock, recording):
        monkeypatch.setattr(module, "now", lambda: TIME, raising=False)
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    for number in range(ENTRIES - 1):
        repo.env("envs/production.yaml", {"TOKEN": f"token-number-{number}"})
        repo.commit(f"Change {number}")
    cli.ok("init", "--no-workflows")
    return repo


def _size(repo: Repo) -> int:
    return int(repo.git("rev-list", "--count", "envgit-audit"))


def _fails(monkeypatch: pytest.MonkeyPatch, at: int, how: Callable[[], None]) -> None:
    """Let the write of one batch fail, in whichever process it is."""
    whole, runs = Objects.write, []

    def write(self: Objects, objects: Iterable[ObjectWrite]) -> None:
        if os.getpid() != here and len(runs) == at:
            how()
        whole(self, objects)

    def send(self: append.Appender, *, apart: bool) -> None:
        runs.append(apart)
        sent(self, apart=apart)

    here, sent = os.getpid(), append.Appender._send
    monkeypatch.setattr(Objects, "write", write)
    monkeypatch.setattr(append.Appender, "_send", send)


def test_a_log_that_is_written_beside_is_as_one_that_is_not(
    made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same entries, whole packs, and it verifies; fingerprints differ, since their key is made anew."""
    begun = made.ref("envgit-audit")
    cli.ok("record")
    assert _size(made) == ENTRIES
    assert made.git("fsck", "--full", "--strict", check=True) == ""
    cli.ok("verify", "--all")
    told = made.git("log", "--format=%s%n%an%n%ad", "envgit-audit")
    made.git("update-ref", "refs/heads/envgit-audit", begun)
    shutil.rmtree(Path(os.environ["HOME"]) / ".local" / "state")  # what this machine saw
    monkeypatch.setattr(beside, "possible", lambda: False)
    cli.ok("record")
    assert made.git("log", "--format=%s%n%an%n%ad", "envgit-audit") == told


def test_large_entries_are_handed_over_earlier(made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch ends after so many bytes, too: each move of the branch stands in its reflog."""
    monkeypatch.setattr(recording, "BATCH", 1_000)
    monkeypatch.setattr(recording, "BATCH_BYTES", 1)
    before = len(made.git("reflog", "show", "envgit-audit").splitlines())
    cli.ok("record")
    assert len(made.git("reflog", "show", "envgit-audit").splitlines()) - before == ENTRIES - 1


@pytest.mark.parametrize("error", [RepositoryError("odd"), KeyboardInterrupt()])
def test_what_was_handed_over_is_kept_when_a_run_ends(
    made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """An error of what comes later, or Ctrl-C, takes nothing away that was on its way."""
    whole, seen = Recorder.describe, []

    def describe(self: Recorder, step: Step) -> Iterator[Planned]:
        seen.append(step)
        if len(seen) == 6:
            raise error
        return whole(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Recorder, "describe", describe)
        assert cli.run("record").exit == (130 if isinstance(error, KeyboardInterrupt) else 3)
    assert _size(made) == 5
    cli.ok("record")
    assert _size(made) == ENTRIES


def test_a_defect_beside_is_a_defect_here() -> None:
    """It is told by its kind, and what it may quote is not."""

    def fail() -> None:
        raise ValueError("a value")

    with pytest.raises(RuntimeError, match="^ValueError in a process beside$"):
        Beside(fail).result()


def test_where_no_process_is_to_be_had_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on processes costs time and nothing else."""

    def refuse(_work: object) -> Beside[int]:
        raise BlockingIOError

    monkeypatch.setattr(beside, "Beside", refuse)
    assert begun(os.getpid)() == os.getpid()


def _full() -> None:
    raise RepositoryError("cannot write: no space left on device")


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("how", "said"), [(_full, "no space left on device"), (_killed, "ended by something else")])
def test_what_goes_wrong_there_is_one_line_here_and_costs_nothing(
    made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch, how: Callable[[], None], said: str
) -> None:
    """What was written before is kept and counted, and the next run goes on from there."""
    with monkeypatch.context() as patched:
        _fails(patched, 3, how)
        ended = cli.run("record")
    assert ended.exit == 3
    assert said in ended.err
    assert "of this run 4 entries recorded" in ended.err
    assert _size(made) == 5
    cli.ok("record")
    assert _size(made) == ENTRIES
    cli.ok("verify", "--all")
