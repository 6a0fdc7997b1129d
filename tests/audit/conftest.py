"""Fixtures of the audit tests: the golden log, and the flag that writes the golden files anew."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from .chain import Chain
from .golden import golden

VECTORS = Path(__file__).parent.parent / "vectors"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag where the tests' own conftest has not."""
    with contextlib.suppress(ValueError):
        parser.addoption("--rewrite-golden", action="store_true", help="write golden files anew instead of comparing")


@pytest.fixture(scope="session")
def chain() -> Chain:
    """Return the golden log; not to be changed by a test."""
    return golden()


@pytest.fixture
def vector(request: pytest.FixtureRequest):
    """Compare a text with a file of tests/vectors, or write it with `--rewrite-golden`."""

    def compare(name: str, text: str) -> None:
        path = VECTORS / name
        if request.config.getoption("--rewrite-golden", default=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.read_bytes() == text.encode(), f"{name} is not what the code makes; see --rewrite-golden"

    return compare
