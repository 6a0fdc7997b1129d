"""Own the bytes of JSON: RFC 8785 out, and nothing but RFC 8785 in.

Keys are ASCII and floats do not exist here, so that Python's sorted keys are RFC 8785's order and no number has two forms.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NoReturn

from envgit.errors import CannotTell

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1


class FormatError(CannotTell):
    """Bytes are not what the format says; the message names the place and quotes nothing."""


def encode(value: object) -> bytes:
    """Return the canonical bytes of dicts, lists, strings, integers, booleans and None; raise FormatError for anything else."""
    _check(value, 0)
    try:
        return _dumps(value).encode("utf-8")
    except UnicodeEncodeError:
        raise FormatError("a text holds a lone surrogate") from None


def decode(data: bytes) -> object:
    """Return the value of canonical bytes; raise FormatError where they are not exactly what `encode` gives for it."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"more than {MAX_BYTES >> 20} MiB of JSON")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_float
        )
    except (ValueError, RecursionError):
        # CPython's parser counts its own depth, so that a bomb ends here and not in a crash.
        raise FormatError("no JSON") from None
    if encode(value) != data:
        raise FormatError("JSON that is not canonical")
    return value


def _dumps(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _check(value: object, depth: int) -> None:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise FormatError("an integer beyond 2^53")
    elif depth >= MAX_DEPTH:
        raise FormatError(f"JSON nested deeper than {MAX_DEPTH}")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise FormatError("a key that is not ASCII")
            _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    else:
        raise FormatError("a value that JSON of this format does not have")


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    rows = list(pairs)
    found = dict(rows)
    if len(found) != len(rows):
        raise FormatError("a key that stands twice")
    return found


def _float(_text: str) -> NoReturn:
    raise FormatError("a number with a fraction or an exponent")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise FormatError("an integer beyond 2^53")
    return int(text)
