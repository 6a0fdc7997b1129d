"""Scalars mean what they mean to go-yaml and sops."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.model import ValueType
from envgit.sops.scalars import canonical, float_bytes, resolve, rfc3339
from envgit.sops.yaml_documents import load

PLAIN = re.findall(
    r"\S+",
    """
true True TRUE tRUE false False FALSE yes Yes no on off y n Y N null Null NULL nULL ~ nil None 0 1 -1 +1 -0 +0 00 007
0777 -0777 08 09 0o17 0O17 -0o17 0o8 0x1F 0X1f -0x1F 0x 0xG 0b101 0B1 -0b11 0b2 0b 1_000 1__0 _1 1_ -_1 12345_54321
0x_1F 9223372036854775807 -9223372036854775808 18446744073709551616 -9223372036854775809 1e3 1E3 1e+3 1e-3 1.5e300
1e400 -1e400 1. .5 -.5 +.5 5.e3 .5e1 . .. ... ._5 1_0.5 1.0 -0.0 0.1 123456789.123456789 1e22 1e21 3.0e-7 .inf .Inf
.INF +.inf -.inf .iNF inf Inf .nan .NaN .NAN nan 1:20 190:20:30 1:20.5 0x1p3 1e 1e+ e3 + +- -- 1-2 1.2.3 1,000 $1 1$
2020-01-02 2020-1-2 2020-13-01 2020-02-30 2020-02-29 2019-02-29 1900-02-29 2000-02-29 0000-01-01 99999-01-01 2020-01
2020-01-02T03:04:05Z 2020-01-02t03:04:05Z 2020-01-02T03:04:05 2020-01-02T3:4:5Z 2020-01-02T03:04:05.123456789Z
2020-01-02T03:04:05.1234567891Z 2020-01-02T03:04:05.100Z 2020-01-02T03:04:05+02:00 2020-01-02T03:04:05-00:00
2020-01-02T03:04:05+00:00 2020-01-02T03:04:05+0200 2020-01-02T24:00:00Z 2020-01-02T03:60:05Z 2020-01-02T03:04:60Z
2020-01-02T03:04:05,5Z 2020-01-02T03:04:05z 2020-01-02T03:04Z 2020-01-02T03:04:05+23:59 =ab <<x tru truex falsehood
nullx ~x t f T F N abc a_b 1a a1 0x1g a:b http://x 5% 5/3 5=3 É ½ ١٢
""",
)
TAGGED = (
    "!!str 5", "!!str true", "!!int '7'", "!!int 0x10", "!!float 5", "!!float '1.5'", "!!bool 'true'", "!!null ''",
    "!!binary aGVsbG8=", "!!timestamp '2020-01-02'", "!custom 5", "!!python/object:os.system x", "! 5", "'5'", '"true"',
    "2020-01-02 03:04:05", "2020-01-02 03:04:05 Z", "2020-01-02 3:4:5.25", "''",
)  # fmt: skip
WRONG_TAGS = ("!!int x", "!!int 1.5", "!!float x", "!!bool yes", "!!null x", "!!binary '!!'", "!!timestamp x")


def test_every_scalar_is_resolved_as_sops_does(sops, reader):
    """Types and bytes of 240 scalars, clear in plain YAML, are those that sops encrypted."""
    texts = [*PLAIN, *TAGGED]
    plain = "".join(f"k{number}: {text}\n" for number, text in enumerate(texts))
    sealed = reader.read(sops.encrypt(plain))
    clear = _read_plain(plain)
    wrong = [
        (text, mine, (value.type, value.secret.reveal()))
        for text, mine, value in zip(texts, clear, sealed.values, strict=True)
        if mine != (value.type, value.secret.reveal())
    ]
    assert wrong == []


def _read_plain(text: str) -> list[tuple[ValueType, bytes]]:
    return [(item.value.type, item.value.data) for item in load(text.encode())[0].items]


def test_values_left_in_clear_enter_the_mac_in_resolved_form(sops, reader):
    """A file of clear scalars of every form has a good MAC where sops accepts it."""
    texts = [text for text in PLAIN if text not in ("-0.0", "18446744073709551616")]
    data = sops.encrypt("".join(f"k{number}_unencrypted: {text}\n" for number, text in enumerate(texts)))
    snapshot = reader.read(data)
    assert sops.accepts(data)
    assert snapshot.mac == "good", snapshot.detail


@pytest.mark.parametrize("text", WRONG_TAGS)
def test_what_a_tag_cannot_be_is_read_as_null(sops, reader, text):
    """A value that go-yaml cannot decode adds nothing to the MAC, and sops accepts the file all the same."""
    data = b"odd: " + text.encode() + b"\n" + sops.encrypt("a: 1\n")
    snapshot = reader.read(data)
    assert sops.accepts(data) == (snapshot.mac == "good")
    assert snapshot.values[0].type is ValueType.NULL


@pytest.mark.parametrize("number", ["9223372036854775808", "18446744073709551615"])
def test_numbers_beyond_int64_are_refused_by_sops_and_read_as_int_here(sops, number):
    """The real sops cannot walk an unsigned integer, so no file of its own holds one; it is still a number to us."""
    (sops.folder / "env.yaml").write_text(f"k: {number}\n")
    assert sops.run("--encrypt", "--age", sops.key.recipient, "env.yaml").returncode != 0
    assert resolve(number, "", None) == (ValueType.INT, number.encode())


@given(st.floats())
def test_floats_are_written_without_exponent_and_read_back(number):
    """A float's text has no exponent and is the same float again."""
    text = float_bytes(number).decode()
    assert "e" not in text.lower() or text in ("NaN", "+Inf", "-Inf")
    again = float(text)
    assert again == number or (math.isnan(again) and math.isnan(number))


