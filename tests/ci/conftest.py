"""A forge for the tests of the Action: a git server over HTTP and GitHub's API, whose every request and answer is held to its description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envgit.github import api
from tests.kit.actions import Actions
from tests.kit.cli import Cli
from tests.kit.github import GitHub
from tests.kit.server import Server
from tests.kit.story import Story


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """GitHub's API; a request or answer that is not as GitHub describes it fails the test."""
    monkeypatch.setattr(api, "BACKOFF", 0.01)
    running = GitHub()
    yield running
    running.close()
    assert running.violations == []


@pytest.fixture
def actions(
    tmp_path: Path,
    server: Server,
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Actions:
    """A repository acme/platform on the forge, empty, and the runs of its workflow."""
    return Actions(tmp_path, server, github, monkeypatch, capsys)


@pytest.fixture
def story(actions: Actions, cli: Cli) -> Story:
    """A repository with one environment on the forge."""
    return Story(actions, cli)
