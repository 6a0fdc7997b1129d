"""Escaping: what any text becomes in a terminal, in Markdown, in HTML and in a workflow command."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

import pytest
from cmarkgfm import markdown_to_html_with_extensions
from cmarkgfm.cmark import Options
from hypothesis import example, given
from hypothesis import strategies as st

from envgit.escape import LONGEST, clipped, command_data, command_property, html, markdown, terminal

EXTENSIONS = ("table", "strikethrough", "autolink", "tagfilter", "tasklist")
# Also surrogates: paths have them where bytes are no UTF-8. Letters that mean something come often.
TEXTS = st.text(st.one_of(st.sampled_from("`|\\<>&@#:/.-_*~[]()!$ \n\r\t%,;=ax1"), st.characters()), max_size=200)
FRAMES = ("{}", "x {} y", "| a | b |\n|---|---|\n| {} | c |", "- {}", "> {}", "**{}**, {}")


def rendered(text: str) -> str:
    """Render as GitHub does, with HTML passed through."""
    return markdown_to_html_with_extensions(text, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES, EXTENSIONS)


def apart(page: str) -> tuple[str, list[str]]:
    """Return what stands around code, and the texts of code."""
    codes = [unescape(re.sub("</?span>", "", code)) for code in re.findall("<code>(.*?)</code>", page, re.DOTALL)]
    return re.sub("<code>.*?</code>", "CODE", page, flags=re.DOTALL), codes


@given(TEXTS)
@example("\ue000x\ue001")
@example("\x85\u2028\u2029\u202e\u2066\u200b\ufeff\x1b\x00")
def test_terminal_is_one_line_of_visible_characters(text: str) -> None:
    """Nothing that moves, hides, reorders or ends a line is left, and what was harmless stays as it is."""
    shown = terminal(text)
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in shown)
    assert terminal(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\n", "\\x0a"),
        ("\x1b[1m", "\\x1b[1m"),
        ("\udcff", "\\xff"),
        ("\u202e", "\\u202e"),
        ("\ue000", "\\ue000"),
        ("\U0010ffff", "\\U0010ffff"),
        ("\ud800", "\\ud800"),
        ("ü", "ü"),
        ("", ""),
    ],
)
def test_terminal_escapes_by_code(text: str, shown: str) -> None:
    """Each escaped character shows its code, a byte that was no UTF-8 that byte."""
    assert terminal(text) == shown


@given(TEXTS, st.integers(1, 300))
def test_clipped_is_never_longer(text: str, width: int) -> None:
    """A cut text is as long as asked for, begins as before, and ends in an ellipsis."""
    short = clipped(text, width)
    assert len(short) <= width
    assert short == text if len(text) <= width else short == text[: width - 1] + "…"


@pytest.mark.parametrize("escape", [markdown, html])
@pytest.mark.parametrize("frame", FRAMES)
@given(text=TEXTS)
@example(text="@team")
@example(text="a@b.example")
@example(text="www.e.example")
@example(text="https://e.example")
@example(text="`|\\")
@example(text=" x ")
@example(text="x\\")
@example(text="&#64;")
@example(text="--><img src=x>")
def test_a_text_is_code_and_nothing_else(escape, frame: str, text: str) -> None:
    """Around a text GitHub renders what it renders around a harmless one, and the text is shown as it is."""
    around, codes = apart(rendered(frame.replace("{}", escape(text))))
    model, ours = apart(rendered(frame.replace("{}", escape("harmless"))))
    assert around == model
    assert len(codes) == len(ours)
    whole = clipped(terminal(text), LONGEST)
    for code in codes:
        assert code == whole or (len(code) >= 40 and code.endswith("…") and whole.startswith(code[:-1]))


@pytest.mark.parametrize("escape", [markdown, html])
@given(text=st.text(st.sampled_from("|`<@\ud800\U0010ffffaü "), max_size=2_000))
@example(text="|" * 5_000)
@example(text="@" * 5_000)
def test_a_code_is_never_long(escape, text: str) -> None:
    """Whatever a text is made of, its code takes no more than a fixed number of characters: a comment has room for many."""
    assert len(escape(text)) <= 1_000


@given(TEXTS)
def test_html_has_no_character_that_means_something(text: str) -> None:
    """Between its tags there are letters, digits, hyphens, spaces and entities alone."""
    inner = html(text).removeprefix("<code>").removesuffix("</code>")
    inner = inner.replace("<span>&#64;</span>", "")
    assert not re.search(r"[^A-Za-z0-9\x80-\U0010ffff\- &#;]", inner)
    assert not set(re.sub(r"&#\d+;", "", inner)) & set("&#;")


@given(TEXTS)
def test_markdown_is_plain_where_it_can_be(text: str) -> None:
    """A text without letters of Markdown's is between backticks, and has none inside."""
    shown = markdown(text)
    if shown.startswith("`"):
        assert shown.endswith("`")
        assert not set(shown[1:-1]) & set("`|\\<>&\n")
    else:
        assert shown.startswith("<code>")


@given(TEXTS)
def test_command_data_is_one_line_and_is_undone(text: str) -> None:
    """The message of a command has no line's end, and the runner reads back what was meant."""
    data = command_data(text)
    assert not set(data) & set("\r\n")
    assert data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") == text


@given(TEXTS)
def test_command_property_ends_where_it_should_and_is_undone(text: str) -> None:
    """A property has neither a colon nor a comma nor a line's end, and the runner reads back what was meant."""
    data = command_property(text)
    assert not set(data) & set("\r\n:,")
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        data = data.replace(code, char)
    assert data == text
