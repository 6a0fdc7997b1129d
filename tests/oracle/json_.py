"""Own JSON as section 2 of the format has it: one value, one text, and whatever is not that text is refused."""

from __future__ import annotations

import re
from typing import Any

MOST = 2**53 - 1
DEEPEST = 64
LARGEST = 16 << 20
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_LONG = {text: character for character, text in _SHORT.items()}


class Malformed(Exception):
    """Something is not what the format says that it has to be."""


def text_of(value: Any) -> str:
    """Return the one text of a value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    if isinstance(value, list | tuple):
        return "[" + ",".join(text_of(part) for part in value) + "]"
    return "{" + ",".join(f"{text_of(key)}:{text_of(value[key])}" for key in sorted(value)) + "}"


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    return f"\\u{ord(character):04x}" if character < " " else character


def data_of(value: Any) -> bytes:
    """Return the bytes of a value."""
    return text_of(value).encode()


def read(data: bytes) -> Any:
    """Return the value of bytes that a writer would have made; all others are malformed."""
    if len(data) > LARGEST:
        raise Malformed("too large")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    value, end = _value(text, 0, 1)
    if end != len(text):
        raise Malformed(f"something follows at {end}")
    if text_of(value) != text:
        raise Malformed("not as a writer would have made it")
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    first = text[at : at + 1]
    if first in ("{", "["):
        if depth > DEEPEST:
            raise Malformed("too deep")
        return (_object if first == "{" else _array)(text, at + 1, depth)
    if first == '"':
        return _string(text, at + 1)
    for word, value in (("null", None), ("true", True), ("false", False)):
        if text.startswith(word, at):
            return value, at + len(word)
    match = _INTEGER.match(text, at)
    if match is None or len(match[0]) > 20 or abs(int(match[0])) > MOST:
        raise Malformed(f"no value at {at}")
    return int(match[0]), match.end()


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    if text.startswith("]", at):
        return found, at + 1
    while True:
        value, at = _value(text, at, depth + 1)
        found.append(value)
        if text.startswith("]", at):
            return found, at + 1
        at = _expect(text, at, ",")


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    if text.startswith("}", at):
        return found, at + 1
    while True:
        key, at = _string(text, _expect(text, at, '"'))
        if key in found or not key.isascii():
            raise Malformed(f"key {key!r} is there twice, or is not ASCII")
        at = _expect(text, at, ":")
        found[key], at = _value(text, at, depth + 1)
        if text.startswith("}", at):
            return found, at + 1
        at = _expect(text, at, ",")


def _string(text: str, at: int) -> tuple[str, int]:
    parts = []
    while True:
        match = _PLAIN.match(text, at)
        assert match is not None
        parts.append(match[0])
        at = match.end()
        if text.startswith('"', at):
            return "".join(parts), at + 1
        character, at = _unescaped(text, at)
        parts.append(character)


def _unescaped(text: str, at: int) -> tuple[str, int]:
    pair = text[at : at + 2]
    if pair in _LONG:
        return _LONG[pair], at + 2
    match = re.compile(r"\\u00([01][0-9a-f])").match(text, at)
    if match is None:
        raise Malformed(f"no text at {at}")
    return chr(int(match[1], 16)), match.end()


def _expect(text: str, at: int, mark: str) -> int:
    if not text.startswith(mark, at):
        raise Malformed(f"no {mark} at {at}")
    return at + 1
