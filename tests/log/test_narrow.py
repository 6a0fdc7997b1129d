"""A narrow terminal, a real one: what tells lines apart stays, and the rest goes in a fixed order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

ROOT = Path(__file__).parents[2]
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def _on_terminal(columns: int, path: Path, *words: str) -> list[str]:
    """Return the lines that a command prints on a terminal of so many columns."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    command = [sys.executable, "-P", "-m", "envgit", *words]
    with subprocess.Popen(
        command, cwd=path, stdout=theirs, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as running:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:
            pass  # how a terminal ends on Linux
    os.close(ours)
    assert running.returncode == 0
    return [_STYLE.sub("", line) for line in said.decode().splitlines()]


@pytest.mark.parametrize("width", [10, 40, 60, 80, 200])
def test_blame_never_drops_the_environment(width: int, repo: Repo, cli: Cli) -> None:
    """Commit, environment and kind are on every line, however few columns there are."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    for name in ("production", "staging"):
        repo.env(f"envs/{name}.yaml", {"TOKEN": f"token-of-{name}"})
    commit = repo.commit("Begin")
    lines = _on_terminal(width, repo.path, "blame", "TOKEN")
    assert [name in line for name, line in zip(("production", "staging"), lines, strict=True)] == [True, True]
    assert all(line.startswith(f"^{commit[:6]}") and "added" in line for line in lines)
    assert width < 40 or all(len(line) <= width for line in lines)
