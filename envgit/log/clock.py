"""Own the one look at the clock that a command takes."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the present as entries write it: whole seconds, UTC, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
