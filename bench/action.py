"""The Action's figures: a whole review of 60 changed variables against a git server and an API on this machine, and the gate alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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


def review(stage: Any, pairs: Any) -> Any:
    """Return the row of a review from the process's start to its end, beside `sops decrypt` of both sides."""
    folder = stage.directory / "review"
    folder.mkdir()
    server, github = Server(folder), GitHub()
    try:
        repo, checkout = _proposed(stage, server, folder)
        base, head = (repo.git("rev-parse", name) for name in ("main", "feature"))
        github.pull(1, head_sha=head, base_sha=base)
        sides = [folder / "old.yaml", folder / "new.yaml"]
        for path, revision in zip(sides, ("main", "feature"), strict=True):
            path.write_text(repo.git("show", f"{revision}:envs/production.yaml") + "\n")
        sops = str(Path(sys.executable).parent / "sops")
        key = {"SOPS_AGE_KEY": repo.key.identity}
        a, b = pairs(
            lambda: _step(stage, checkout, github, repo.key.identity, folder, base, head),
            lambda: _timed([[sops, "decrypt", str(path)] for path in sides], {**stage.environ, **key}),
        )
        asked = len(github.requests) / 6
        (comment,) = github.comments[1]
        assert "60 variables change" in comment["body"]
    finally:
        github.close()
        server.close()
    return f"review of 60 variables, {asked:.0f} requests (sops decrypt of both)", a, b, f"{a:.2f} s", "under 1.5 s"


def gate(stage: Any, pairs: Any) -> Any:
    """Return the row of the gate over 10,000 values and a comment of full length, beside an import of jinja2."""
    a, b = pairs(
        lambda: float(stage.run(sys.executable, "-c", GATE)), lambda: stage.timed(sys.executable, "-c", "import jinja2")
    )
    return "the gate, 10,000 variables (python -c 'import jinja2')", a, b, f"{a:.2f} s", "under 1 s"


def _proposed(stage: Any, server: Server, folder: Path) -> tuple[Repo, Path]:
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


def _step(stage: Any, checkout: Path, github: GitHub, identity: str, folder: Path, base: str, head: str) -> float:
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
