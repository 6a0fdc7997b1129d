"""Own the names of variables: a leaf's path as one unambiguous text, pure ASCII, each name once in a file."""

from __future__ import annotations

import json
import re
from functools import lru_cache

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DELETE = "\x7f"


@lru_cache(maxsize=16_384)
def under(prefix: str, key: str) -> str:
    """Return the name of what lies under `key`: `a.b`, or `a["tls.crt"]` for a key that is no plain word.

    JSON's escapes keep everything else out: no control, bidi mark or look-alike letter stands in a name.
    """
    if _BARE.fullmatch(key):
        return f"{prefix}.{key}" if prefix and not prefix.endswith(".") else prefix + key
    # json.dumps leaves DEL as it is, the one ASCII control that JSON allows.
    return f"{prefix}[{json.dumps(key).replace(_DELETE, chr(92) + 'u007f')}]"


def item(prefix: str, index: int) -> str:
    """Return the name of a list's item; `index` is logical: comments do not count."""
    return f"{prefix}[{index}]"


def document(number: int) -> str:
    """Return what the names of a document begin with: nothing for the first, `@1.` for the second."""
    return f"@{number}." if number else ""


class Names:
    """Give each name once: a second variable of the same name ends in `@2`, a third in `@3`."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def give(self, wanted: str) -> str:
        """Return a name that no variable of this file has yet."""
        number = self._given.get(wanted, 0) + 1
        self._given[wanted] = number
        return wanted if number == 1 else f"{wanted}@{number}"
