"""A narrow terminal: what tells lines apart stays, and the rest goes in a fixed order."""

from __future__ import annotations

import pytest

from envgit import ui
from tests.kit.cli import Cli
from tests.kit.repo import Repo


@pytest.mark.parametrize("width", [10, 40, 60, 80, 200])
def test_blame_never_drops_the_environment(width: int, repo: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit, environment and kind are on every line, however few columns there are."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    for name in ("production", "staging"):
        repo.env(f"envs/{name}.yaml", {"TOKEN": f"token-of-{name}"})
    commit = repo.commit("Begin")
    monkeypatch.setattr(ui, "width", lambda: width)
    lines = cli.ok("blame", "TOKEN").lines
    assert [name in line for name, line in zip(("production", "staging"), lines, strict=True)] == [True, True]
    assert all(line.startswith(f"^{commit[:6]}") and "added" in line for line in lines)
    assert width < 40 or all(len(line) <= width for line in lines)
