"""Rendering: what a template writes of each type, what it refuses, and how names come into files of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError

from envgit import render as rendering
from envgit.errors import ConfigError
from envgit.escape import html, markdown
from envgit.gate import CLOSE, OPEN
from envgit.render import Bare, Digest, Link, Name, Ours, Quoted, fill, render, source, vocabulary

HOSTILE = "</code> @team | `x` \ue000\ue001"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates, instead of ours."""
    monkeypatch.setattr(rendering, "FOLDERS", (tmp_path,))
    return tmp_path


def written(folder: Path, value: object) -> tuple[str, tuple[str, ...]]:
    """Render a template that writes one value."""
    (folder / "t.md.j2").write_text("{{ value }}")
    return render("t.md.j2", {"value": value})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Name("API_KEY"), f"{OPEN}`API_KEY`{CLOSE}"),
        (Name(HOSTILE), f"{OPEN}{markdown(HOSTILE)}{CLOSE}"),
        (Quoted(HOSTILE), f"{OPEN}{html(HOSTILE)}{CLOSE}"),
        (Ours("**bold**"), "**bold**"),
        (Bare("7"), f"{OPEN}7{CLOSE}"),
        (Digest("abc1234"), f"{OPEN}`abc1234`{CLOSE}"),
        (Link("run 7", "https://e.example/7"), f"[run 7]({OPEN}https://e.example/7{CLOSE})"),
        (12_345, f"{OPEN}12,345{CLOSE}"),
        (0, f"{OPEN}0{CLOSE}"),
    ],
)
def test_what_has_a_type_is_marked_and_no_field(folder: Path, value: object, text: str) -> None:
    """Names, digests, links and numbers are marked for the gate; what is ours is written as it is; none is free text."""
    assert written(folder, value) == (text, ())


def test_a_plain_text_is_made_inert_and_is_a_field(folder: Path) -> None:
    """Free text is inert code without a mark, and the gate is told of it."""
    assert written(folder, HOSTILE) == (markdown(HOSTILE), (HOSTILE,))
    assert OPEN not in written(folder, HOSTILE)[0]
    assert written(folder, "") == ("(empty)", ("",))


@pytest.mark.parametrize("value", [None, True, False, 1.5, b"x", ["x"], {"x": 1}, object()])
def test_what_has_no_known_type_is_refused(folder: Path, value: object) -> None:
    """Truth values, nothing and whatever else is an error, never a text."""
    with pytest.raises(TypeError):
        written(folder, value)


def test_a_value_that_is_not_there_is_an_error(folder: Path) -> None:
    """A template that names what it was not given fails, wherever it does so."""
    for text in ("{{ other }}", "{% if other %}x{% endif %}", "{% for x in other %}x{% endfor %}", "{{ value.other }}"):
        (folder / "t.md.j2").write_text(text)
        with pytest.raises((UndefinedError, TypeError)):
            render("t.md.j2", {"value": {}})


def test_a_value_is_never_a_template(folder: Path) -> None:
    """What looks like a template in a value stays text."""
    for text in ("{{ 7*7 }}", "{% raw %}", "{# x #}"):
        assert "49" not in written(folder, text)[0]
        assert written(folder, Name(text))[0] == f"{OPEN}{markdown(text)}{CLOSE}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=60))
def test_marks_cannot_be_forged(folder: Path, text: str) -> None:
    """Whatever a text is, its marks are ours: one of each around a name, none around free text."""
    for value, number in ((Name(text), 1), (Quoted(text), 1), (text, 0)):
        draft, _fields = written(folder, value)
        assert (draft.count(OPEN), draft.count(CLOSE)) == (number, number)


def test_a_template_that_is_not_there_is_an_error(folder: Path) -> None:
    """A missing template is named."""
    with pytest.raises(TemplateNotFound):
        source("t.md.j2")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a b",
        "a\nb",
        "main\n",
        "a: b",
        "x'y",
        'x"y',
        "${{ x }}",
        "[[ x ]]",
        "{{ x }}",
        "x#y",
        "a # b # c",
        "a # b\n",
        "x]",
        "*",
        "&x",
        "!x",
        "ü",
        "x`y",
        "\x00",
        "a\u2028b",
    ],
)
def test_fill_refuses_what_could_be_more_than_a_name(folder: Path, value: str) -> None:
    """A value with a space, a quotation mark, a line's end or anything that YAML reads is refused, and said by its name."""
    (folder / "w.yml.j2").write_text("x: [[ branch ]]\n")
    with pytest.raises(ConfigError, match="^branch is ") as caught:
        fill("w.yml.j2", {"branch": value})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["main", "release/1.2", "envgit/envgit@" + "a" * 40 + " # v1.0.0"])
def test_fill_fills_names_in(folder: Path, value: str) -> None:
    """A name, a path and a pinned action are written; what belongs to GitHub's own expressions stays."""
    (folder / "w.yml.j2").write_text("x: [[ branch ]] ${{ github.ref }}\n")
    assert fill("w.yml.j2", {"branch": value}) == f"x: {value} ${{{{ github.ref }}}}\n"
    with pytest.raises(UndefinedError):
        fill("w.yml.j2", {})


def test_the_vocabulary_is_words() -> None:
    """The list of our words is read from its file, in lower case."""
    assert vocabulary()
    assert all(re.fullmatch("[a-z]+", word) for word in vocabulary())
