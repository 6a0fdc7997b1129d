"""Own how text that an attacker can name is made harmless for the place where it goes.

Variables, paths, authors and subjects come from whoever can push a branch. Nothing here decides what may be shown.
"""

from __future__ import annotations

import unicodedata

# Cc controls, Cf format (bidi, zero-width), Cs surrogates, Co private, Cn unassigned, Zl and Zp line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def terminal(text: str) -> str:
    """Return `text` on one line with every character escaped that could move a cursor or reorder or hide what is read."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _UNSAFE else char for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clipped(text: str, width: int) -> str:
    """Return `text` cut to `width` characters, the cut shown by an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
