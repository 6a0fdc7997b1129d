"""YAML is read by events into nodes, comments where they belong, and errors never quote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.sops.yaml import (
    Limits,
    Mapping,
    Note,
    NotTextError,
    Pair,
    Scalar,
    Sequence,
    TooLargeError,
    YamlError,
    parse,
    plain,
)


def test_plain_values_are_pythons():
    """One document gives dict, list, str, int, float, bool and None."""
    data = b"a: 1\nb: [x, 0x1F, 1.5, yes, true, ~, 2020-01-02, '5']\nc: {d: e}\nf: &x [1]\ng: *x\n"
    assert plain(data) == {
        "a": 1,
        "b": ["x", 31, 1.5, "yes", True, None, "2020-01-02T00:00:00Z", "5"],
        "c": {"d": "e"},
        "f": [1],
        "g": [1],
    }
    assert plain(b"") is None


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "twice"),
        (b"a:\n  x: 1\n  x: 2\n", 3, "twice"),
        (b"a: 1\n---\nb: 2\n", 3, "second document"),
        (b"? [x]\n: 1\n", 1, "no plain text"),
        (b"a: secret-word: x\n", 1, "mapping values are not allowed"),
        (b"a: 'secret-word\n", 2, "no valid YAML"),
        (b"a: \xff\n", 1, "UTF-8"),
        (b"a: 1\nb: *secret-word\n", 2, "alias"),
        (b"a: @secret-word\n", 1, "cannot start any token"),
        (b"a: !secret-word!x y\n", 1, "no valid YAML"),
    ],
)
def test_errors_have_a_line_and_never_quote(data, line, problem):
    """A problem is told with its line, and without a word of the text."""
    with pytest.raises(YamlError, match=problem) as caught:
        plain(data)
    assert caught.value.line == line
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "limits", "error"),
    [
        (b"a: 1\n", Limits(size=4), TooLargeError),
        (b"[[1]]", Limits(depth=1), YamlError),
        (b"[1, 2, 3]", Limits(nodes=3), TooLargeError),
        (b"a: &a [1, 1]\nb: [*a, *a, *a]\n", Limits(nodes=10), TooLargeError),
        (b"a: \x01\n", Limits(), NotTextError),
    ],
)
def test_limits_hold(data, limits, error):
    """Size, depth and number of nodes are bounded, aliases counted as what they stand for."""
    with pytest.raises(error):
        plain(data, limits)


def test_comments_stand_where_they_belong():
    """A comment is in the container of its column, before what follows it; an inline one before its own item."""
    data = b"# top\na: 1 # own\nb: # key\n  # inside\n  c: '#no'\n  # tail\n# next\nd:\n  - x # item\n  # last\n# end\n"
    root = parse(data, comments=True)[0]
    assert _shape(root) == [
        "# top", "# own", ["a", "1"], "# key", ["b", ["# inside", ["c", "#no"], "# tail"]], "# next",
        ["d", ["# item", "x", "# last"]], "# end",
    ]  # fmt: skip
    assert _shape(parse(data)[0]) == [["a", "1"], ["b", [["c", "#no"]]], ["d", ["x"]]]
    assert [item.line for item in root.items if isinstance(item, Note)] == [1, 2, 3, 7, 11]


def _shape(node: object) -> object:
    match node:
        case Scalar():
            return node.text
        case Note():
            return f"#{node.text}"
        case Pair():
            return [_shape(node.key), _shape(node.value)]
        case Mapping() | Sequence():
            return [_shape(item) for item in node.items]


@given(st.text(max_size=80))
def test_comments_never_change_what_is_read(text):
    """Any text is the same tree, or the same error, whether comments are looked for or not."""

    def read(comments: bool) -> object:
        try:
            return [_bare(_shape(node)) for node in parse(text.encode("utf-8", "replace"), comments=comments)]
        except YamlError as error:
            return error.problem

    assert read(True) == read(False)


def _bare(shape: object) -> object:
    if isinstance(shape, list):
        return [_bare(item) for item in shape if not (isinstance(item, str) and item.startswith("#"))]
    return shape.replace("#", "") if isinstance(shape, str) else shape
