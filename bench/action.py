"""The Action's figures: a whole review of 60 changed variables against a git server and an API on this machine, and the gate alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, bound, pairs
from bench.stage import SOPS, Stage
from tests.kit import events
from tests.kit.github import GitHub
from tests.kit.repo import Repo
from tests.kit.server import Server

GATE = """
import secrets, time
from envgit.gate import Gate
from envgit.render import vocabulary
values = [(f"V{number}", secrets.token_urlsafe(24).encode()) for number in range(10_000)]
body = ("| `VARIABLE` | new value | 14 days |\\n" * 2_000)[:60_000]
began = time.perf_counter()
Gate(values, vocabulary()).check("the comment", body)
print(time.perf_counter() - began)
"""


def figures(stage: Stage) -> Iterator[Figure]:
    """Yield both."""
    yield _review(stage)
    seconds, _imported = pairs(
        lambda: float(stage.run(sys.executable, "-c", GATE, cwd=stage.directory)),
        lambda: stage.timed(sys.executable, "-c", "import jinja2", cwd=stage.directory),
    )
    yield bound("the outgoing gate, 10,000 values", seconds * 1000, 1_000, "ms")


def _review(stage: Stage) -> Figure:
    """Return what a review takes from the process's start to its end."""
    folder = stage.fresh("review")
    folder.mkdir()
    server, github = Server(folder), GitHub()
    try:
        repo, checkout = _proposed(stage, server, folder)
        base, head = (repo.git("rev-parse", name) for name in ("main", "feature"))
        github.pull(1, head_sha=head, base_sha=base)
        sides = [folder / "old.yaml", folder / "new.yaml"]
        for path, revision in zip(sides, ("main", "feature"), strict=True):
            path.write_text(repo.git("show", f"{revision}:envs/production.yaml") + "\n")
        environ = stage.with_key(repo.key.identity)
        seconds, _sops = pairs(
            lambda: _step(stage, checkout, github, repo.key.identity, folder, base, head),
            lambda: sum(stage.timed(SOPS, "decrypt", str(path), cwd=folder, environ=environ) for path in sides),
        )
        (comment,) = github.comments[1]
        assert "60 variables change" in comment["body"]
    finally:
        github.close()
        server.close()
    return bound("the Action's review of 60 variables, to the comment", seconds * 1000, 1_500, "ms")


def _proposed(stage: Stage, server: Server, folder: Path) -> tuple[Repo, Path]:
    server.create("origin")
    repo = Repo(folder / "alice")
    repo.git("remote", "add", "origin", server.url())
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\n")
    for branch, value in (("main", "one"), ("feature", "two")):
        if branch != "main":
            repo.git("switch", "-qc", branch)
        repo.env("envs/production.yaml", {f"VARIABLE_{number}": f"value {value} {number}" for number in range(60)})
        repo.commit()
        repo.git("push", "-q", "origin", branch)
        if branch == "main":
            environ = {**stage.environ, "SOPS_AGE_KEY": repo.key.identity}
            for words in (["init", "--no-workflows"], ["record", "--push"]):
                subprocess.run(
                    [sys.executable, "-m", "envgit", *words],
                    cwd=repo.path,
                    env=environ,
                    check=True,
                    capture_output=True,
                )
    checkout = folder / "checkout"
    subprocess.run(["git", "clone", "-q", "-b", "feature", server.url(), str(checkout)], check=True)
    return repo, checkout


def _step(stage: Stage, checkout: Path, github: GitHub, identity: str, folder: Path, base: str, head: str) -> float:
    event = folder / "event.json"
    event.write_text(json.dumps(events.pull_request(1, "synchronize", base, head, head_ref="feature")))
    environ = {
        **stage.environ,
        "SOPS_AGE_KEY": identity,
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/platform",
        "GITHUB_API_URL": github.url,
        "GITHUB_RUN_ID": str(time.time_ns() // 1_000),
        "GITHUB_OUTPUT": str(folder / "output"),
        "RUNNER_TEMP": str(folder),
        "ENVGIT_GITHUB_TOKEN": github.token,
        "ENVGIT_JOB_TOKEN": github.token,
    }
    return _timed([[sys.executable, "-m", "envgit", "-C", str(checkout), "ci"]], environ)


def _timed(commands: list[list[str]], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