@given(
    st.text(max_size=40), st.sampled_from(["", "'", "|"]), st.sampled_from([None, "!", "tag:yaml.org,2002:int", "!x"])
)
def test_resolving_never_fails(text, style, tag):
    """Any text under any tag has a type and bytes."""
    kind, data = resolve(text, style, tag)
    assert isinstance(kind, ValueType)
    assert isinstance(data, bytes)


@given(
    st.sampled_from(["str", "int", "float", "bool", "time", "bytes", "comment", "int64", ""]), st.binary(max_size=40)
)
def test_canonical_form_is_stable(tag, data):
    """What sops hashes for a decrypted value is its own canonical form."""
    found = canonical(tag, data)
    assert found is None or canonical(tag, found[1]) == found


@pytest.mark.parametrize(
    ("tag", "data", "expected"),
    [
        ("int", b"007", b"7"),
        ("int", b"+5", b"5"),
        ("int", b"5 ", None),
        ("int", b"0x5", None),
        ("int", b"9223372036854775808", None),
        ("bool", b"true", b"True"),
        ("bool", b"0", b"False"),
        ("bool", b"yes", None),
        ("float", b"1.0", b"1"),
        ("float", b"1e400", None),
        ("float", b"-Inf", b"-Inf"),
        ("time", b"2020-01-02T03:04:05+00:00", b"2020-01-02T03:04:05Z"),
        ("time", b"2020-01-02", None),
    ],
)
def test_decrypted_values_are_parsed_as_go_does(tag, data, expected):
    """Plaintext of a type is taken where Go's parsers take it, and hashed as Go would write it."""
    found = canonical(tag, data)
    assert (found[1] if found else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T20:51:36Z", "2026-11-23T20:51:36Z"),
        ("2026-11-23T20:51:36.5+00:00", "2026-11-23T20:51:36.5Z"),
        ("2026-11-23T20:51:36+01:00", "2026-11-23T20:51:36+01:00"),
        ("2026-11-23 20:51:36Z", None),
        ("2026-11-23T20:51:36", None),
        ("", None),
    ],
)
def test_lastmodified_is_rfc3339_alone(text, expected):
    """Only RFC 3339 is a time of the sops block."""
    assert rfc3339(text) == expected
