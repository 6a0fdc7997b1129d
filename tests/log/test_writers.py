"""Several writers, killed writers: every step is recorded exactly once, on a linear branch, whoever was first or died."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kit.cli import ROOT, Cli, process
from tests.kit.faults import CANARY, hold_no_value, traces
from tests.kit.repo import Repo
from tests.kit.server import Server

PATH = "envs/production.yaml"


def test_four_writers_at_once_record_every_step_exactly_once(repo: Repo, cli: Cli, tmp_path: Path) -> None:
    """Each fetches, rebuilds and signs again where another was first; nothing is forced, nothing doubled, nothing lost."""
    remote = Repo(tmp_path / "remote.git", "--bare")
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token"})
    repo.commit("Begin")
    cli.ok("init")
    repo.commit("Audit the environments")
    repo.git("remote", "add", "origin", str(remote.path))
    repo.git("push", "-q", "origin", "main")
    cli.ok("record", "--push")
    clones = [Repo.clone(remote.path, tmp_path / f"clone{number}") for number in range(4)]
    for number in range(8):
        repo.env(PATH, {"TOKEN": f"token-number-{number}"})
        repo.commit(f"Change {number}")
    repo.git("push", "-q", "origin", "main")
    key = repo.git("config", "envgit.signingKey")

    def write(clone: Repo) -> subprocess.CompletedProcess[str]:
        state = {"XDG_STATE_HOME": str(clone.path.parent / f"state-of-{clone.path.name}")}
        return process(
            clone.path, "record", "--push", ENVGIT_SIGNING_KEY_FILE=key, SOPS_AGE_KEY=repo.key.identity, **state
        )

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, clones))
    assert [ran.returncode for ran in done] == [0] * 4, [ran.stderr for ran in done]
    cli.ok("record", "--push")
    found = cli.ok("log", "--json").json["entries"]
    commits = [entry["source"]["commit"] for entry in found if entry["kind"] == "change"]
    assert len(commits) == len(set(commits)) == 9
    assert remote.git("rev-list", "--count", "--min-parents=2", "envgit-audit") == "0"
    cli.ok("verify", "--deep")


def test_a_killed_record_leaves_a_sound_log_and_the_next_run_completes_it(
    real_history: Path, identity: str, cli: Cli, tmp_path: Path
) -> None:
    """Wherever kill -9 strikes, the branch is where it was or at a sound entry, and the rerun gives the whole log."""
    repo = Repo.clone(real_history, tmp_path / "repo")
    cli.directory = repo.path
    cli.identity(identity)
    cli.ok("init")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SOPS_AGE_KEY": identity}
    for number in range(8):
        running = subprocess.Popen(
            [sys.executable, "-m", "envgit", "record"], cwd=repo.path, env=environ, stdout=subprocess.DEVNULL
        )
        time.sleep(0.1 + 0.06 * number)
        running.kill()
        running.wait()
        ran = cli.run("verify")
        assert ran.exit in (0, 4), ran.err
    cli.ok("record")
    assert cli.ok("verify", "--json").json["entries"] == 107


def test_what_is_recorded_already_is_not_recorded_again(repo: Repo, cli: Cli) -> None:
    """record is idempotent: a second run writes no object and moves nothing."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token"})
    repo.commit("Begin")
    cli.ok("init")
    cli.ok("record")
    before = repo.ref("envgit-audit"), repo.git("count-objects")
    assert "nothing to record" in cli.ok("record").out
    assert (repo.ref("envgit-audit"), repo.git("count-objects")) == before


