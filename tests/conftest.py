"""Guards for every test: an empty home, no inherited settings, fixed people and times; and the flag for golden files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

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


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository."""
    return Repo(tmp_path / "repo")


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
