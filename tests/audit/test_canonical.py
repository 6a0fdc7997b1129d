"""The bytes of JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.audit.canonical import MAX_INTEGER, FormatError, decode, encode

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(VALUES)
def test_decode_undoes_encode(value: object) -> None:
    """What was encoded decodes to the same value."""
    assert decode(encode(value)) == value


@given(VALUES)
def test_bytes_are_json_to_everybody(value: object) -> None:
    """Any JSON parser reads the same value from the bytes."""
    assert json.loads(encode(value)) == value


@given(st.binary(max_size=60) | TEXTS.map(str.encode) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_decode_raises_nothing_else(data: bytes) -> None:
    """Arbitrary bytes either are canonical or raise FormatError."""
    try:
        value = decode(data)
    except FormatError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        ('\u20ac$\x0f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()),  # RFC 8785, 3.2.2.2
        ("\x7f\u2028\U0001f600\b\t\f\r", '"\x7f\u2028\U0001f600\\b\\t\\f\\r"'.encode()),
        (-MAX_INTEGER, b"-9007199254740991"),
    ],
)
def test_encode_is_rfc_8785(value: object, data: bytes) -> None:
    """Keys are sorted, nothing is spaced, and only what must be is escaped."""
    assert encode(value) == data


@pytest.mark.parametrize(
    "value",
    [1.0, 2**53, -(2**53), "\ud800", {"\u00e9": 1}, {1: 1}, b"", {"a": {"b": float("nan")}}],
    ids=repr,
)
def test_encode_refuses_what_the_format_lacks(value: object) -> None:
    """Floats, big integers, lone surrogates, keys beyond ASCII and other types are refused."""
    with pytest.raises(FormatError):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"[1.0]",
        b"[1e2]",
        b"[1e400]",
        b"[NaN]",
        b"[-Infinity]",
        b"[-0]",
        b"[01]",
        b"[9007199254740992]",
        b"[" + b"9" * 5000 + b"]",
        b"[1]\n",
        b"[1]x",
        b"\xef\xbb\xbf[1]",
        b'"\xff"',
        b'"\\u0041"',
        b'"\\ud800"',
        b'"\\/"',
        '{"\u00e9":1}'.encode(),
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_decode_refuses_what_encode_does_not_give(data: bytes) -> None:
    """Every other way to write JSON is refused, and the message quotes nothing of it."""
    with pytest.raises(FormatError) as error:
        decode(data)
    assert data.decode("latin-1") not in str(error.value) or not data


def test_deepest_value_that_is_allowed() -> None:
    """Sixty-four levels decode."""
    assert decode(b"[" * 64 + b"]" * 64)


def test_size_is_bounded_both_ways() -> None:
    """More than 16 MiB is neither written nor read."""
    with pytest.raises(FormatError):
        encode("x" * (16 << 20))
    with pytest.raises(FormatError):
        decode(b'"' + b"x" * (16 << 20) + b'"')
