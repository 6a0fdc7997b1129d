"""Own the bytes of JSON: RFC 8785 out, and nothing but RFC 8785 in.

Keys are ASCII and floats do not exist here: Python's sorted keys are RFC 8785's order, and no number has two forms.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import NoReturn

from envgit.errors import CannotTell

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1
# A text as JSON: what the encoder below makes of each.
quoted = encode_basestring
TOO_LONG = f"more than {MAX_BYTES >> 20} MiB of JSON"


class FormatError(CannotTell):
    """Bytes are not what the format says; the message names the place and quotes nothing."""


def encode(value: object) -> bytes:
    """Return the canonical bytes of dicts, lists, texts, integers, booleans, None; raise FormatError for all else."""
    check(value)
    return as_bytes(_ENCODER.encode(value))


def as_bytes(text: str) -> bytes:
    """Return the bytes of JSON; raise FormatError where it holds a lone surrogate or is too long."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise FormatError("a text with a lone surrogate") from None
    if len(data) > MAX_BYTES:
        raise FormatError(TOO_LONG)
    return data


def decode(data: bytes) -> object:
    """Return the value of canonical bytes; raise FormatError where they are not exactly what `encode` gives for it."""
    value = decode_unchecked(data)
    check(value)
    return value


def decode_unchecked(data: bytes) -> object:
    """Return the value of canonical bytes for a caller that knows every key and how deep it goes, as codec does."""
    if len(data) > MAX_BYTES:
        raise FormatError(TOO_LONG)
    try:
        value = parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise FormatError("no JSON") from None
    try:
        again = as_bytes(_ENCODER.encode(value))
    except RecursionError:
        raise FormatError(f"JSON nested deeper than {MAX_DEPTH}") from None
    if again != data:  # of a key that stands twice, one is gone by now
        raise FormatError("JSON that is not canonical")
    return value


def parse(text: str) -> object:
    """Return the value of JSON, canonical or not; raise FormatError where it is none, or has numbers that this format does not."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        # CPython's parser counts its own depth, so that a bomb ends here and not in a crash.
        raise FormatError("no JSON") from None


def check(value: object, depth: int = 0) -> None:
    """Raise FormatError where a value holds what this format does not have, or lies too deep."""
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
            check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check(item, depth + 1)
    else:
        raise FormatError("a value that JSON of this format does not have")


def _fraction(_text: str) -> NoReturn:
    raise FormatError("a number with a fraction or an exponent")


def _integer(text: str) -> int:
    # The length is asked first: Python refuses to parse very long numbers, in words of its own.
    if len(text) > len(str(MAX_INTEGER)) + 1 or not -MAX_INTEGER <= (number := int(text)) <= MAX_INTEGER:
        raise FormatError("an integer beyond 2^53")
    return number


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_fraction)
