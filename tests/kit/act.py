"""Run a job of a workflow by act, as a runner would: the real steps of the real action, with an event, secrets and variables.

act runs the steps on this machine, without containers. `actions/checkout` it answers with a copy of the working copy; an
action that is named by its repository it takes from a folder. All that it keeps lies below one folder of the test's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.actions import REPOSITORY, RUNNERS_OWN
from tests.kit.cli import ROOT

SECONDS = 300
# What the workflows name: a commit that stands for a release.
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ACTION = f"envgit/envgit@{COMMIT}"
RELEASE = f"{ACTION} # v0.1.0"
# All that the action is made of. Had it to do with anything else of the tree, the jobs would tell.
TREE = ("action", "action.yml", "envgit", "requirements", "templates")
# PYTHON*: whoever runs the tests may have set them, a runner has not.
_NOT_A_RUNNERS = (*RUNNERS_OWN, "GIT_", "PYTHON", "VIRTUAL_ENV", "COVERAGE")
_LINE = re.compile(r"\[[^\]]+/[^\]]+\] (?P<told>.*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def program(name: str) -> str:
    """Return where a program is: beside the Python that runs the tests, else on the PATH; empty where it is not."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name) or ""


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed; in CI the test runs nevertheless, and fails."""
    missing = not program(name) and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{name} is not installed: requirements/dev.txt has it")


needs_act = needs("act")


def action_tree(folder: Path) -> Path:
    """Copy what the action is made of, as a runner has it after downloading the commit that a workflow names."""
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@dataclass(frozen=True, slots=True)
class Job:
    """What a job did; `output` is all that act said, with what it was told to blacken as `***`."""

    exit: int
    output: str

    @property
    def told(self) -> list[str]:
        """Each line that act said of the job, without the job's name; what has several lines stands as several."""
        found = []
        for line in _COLOUR.sub("", self.output).splitlines():
            match = _LINE.match(line)
            found.append(match["told"] if match else line)
        return found

    @property
    def lines(self) -> list[str]:
        """What the steps printed, without commands."""
        return [line.removeprefix("  | ").strip() for line in self.told if line.startswith("  | ") and line[4:].strip()]

    @property
    def annotations(self) -> list[str]:
        """The annotations, as commands."""
        return [line.strip(" ❓❗🚧💬") for line in self.told if re.search(r"::(?:error|warning|notice)[ :]", line)]

    @property
    def summary(self) -> str:
        """The job's summary."""
        _before, _mark, rest = self.output.partition("Summary - ")
        return rest.partition("\n[")[0]

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs that steps set, the last of each name."""
        rows = [line.partition("::set-output:: ")[2] for line in self.told if "::set-output:: " in line]
        return {name: value for name, _equals, value in (row.partition("=") for row in rows)}

    @property
    def succeeded(self) -> list[str]:
        """The steps that ran to a good end."""
        return [match[1] for line in self.told if (match := re.search(r"Success - Main (.+?) \[", line))]


class Act:
    """A runner with an empty home; `action` is the folder that workflows get for `ACTION`."""

    def __init__(self, folder: Path, action: Path, *, pip_cache: Path | None = None) -> None:
        self.program = program("act")
        assert self.program, "act is not installed: requirements/dev.txt has it"
        self.folder = folder
        self.action = action
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_A_RUNNERS)} | {
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PIP_CACHE_DIR": str(pip_cache or folder / "cache" / "pip"),
        }
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            Path(self.environ[name]).mkdir(parents=True, exist_ok=True)

    def run(
        self,
        path: Path,
        workflow: str,
        event: str,
        payload: Any,
        *,
        job: str,
        environ: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        actor: str = "alice",
    ) -> Job:
        """Run one job in a working copy, and return what it did."""
        (self.folder / "event.json").write_text(json.dumps(payload))
        (self.folder / "workflow.yml").write_text(workflow)
        given = [
            *_pairs("--env", {"GITHUB_REPOSITORY": REPOSITORY, **(environ or {})}),
            *_pairs("--secret", secrets or {}),
            *_pairs("--var", variables or {}),
        ]
        command = [
            *(self.program, event),
            *("--workflows", str(self.folder / "workflow.yml"), "--job", job),
            *("--eventpath", str(self.folder / "event.json"), "--actor", actor),
            *("--platform", "ubuntu-latest=-self-hosted", "--no-cache-server"),
            *("--local-repository", f"{ACTION}={self.action}"),
            *given,
        ]
        done = subprocess.run(
            command,
            cwd=path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace")
        assert "Traceback" not in output, output
        assert "Run Main" in output, output  # a job that act skips ends well
        return Job(done.returncode, output)


def _pairs(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={value}")]
