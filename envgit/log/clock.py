"""Own the one look at the clock that a command takes."""

from __future__ import annotations

from datetime import UTC, datetime

from envgit.words import rfc3339


def now() -> str:
    """Return the present as entries write it: whole seconds, UTC, `Z`."""
    return rfc3339(int(datetime.now(UTC).timestamp()))
