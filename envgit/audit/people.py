"""Own the cleaning of names and e-mail addresses that commits carry, before they enter an entry.

What a commit says of its author is bytes from a stranger: they go into git headers, terminals and pages. What is
removed is a list of its own, not Unicode's categories: those change with Python's version, and all must rebuild the
same commit.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

UNKNOWN = "unknown"
UNKNOWN_EMAIL = "unknown@envgit.invalid"
MAX_CHARACTERS = 200
MAX_BYTES = 4096

# Controls, soft hyphen, bidi marks, zero-width and other invisible characters, line separators, tags, surrogates; and
# `<>`, which end a name or an address in git's headers.
REMOVED = (
    "\x00-\x1f\x7f-\x9f<>\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_REMOVED = re.compile(f"[{REMOVED}]")
# git drops these at the ends of a name itself; inside they stay.
_ENDS = " \u00a0.,:;\"\\'"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def decoded(data: bytes, encoding: str = "") -> str:
    """Return text of a commit: by its own encoding where that works, else UTF-8, else Latin-1; only its first 4 KiB."""
    data = data[:MAX_BYTES]  # some of Python's codecs take quadratic time
    for name in (encoding, "utf-8"):
        try:
            if name and codecs.lookup(name):
                return data.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


@lru_cache(maxsize=4096)
def clean_name(name: bytes | str, encoding: str = "") -> str:
    """Return a name without controls, bidi marks, invisible characters and `<>`; an empty one is `unknown`."""
    return _cleaned(name, encoding)[:MAX_CHARACTERS].strip(_ENDS) or UNKNOWN


@lru_cache(maxsize=4096)
def clean_email(email: bytes | str, encoding: str = "") -> str:
    """Return an e-mail address, cleaned as a name; one that is none is `unknown@envgit.invalid`."""
    found = _cleaned(email, encoding).strip(_ENDS)
    return found if _EMAIL.fullmatch(found) and len(found) <= MAX_CHARACTERS else UNKNOWN_EMAIL


def _cleaned(text: bytes | str, encoding: str) -> str:
    return _REMOVED.sub("", text if isinstance(text, str) else decoded(text, encoding))
