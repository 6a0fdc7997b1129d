"""Run `envgit ci` as a runner would: a checkout, an event's file, the runner's variables, and its files of outputs and summary."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from envgit.cli import main
from tests.kit import events
from tests.kit.cli import ROOT
from tests.kit.github import GitHub
from tests.kit.repo import Repo
from tests.kit.server import Server

REPOSITORY = "acme/platform"
RUNNERS_OWN = ("GITHUB_", "RUNNER_", "ENVGIT_", "SOPS_", "GIT_CONFIG_", "XDG_")


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did: `log` is what a person can read of it, without the commands that the runner took."""

    exit: int
    raw: str
    err: str
    summary: str
    outputs: dict[str, str]

    @property
    def masked(self) -> list[str]:
        """The values that the runner was told to blacken."""
        found = [line.removeprefix("::add-mask::") for line in self._heeded if line.startswith("::add-mask::")]
        return [text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") for text in found]

    @property
    def log(self) -> str:
        """What stands in the log: masks that the runner heeds are never shown."""
        heeded = {line for line in self._heeded if line.startswith("::add-mask::")}
        return "\n".join(line for line in self.raw.splitlines() if line not in heeded) + self.err

    @property
    def annotations(self) -> list[str]:
        """The annotations that the runner heeds, as commands."""
        return [line for line in self._heeded if re.match("::(?:error|warning|notice) ", line)]

    @property
    def _heeded(self) -> list[str]:
        """The commands that the runner obeys: none between a stop and its token."""
        found, token = [], ""
        for line in self.raw.splitlines():
            if token:
                token = "" if line == f"::{token}::" else token
            elif line.startswith("::stop-commands::"):
                token = line.removeprefix("::stop-commands::")
            elif line.startswith("::"):
                found.append(line)
        return found

    @property
    def report(self) -> Any:
        """The JSON document."""
        return json.loads(Path(self.outputs["report"]).read_text())

    @property
    def everything(self) -> str:
        """All that left the step but for requests and masks."""
        files = [Path(self.outputs[name]).read_text() for name in ("report", "markdown") if self.outputs.get(name)]
        return "\n".join([self.log, self.summary, json.dumps(self.outputs), *files])


class Actions:
    """A repository on a forge, and the runs of its workflow."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        github: GitHub,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        source: Path | None = None,
    ) -> None:
        self.folder = folder
        self.server = server
        self.github = github
        self.bare = server.create(REPOSITORY.replace("/", "-"), source)
        self.url = server.url(REPOSITORY.replace("/", "-"))
        self.numbers = count(7001)
        self.checkouts = count(1)
        self.secrets: dict[str, str] = {}
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def clone(self, name: str) -> Repo:
        """A person's clone."""
        return Repo.clone(self.url, self.folder / name)

    def clone_empty(self, name: str) -> Repo:
        """A person's clone of the repository while it is empty."""
        made = Repo(self.folder / name)
        made.git("remote", "add", "origin", self.url)
        return made

    def checkout(self, commit: str, *, depth: int = 0) -> Path:
        """What actions/checkout leaves: a detached head, and no branches but remote ones."""
        path = self.folder / f"checkout-{next(self.checkouts)}"
        shallow = [f"--depth={depth}"] if depth else []
        for command in (
            ["git", "init", "-q", str(path)],
            ["git", "-C", str(path), "remote", "add", "origin", self.url],
            ["git", "-C", str(path), "fetch", "-q", "--no-tags", *shallow, "origin", commit]
            if depth
            else [
                "git",
                "-C",
                str(path),
                "fetch",
                "-q",
                "--no-tags",
                "origin",
                "+refs/heads/*:refs/remotes/origin/*",
                commit,
            ],
            ["git", "-C", str(path), "checkout", "-q", "--detach", commit],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)
        return path

    def environ(
        self, event: str, payload: Any, *, run: int | None = None, attempt: int = 1, **inputs: str
    ) -> dict[str, str]:
        """The variables of a run, as the runner and action.yml set them."""
        number = run if run is not None else next(self.numbers)
        temp = self.folder / f"run-{number}-{attempt}-{next(self.checkouts)}"
        temp.mkdir()
        (temp / "event.json").write_text(payload if isinstance(payload, str) else json.dumps(payload))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": str(number),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_ACTOR": "alice",
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "RUNNER_TEMP": str(temp),
            "XDG_STATE_HOME": str(temp / "state"),  # a runner remembers nothing
            "ENVGIT_GITHUB_TOKEN": self.github.token,
            "ENVGIT_JOB_TOKEN": self.github.token,
            **self.secrets,
            **{f"ENVGIT_{name.upper()}": value for name, value in inputs.items()},
        }

    def run(self, path: Path, event: str, payload: Any, **more: Any) -> Step:
        """Run the step in this process; a traceback or a defect fails the test."""
        environ = self.environ(event, payload, **more)
        with self._monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(RUNNERS_OWN)]:
                if name != "GIT_CONFIG_NOSYSTEM":
                    patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            for name in ("COUNT", "KEY_0", "VALUE_0", "KEY_1", "VALUE_1"):  # what the command sets goes with the rest
                patch.setenv(f"GIT_CONFIG_{name}", "")
            self._capsys.readouterr()
            status = main(["-C", str(path), "ci"])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return _step(status, said.out, said.err, environ)

    def start(self, path: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
        """Start the step in a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(RUNNERS_OWN)}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "envgit", "ci"],
            cwd=path,
            env={**kept, **environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self, running: subprocess.Popen[str], environ: dict[str, str]) -> Step:
        """Wait for a step that was started."""
        out, err = running.communicate(timeout=120)
        return _step(running.returncode, out, err, environ)

    def review(
        self, repo: Repo, branch: str, *, number: int = 415, base: str = "main", depth: int = 0, **more: Any
    ) -> Step:
        """Run the review of a pull request whose branch has been pushed."""
        head = repo.git("rev-parse", branch)
        tip = repo.git("rev-parse", f"origin/{base}")
        subprocess.run(["git", "-C", str(self.bare), "update-ref", f"refs/pull/{number}/head", head], check=True)
        fork = more.pop("head_repo", REPOSITORY)
        payload = events.pull_request(
            number, more.pop("action", "synchronize"), tip, head, head_ref=branch, head_repo=fork, base_ref=base
        )
        return self.run(self.checkout(head, depth=depth), "pull_request", payload, **more)

    def push(
        self,
        repo: Repo,
        before: str,
        *,
        ref: str = "refs/heads/main",
        pusher: str = "alice",
        depth: int = 0,
        **more: Any,
    ) -> Step:
        """Run what a push to a branch starts; the commits have been pushed."""
        after = repo.git("rev-parse", ref)
        payload = events.push(before, after, ref=ref, pusher=pusher, forced=more.pop("forced", False))
        return self.run(self.checkout(after, depth=depth), "push", payload, **more)


def _step(status: int, out: str, err: str, environ: dict[str, str]) -> Step:
    output, summary = Path(environ["GITHUB_OUTPUT"]), Path(environ["GITHUB_STEP_SUMMARY"])
    rows = output.read_text().splitlines() if output.exists() else []
    outputs = {name: value for name, _equals, value in (row.partition("=") for row in rows)}
    return Step(status, out, err, summary.read_text() if summary.exists() else "", outputs)
