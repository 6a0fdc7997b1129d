"""Own the cleaning of names and e-mail addresses that commits carry, before they enter an entry.

What a commit says of its author is bytes from a stranger: they go into git headers, terminals and pages.
"""

from __future__ import annotations

import codecs
import unicodedata

UNKNOWN = "unknown"
UNKNOWN_EMAIL = "unknown@envgit.invalid"
MAX_CHARACTERS = 200

_REMOVED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# git drops these at the ends of a name itself; inside they stay.
_CRUD = " .,:;<>\"\\'"


def decoded(data: bytes, encoding: str = "") -> str:
    """Return text of a commit: by its own encoding where that works, else UTF-8, else Latin-1."""
    for name in (encoding, "utf-8"):
        try:
            if name and codecs.lookup(name):
                return data.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def clean_name(name: bytes | str, encoding: str = "") -> str:
    """Return a name without controls, bidi marks, zero-width characters and angle brackets; an empty one is `unknown`."""
    text = name if isinstance(name, str) else decoded(name, encoding)
    return _clean(text)[:MAX_CHARACTERS].strip(_CRUD) or UNKNOWN


def clean_email(email: bytes | str, encoding: str = "") -> str:
    """Return an e-mail address, cleaned as a name; one that is none is `unknown@envgit.invalid`."""
    text = email if isinstance(email, str) else decoded(email, encoding)
    found = _clean(text).strip(_CRUD)
    local, at, host = found.partition("@")
    if not (local and at and host) or any(char.isspace() for char in found) or "@" in host or len(found) > MAX_CHARACTERS:
        return UNKNOWN_EMAIL
    return found


def _clean(text: str) -> str:
    kept = (char for char in text if char not in "<>" and unicodedata.category(char) not in _REMOVED)
    return " ".join("".join(kept).split(" ")).strip()