def test_index_work_tree_and_head_are_left_alone(repo: Repo, cli: Cli) -> None:
    """record writes objects and one ref: what is staged, edited or checked out stays as it is."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token"})
    repo.commit("Begin")
    cli.ok("init")
    repo.write("staged.txt", "staged")
    repo.git("add", "staged.txt")
    repo.write("edited.txt", "edited")
    before = repo.git("status", "--porcelain"), repo.head, (repo.path / ".git" / "index").read_bytes()
    cli.ok("record")
    assert (repo.git("status", "--porcelain"), repo.head, (repo.path / ".git" / "index").read_bytes()) == before


@pytest.fixture
def begun(repo: Repo, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository with one environment and a log; what is kept for a while lies below the test's folder."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": f"{CANARY}-0"})
    repo.commit("Begin")
    cli.ok("init", "--no-workflows")
    repo.commit("Audit the environments")
    return repo


def unhurried(directory: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, among many others: however long that takes."""
    return subprocess.run(
        [sys.executable, "-m", "envgit", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
    )


def is_whole(repo: Repo, cli: Cli, folder: Path) -> None:
    """Hold that each step of the source branch has exactly one entry, on one line of commits, and that no value is anywhere."""
    steps = repo.git("rev-list", "--first-parent", "--reverse", "main").split()
    found = cli.ok("log", "--json").json["entries"]
    told = [entry["source"]["commit"] for entry in reversed(found) if entry["kind"] in ("change", "config")]
    assert told == steps
    assert repo.git("rev-list", "--count", "envgit-audit") == str(len(steps) + 1)
    assert repo.git("rev-list", "--count", "--min-parents=2", "envgit-audit") == "0"
    cli.ok("verify", "--deep")
    hold_no_value(folder, Path(os.environ["HOME"]))


def test_thirty_two_processes_in_one_clone_write_one_log(begun: Repo, cli: Cli, tmp_path: Path) -> None:
    """One holds the lock and writes; whoever comes meanwhile is told so, whoever comes later finds nothing to do."""
    for number in range(1, 4):
        begun.env(PATH, {"TOKEN": f"{CANARY}-{number}"})
        begun.commit(f"Change {number}")
    with ThreadPoolExecutor(32) as pool:
        done = list(pool.map(lambda _number: unhurried(begun.path, "record"), range(32)))
    assert {ran.returncode for ran in done} <= {0, 3}
    assert [ran for ran in done if ran.returncode == 0 and "5 entries signed" in ran.stdout] != []
    for ran in done:
        assert traces((ran.stdout + ran.stderr).encode()) == []
        assert ran.returncode == 0 or "writes this log; wait for it" in ran.stderr, ran
        assert len(ran.stderr.splitlines()) == (1 if ran.returncode else 0), ran
    is_whole(begun, cli, tmp_path)


@pytest.mark.parametrize("number", [8, 32])
def test_many_writers_over_http_share_one_log(
    number: int, begun: Repo, cli: Cli, tmp_path: Path, server: Server
) -> None:
    """Each pushes a commit of its own, and records at once, while the others push theirs and record."""
    bare = server.create()
    begun.git("--git-dir", str(bare), "config", "core.logAllRefUpdates", "true")
    begun.git("remote", "add", "origin", server.url())
    begun.git("push", "-q", "origin", "main")
    cli.ok("record", "--push")
    key = begun.git("config", "envgit.signingKey")
    turn = threading.Lock()

    def write(place: int) -> subprocess.CompletedProcess[str]:
        with turn:  # git has no rounds for a branch that everybody pushes to
            clone = Repo.clone(bare, tmp_path / "clones" / str(place), "--no-local")  # the others push meanwhile
            clone.key, clone.hours = begun.key, place + 10
            clone.env(f"envs/of-{place}.yaml", {"TOKEN": f"{CANARY}-{place}"})
            clone.commit(f"Add {place}", author=f"writer-{place}")
            clone.git("push", "-q", "origin", "main")
            clone.git("remote", "set-url", "origin", server.url())
        state = str(tmp_path / "state" / str(place))
        return unhurried(clone.path, "record", "--push", ENVGIT_SIGNING_KEY_FILE=key, XDG_STATE_HOME=state)

    with ThreadPoolExecutor(number) as pool:
        done = list(pool.map(write, range(number)))
    assert [ran.returncode for ran in done] == [0] * number, [ran.stderr for ran in done]
    assert traces("".join(ran.stdout + ran.stderr for ran in done).encode()) == []
    begun.git("pull", "-q", "origin", "main")
    assert "nothing to record" in cli.ok("record", "--push").out
    tips = [line.split()[1] for line in (bare / "logs" / "refs" / "heads" / "envgit-audit").read_text().splitlines()]
    assert tips[-1] == begun.ref("envgit-audit")
    for older, newer in pairwise(tips):  # what was there once is there for good
        begun.git("merge-base", "--is-ancestor", older, newer)
    is_whole(begun, cli, tmp_path)
