"""Change one field of a frozen value, whichever kind it is."""

from __future__ import annotations

import dataclasses
from typing import Any


def replace(value: Any, **changes: Any) -> Any:
    """Return the value with other fields."""
    return value._replace(**changes) if hasattr(value, "_replace") else dataclasses.replace(value, **changes)
