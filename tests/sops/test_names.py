"""Names of variables are unambiguous."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.sops import names

KEYS = st.one_of(st.text(max_size=6), st.sampled_from(["a", "b", "@1", "a.b", "[0]", '"', "\\", "0", "", "@2", "a@2"]))
PATHS = st.tuples(st.integers(0, 2), KEYS, st.lists(st.one_of(KEYS, st.integers(0, 2)), max_size=3))


def _name(document: int, path: list[str | int]) -> str:
    name = names.document(document)
    for part in path:
        name = names.item(name, part) if isinstance(part, int) else names.under(name, part)
    return name


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        (0, ["DATABASE_URL"], "DATABASE_URL"),
        (0, ["stringData", "TOKEN"], "stringData.TOKEN"),
        (0, ["hosts", 0, "port"], "hosts[0].port"),
        (0, ["data", "tls.crt"], 'data["tls.crt"]'),
        (0, ["data", "tls.crt", "x"], 'data["tls.crt"].x'),
        (1, ["A"], "@1.A"),
        (1, ["tls.crt"], '@1.["tls.crt"]'),
        (0, ["a\nb"], '["a\\nb"]'),
        (0, ["\x1b[31m\u202e\x7f"], '["\\u001b[31m\\u202e\\u007f"]'),
        (0, [""], '[""]'),
    ],
)
def test_names_are_written_as_the_design_says(document, path, expected):
    """Segments are joined by dots, odd ones are quoted as in JSON, later documents are numbered."""
    assert _name(document, path) == expected


@given(PATHS, PATHS)
def test_two_paths_never_share_a_name(one, other):
    """Names are injective over documents and paths."""
    first, second = ((number, [key, *rest]) for number, key, rest in (one, other))
    assert (_name(*first) == _name(*second)) == (first == second)


@given(PATHS)
def test_names_are_printable_ascii(path):
    """No control, bidi mark or other letter stands in a name."""
    name = _name(path[0], [path[1], *path[2]])
    assert name.isascii()
    assert name.isprintable()


@given(st.lists(PATHS, max_size=12))
def test_a_file_gives_each_name_once(paths):
    """Duplicates end in @2, @3, and are no other variable's name."""
    given_ = names.Names()
    found = [given_.give(_name(number, [key, *rest])) for number, key, rest in paths]
    assert len(set(found)) == len(found)
