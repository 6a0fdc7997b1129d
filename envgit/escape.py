"""Own how text that an attacker can name is made harmless for the place where it goes.

Variables, paths, authors and subjects come from whoever can push a branch. Nothing here decides what may be shown.
"""

from __future__ import annotations

import re
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


# A longer name is no name that anybody reads.
LONGEST = 160
LONGEST_CODED = 600

_IN_BACKTICKS = re.compile(r"[^`|\\<>&\s](?:[^`|\\<>&]*[^`|\\<>&\s])?")
_WORDS = re.compile(r"[\0-,./:-@\[-`{-\x7f]")  # ASCII but letters, digits and hyphens


def markdown(text: str) -> str:
    """Return `text` as inline code for Markdown, inert also in a table's cell: no markup, link, mention or reference forms in it."""
    plain = clipped(terminal(text), LONGEST)
    return f"`{plain}`" if _IN_BACKTICKS.fullmatch(plain) else html(plain)


def html(text: str) -> str:
    """Return `text` as inline code for HTML inside Markdown, where a backtick would show and Markdown may still be read.

    An entity is a letter to Markdown, never markup. Only addresses are sought once more in the finished text: hence the span, which
    parts an @ from what stands around it.
    """
    plain = clipped(terminal(text), LONGEST)
    coded = _WORDS.sub(_entity, plain)
    if len(coded) > LONGEST_CODED:  # nearly nothing but marks: nobody reads that to its end
        coded = _WORDS.sub(_entity, clipped(plain, LONGEST // 4))
    return f"<code>{coded}</code>"


def _entity(found: re.Match[str]) -> str:
    char = found[0]
    return "<span>&#64;</span>" if char == "@" else char if char == " " else f"&#{ord(char)};"


def command_data(text: str) -> str:
    """Return the message of a workflow command, as the runner's own toolkit escapes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Return a property of a workflow command, such as its file or title."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")
