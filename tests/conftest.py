"""Guards for every test: an empty home, no inherited settings, fixed people and times; and the flag for golden files."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ConfigLevel

from tests.kit.cli import Cli
from tests.kit.repo import Repo
from tests.kit.server import Server

DATA = Path(__file__).parent / "data"
_INHERITED = ("GIT_", "GITHUB_", "SOPS_", "ENVGIT_", "XDG_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that writes golden files anew."""
    parser.addoption("--rewrite-golden", action="store_true", help="write golden files anew instead of comparing")


@pytest.fixture(autouse=True)
def _guards(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith(_INHERITED)]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name, value in {
        "HOME": str(home),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "SOPS_DISABLE_VERSION_CHECK": "1",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    # libgit2 looked these up when it was loaded.
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = str(home if level is ConfigLevel.GLOBAL else home / ".config" / "git")
    monkeypatch.setattr(socket.socket, "connect", _loopback_only(socket.socket.connect))


def _loopback_only(connect):
    def guarded(self: socket.socket, address) -> None:
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        assert not inet or address[0] in ("127.0.0.1", "::1", "localhost"), f"a test reached for {address[0]}"
        connect(self, address)

    return guarded


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository."""
    return Repo(tmp_path / "repo")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A git server over HTTP, without repositories yet."""
    (tmp_path / "server").mkdir()
    running = Server(tmp_path / "server")
    yield running
    running.close()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, run in this process."""
    return Cli(monkeypatch, capsys)


@pytest.fixture(scope="session")
def real_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the real history; not to be changed by a test."""
    path = tmp_path_factory.mktemp("langfuse") / "repo"
    return Repo.clone(DATA / "langfuse" / "history.bundle", path).path


@pytest.fixture(scope="session")
def identity() -> str:
    """The identity that opens every revision of the real history."""
    return (DATA / "langfuse" / "ci.agekey").read_text()
