"""Several writers, killed writers: every step is recorded exactly once, on a linear branch, whoever was first or died."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kit.cli import ROOT, Cli, process
from tests.kit.repo import Repo

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
