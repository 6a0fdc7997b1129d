"""Run the command line as a person does, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envgit.cli import main

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines on stdout."""
        return self.out.splitlines()


class Cli:
    """Commands in one repository with one set of identities."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.directory = Path()

    def identity(self, *texts: str) -> None:
        """Use these identities from now on, none where there are none."""
        self._monkeypatch.setenv("SOPS_AGE_KEY", "\n".join(texts))

    def run(self, *words: str) -> Ran:
        """Run a command, whatever comes of it; a traceback is an assertion."""
        self._capsys.readouterr()
        status = main(["-C", str(self.directory), *words])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        assert status != 70, said.err
        return Ran(status, said.out, said.err)

    def ok(self, *words: str) -> Ran:
        """Run a command that has to succeed."""
        ran = self.run(*words)
        assert ran.exit == 0, f"{words}: {ran.exit}\n{ran.out}\n{ran.err}"
        return ran

    def fails(self, status: int, *words: str) -> str:
        """Run a command that has to fail with one clear line, and return the line."""
        ran = self.run(*words)
        assert ran.exit == status, f"{words}: {ran.exit}\n{ran.out}\n{ran.err}"
        lines = [line for line in ran.err.splitlines() if not line.startswith("warning:")]
        assert len(lines) == 1, ran.err
        assert lines[0].startswith("envgit: "), ran.err
        return lines[0]


def process(directory: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "envgit", *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
