"""Paths on the audit branch, and the cleaning of people's names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envgit.audit.names import directory, escape, numbered
from envgit.audit.people import clean_email, clean_name, decoded

from .golden import HOSTILE

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=80) | st.text(".%~+abCON/", max_size=6)
DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


@given(NAMES)
@example("con")
@example("Com1.tar.gz")
@example("..")
@example("a" * 5000)
@example("\u00fc" * 70)
def test_an_escaped_name_stays_in_its_place(name: str) -> None:
    """One segment of plain characters, within 200 bytes, no dot at either end, and no device of Windows."""
    found = escape(name)
    assert re.fullmatch(r"(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})+(?:~[0-9a-f]{64})?|%", found)
    assert 0 < len(found) <= 200
    assert not found.startswith(".")
    assert not found.endswith(".")
    assert not DEVICE.match(found)


@given(NAMES, NAMES)
def test_escape_is_injective(one: str, other: str) -> None:
    """Two names never share a path."""
    assert (escape(one) == escape(other)) == (one == other)


@given(NAMES, NAMES, NAMES, NAMES)
def test_directory_is_injective(environment: str, unit: str, other: str, other_unit: str) -> None:
    """Two files never share a directory."""
    same = (environment, unit) == (other, other_unit)
    assert (directory(environment, unit) == directory(other, other_unit)) == same


def test_long_names_differ_by_their_hash() -> None:
    """Two long names that only differ at the end have two paths, and no escape is cut in two."""
    one, other = escape("\u00fc" * 300), escape("\u00fc" * 299 + "x")
    assert one != other
    assert one[:126] == "%C3%BC" * 21
    assert one[126] == "~"


def test_escapes_are_vectors(vector: Callable[[str, str], None]) -> None:
    """Hostile names and their escapes stand in tests/vectors."""
    rows = {
        name: escape(name) for name in (*HOSTILE, "DATABASE_URL", "tls.crt", "\u00fc" * 300, "NUL", "lpt9.x", "aux-")
    }
    vector("names.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize(
    ("sequence", "path"),
    [
        (0, "entries/00/00/00.json"),
        (42, "entries/00/00/42.json"),
        (9_999, "entries/00/99/99.json"),
        (1_234_567, "entries/123/45/67.json"),
    ],
)
def test_entry_paths(sequence: int, path: str) -> None:
    """An entry's path is made of its number's digits."""
    assert "/".join(numbered("entries", sequence)) == path


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (b"Alice", "Alice"),
        ("Ren\u00e9".encode(), "Ren\u00e9"),
        ("Ren\u00e9".encode("latin-1"), "Ren\u00e9"),
        (b"", "unknown"),
        (b" <> \n", "unknown"),
        (b"a\x1b[31mb\0\r\nauthor evil", "a[31mbauthor evil"),
        ("\u202eevil\u2066\u200b\ufeff", "evil"),
        ("\udcff\ud800x", "x"),
        ("x" * 500, "x" * 200),
    ],
)
def test_clean_name(name: bytes | str, cleaned: str) -> None:
    """Controls, bidi marks, invisible characters and angle brackets go; an empty name is unknown."""
    assert clean_name(name) == cleaned


@pytest.mark.parametrize(
    ("email", "cleaned"),
    [
        (b"a@b.example", "a@b.example"),
        (b"<a@b.example>", "a@b.example"),
        (b"a@b\n.example", "a@b.example"),
        *((bad, "unknown@envgit.invalid") for bad in (b"", b"a", b"a@", b"@b", b"a@b@c", b"a b@c", b"a@" + b"b" * 300)),
    ],
)
def test_clean_email(email: bytes, cleaned: str) -> None:
    """What is no e-mail address becomes one that says so."""
    assert clean_email(email) == cleaned


@given(
    st.binary(max_size=60),
    st.sampled_from(("", "UTF-8", "ISO-8859-1", "utf-7", "utf-16", "hex", "idna", "no such", "\0")),
)
def test_cleaning_never_fails_and_is_idempotent(data: bytes, encoding: str) -> None:
    """Any bytes in any encoding give a name and an address that fit a git header and stay as they are."""
    assert isinstance(decoded(data, encoding), str)
    for clean in (clean_name, clean_email):
        found = clean(data, encoding)
        assert found
        assert clean(found) == found
        assert not re.search("[<>\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u202a-\\u202e\\u2066-\\u2069]", found)


def test_the_commits_encoding_counts() -> None:
    """A commit that names its encoding is read in it."""
    assert clean_name("\u0416".encode("koi8-r"), "KOI8-R") == "\u0416"
