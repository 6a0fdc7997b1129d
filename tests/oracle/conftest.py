"""Fixtures of the second verifier's tests: the golden log."""

from __future__ import annotations

import pytest

from tests.audit.chain import Chain
from tests.audit.golden import golden


@pytest.fixture(scope="session")
def chain() -> Chain:
    """Return the golden log; not to be changed by a test."""
    return golden()
