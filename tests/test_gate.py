"""The outgoing gate: a value that was decrypted leaves no run, in whatever disguise, and what is a name or a digest may."""

from __future__ import annotations

import json
import random
import re
import shutil
import string
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from html import escape as html_escape
from pathlib import Path
from urllib.parse import quote, quote_from_bytes, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envgit import render as rendering
from envgit.audit.entry import Event
from envgit.escape import html, markdown, terminal
from envgit.gate import CLOSE, OPEN, SOUGHT_BYTES, Gate, Leak
from envgit.model import ChangeKind, CommitId, Digest, EnvFile, EventKind, Reason, ValueType
from envgit.redact import NOTHING_SHOWN, Redacted
from envgit.render import FOLDERS, Bare, Link, Name, Ours, render, source
from envgit.render import Digest as Digits
from envgit.review.report import Code, FileReview, Gravity, Live, LogSeen, Note, Review, Row
from envgit.views.comment import EXTENTS, Page, _document
from tests.ci.conftest import actions, github, story  # noqa: F401 -- fixtures of the Action
from tests.kit import vocabulary
from tests.kit.story import VALUES, Story

TEMPLATES = FOLDERS[-1]

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nZm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==\n-----END KEY-----"
SECRETS = {
    "RANDOM": "xK9qPz7Lm2Wv4TnR8sYb",
    "MULTILINE": PEM,
    "QUOTED": "p\"ä/'100%25 ö\\ü&x=<ß>+1?",
    "EIGHT": "q7Zt/w+9",
}
Disguise = Callable[[str], str]


def _each(form: str) -> Disguise:
    return lambda text: "".join(form.format(char=char, code=ord(char)) for char in text)


def _utf16(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


DISGUISES: dict[str, Disguise] = {
    "in clear": lambda text: text,
    "base64, first alignment": lambda text: b64encode(_bytes(text)).decode(),
    "base64, second alignment": lambda text: b64encode(b"x" + _bytes(text) + b"tail").decode(),
    "base64, third alignment": lambda text: b64encode(b"xy" + _bytes(text) + b"t").decode(),
    "base64 for addresses": lambda text: urlsafe_b64encode(_bytes(text)).decode(),
    "base64 for addresses, second alignment": lambda text: urlsafe_b64encode(b"?" + _bytes(text) + b"?").decode(),
    "base64 over lines": lambda text: encodebytes(_bytes(text) * 4).decode(),
    "base64 over short lines": lambda text: "\n".join(re.findall("..?.?.?.?", b64encode(_bytes(text)).decode())),
    "hexadecimal": lambda text: _bytes(text).hex(),
    "hexadecimal, capitals": lambda text: _bytes(text).hex().upper(),
    "hexadecimal, colons": lambda text: _bytes(text).hex(":"),
    "hexadecimal, capitals and colons": lambda text: _bytes(text).hex(":").upper(),
    "hexadecimal, spaces": lambda text: _bytes(text).hex(" "),
    "percent": lambda text: quote(_bytes(text), safe=""),
    "percent, small digits": lambda text: re.sub("%..", lambda m: m[0].lower(), quote(_bytes(text), safe="")),
    "percent, slashes": lambda text: quote(_bytes(text)),
    "percent, plus": lambda text: quote_plus(_bytes(text)),
    "percent, every byte": lambda text: "".join(f"%{byte:02X}" for byte in _bytes(text)),
    "entities": html_escape,
    # HTML has no entity for a control.
    "entities, decimal": lambda text: _each("&#{code};")(terminal(text)),
    "entities, hexadecimal": lambda text: _each("&#x{code:X};")(terminal(text)),
    "markdown": lambda text: "\n".join(markdown(line) for line in text.split("\n")),
    "html": lambda text: "\n".join(html(line) for line in text.split("\n")),
    "terminal": terminal,
}
ESCAPED: dict[str, Disguise] = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, every character": _utf16,
}
EVERY = DISGUISES | ESCAPED


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a text below the comment's real template, as a defect of ours would."""
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    monkeypatch.setattr(rendering, "FOLDERS", (folder,))
    rendering.vocabulary.cache_clear()
    original = (folder / "comment.md.j2").read_text(encoding="utf-8")

    def plant(text: str) -> None:
        (folder / "comment.md.j2").write_text(f"{original}\n{{% raw %}}x {text} y{{% endraw %}}\n", encoding="utf-8")

    yield plant
    rendering.vocabulary.cache_clear()


@pytest.mark.parametrize("disguise", EVERY)
def test_a_planted_value_is_refused(story: Story, planted: Callable[[str], None], disguise: str) -> None:  # noqa: F811
    """A template that shows a value, however disguised, is not sent: one line names the variable, and no request has it."""
    story.env("".join(f"{name}: {json.dumps(value)}\n" for name, value in {**VALUES, **SECRETS}.items()))
    story.propose()
    for name, value in SECRETS.items():
        planted(EVERY[disguise](value))
        story.actions.github.requests.clear()
        step = story.review()
        assert step.exit == 70, (name, disguise)
        assert story.comments == []
        assert story.actions.github.requests == []
        assert (step.summary, step.outputs) == ("", {})
        said = [line for line in step.err.splitlines() if line]
        assert len(said) == 1
        assert f"the value of {name} " in said[0]
        for line in (value, *value.split("\n"), EVERY[disguise](value)):
            assert line not in step.log
            assert line not in "\n".join(step.annotations)


@pytest.mark.parametrize("line", PEM.split("\n")[1:3])
def test_a_planted_line_of_a_value_is_refused(story: Story, planted: Callable[[str], None], line: str) -> None:  # noqa: F811
    """One line of a value of several is as much of a secret."""
    story.env("".join(f"{name}: {json.dumps(value)}\n" for name, value in {**VALUES, **SECRETS}.items()))
    story.propose()
    for disguise in EVERY.values():
        planted(disguise(line))
        step = story.review()
        assert step.exit == 70
        assert "the value of MULTILINE " in step.err
        assert line not in step.log
        assert story.actions.github.requests == []


def test_a_template_without_a_value_is_sent(story: Story, planted: Callable[[str], None]) -> None:  # noqa: F811
    """A text that holds no value passes, with what looks like a disguise in it."""
    story.env("".join(f"{name}: {json.dumps(value)}\n" for name, value in {**VALUES, **SECRETS}.items()))
    story.propose()
    planted("100%25 \\u0041 &#65; " + "0123456789abcdef" * 4 + b64encode(b"something else").decode())
    step = story.review()
    assert step.exit == 0, step.log
    assert "something" not in story.comments[0]
    assert "\\u0041 &#65;" in story.comments[0]


# Values that are no text, and forms that they take.
BINARY = bytes(range(128, 160)) + b"\xff\xfe\x00\x01"


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_value_that_is_no_text_is_found(disguise: str) -> None:
    """Bytes that are no UTF-8 are found in each form that they can take."""
    text = BINARY.decode("utf-8", "surrogateescape")
    assert Gate([("A", BINARY)]).found(f"x {DISGUISES[disguise](text)} y") is not None


@pytest.mark.parametrize("disguise", EVERY)
@pytest.mark.parametrize(
    "value",
    [
        "C:\\new\\table\\x41\\users",  # backslashes that look like escapes
        "C:\\new\\table\x07bell\n",  # and a control character besides
        'a<b>bold</b> "quoted" text',  # tags that are taken out of what is searched
        'rock &amp; roll "quoted"',  # an entity
        "caf%C3%A9 100%25 \u0001",  # percent signs
        "two\u0085lines\u009f long",  # controls beyond ASCII
        "key\U0001f511emoji",  # a character beyond the first plane
        "  spaces around  ",
        "tab\tand\ttab",
        "line\r\nand line",
        "a" * 8,
        "line one is long\nline two is long\n",
        "p+q+r+s+t",
        "<code>password</code>",
    ],
)
def test_an_awkward_value_is_found(value: str, disguise: str) -> None:
    """A value that itself looks like a disguise is found, in clear and disguised."""
    found = Gate([("A", value.encode())]).found(f"x {EVERY[disguise](value)} y")
    assert found is not None


def test_the_answer_names_the_variable_and_not_the_value() -> None:
    """What is said of a leak is the variable's name, escaped, and the form."""
    with pytest.raises(Leak) as caught:
        Gate([("A\x1b\n", b"canary-value")]).check("the comment", "x canary-value y")
    said = str(caught.value)
    assert said.startswith("refused to send the comment: it would show the value of A\\x1b\\x0a (in clear)")
    assert "canary-value" not in said
    assert caught.value.exit_status == 70


@pytest.mark.parametrize("value", ["x", "true", "8080", "s3cr3t", "seven77"])
def test_a_short_value_is_refused_only_as_a_whole_field(value: str) -> None:
    """A value shorter than eight bytes occurs by accident: it is a leak only where it is all of a free text."""
    gate = Gate([("A", value.encode())])
    assert gate.check("it", f"x {value} y", (f"x {value} y", f"{value}{value}")) == f"x {value} y"
    for field in (value, f" {value} ", f"\t{value}\n"):
        with pytest.raises(Leak, match="the value of A "):
            gate.check("it", "x", ("other", field))


def test_a_value_of_eight_bytes_is_refused_anywhere() -> None:
    """Eight bytes are sought in all of the text, seven are not; bytes are counted, not characters."""
    assert SOUGHT_BYTES == 8
    for value, sought in (("abcdefg", False), ("abcdefgh", True), ("ääää", True), ("äää", False)):
        assert (Gate([("A", value.encode())]).found(f"xx{value}xx") is not None) is sought


def test_an_empty_value_is_none() -> None:
    """An empty value, and one of spaces, is no leak anywhere."""
    assert Gate([("A", b""), ("B", b"   ")]).check("it", "x", ("", " ", "x")) == "x"


def test_any_field_can_be_encoded() -> None:
    """A field with half a surrogate pair, as JSON and YAML can hold, is no defect."""
    assert Gate([("A", b"short")]).check("it", "x", ("\ud800",)) == "x"


def drafted(folder: Path, **values: object) -> str:
    """Render a template that writes values one after the other."""
    (folder / "t.md.j2").write_text("".join(f"x {{{{ {name} }}}} y\n" for name in values))
    return render("t.md.j2", values).text


def test_names_digests_links_and_numbers_are_exempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that equals a value is none; the same text without a type is."""
    monkeypatch.setattr(rendering, "FOLDERS", (tmp_path,))
    for value in ("canary-value", "deadbeefdeadbeef", "12345678", "a|`b`@c<d>e"):
        gate = Gate([("A", value.encode()), ("B", f"https://e.example/{value}".encode()), ("C", b"12,345,678")])
        typed = drafted(
            tmp_path,
            a=Name(value),
            b=Digits(value),
            c=Bare(value),
            d=Link("run", f"https://e.example/{value}"),
            e=12_345_678,
        )
        sent = gate.check("it", typed)
        assert OPEN not in sent
        assert CLOSE not in sent
        for plain in (value, Ours(value), Ours(f"{OPEN}x{CLOSE}{value}{OPEN}y{CLOSE}")):
            with pytest.raises(Leak):
                gate.check("it", drafted(tmp_path, a=plain))


def test_what_is_parted_by_a_name_is_not_one_value() -> None:
    """Two halves of a value around a name are no value, and a mark cannot be forged into one."""
    gate = Gate([("A", b"first-half-second-half")])
    assert gate.check("it", f"first-half-{OPEN}x{CLOSE}second-half") == "first-half-xsecond-half"


def test_a_value_that_is_a_word_of_ours_is_no_leak() -> None:
    """A value that is a word of our texts may stand in clear, in no other form; one that merely holds such a word may not."""
    gate = Gate([("A", b"production"), ("B", b"production-1")], ("ciphertext", "production"))
    assert gate.found("in production now") is None
    assert gate.found(b64encode(b"production").decode()) is not None
    assert gate.found("in production-1 now") is not None


def test_two_names_of_one_value_are_one() -> None:
    """The first name of a value is the one that is said."""
    found = Gate([("A", b"canary-value"), ("B", b"canary-value")]).found("canary-value")
    assert found is not None
    assert found.of == "A"


def test_documents_are_searched_but_for_what_is_typed() -> None:
    """Every text of a JSON document is searched, at any depth, but those under keys that hold names and digests."""
    gate = Gate([("A", b"canary-value"), ("B", b"short")])
    gate.check_document("it", {"name": ["canary-value", {"deep": "short"}], "n": 7, "ok": None}, frozenset({"name"}))
    for leak in ("canary-value", "x canary-value", "short"):
        for document in ({"a": leak}, {"a": [{"b": (leak,)}]}, [leak], leak):
            with pytest.raises(Leak):
                gate.check_document("it", document, frozenset({"name"}))


AROUND = st.text(st.sampled_from(string.ascii_letters + string.digits + " .,;-_()[]/:\n|`'\"ü"), max_size=200)
# Letters with a meaning in some disguise have tests of their own, above.
LETTERS = st.sampled_from(string.ascii_letters + string.digits + " !\"'#$()*+,-./:;=?@[]^_`{|}~äöü€" + "\U0001f511")


@given(
    st.text(LETTERS, min_size=8, max_size=80).filter(lambda text: len(text.strip()) >= 8),
    AROUND,
    AROUND,
    st.sampled_from(sorted(EVERY)),
)
def test_a_value_is_found_in_any_disguise(value: str, before: str, after: str, disguise: str) -> None:
    """A random value, in a random disguise and at a random place in a random text, is found."""
    text = EVERY[disguise](value) if disguise not in ("markdown", "html") or len(value) < 160 else value
    assert Gate([("A", value.encode())]).found(f"{before} {text} {after}") is not None


@given(st.binary(min_size=8, max_size=80), AROUND, AROUND, st.integers(0, 2), st.booleans())
def test_bytes_are_found_in_digits(value: bytes, before: str, after: str, shift: int, safe: bool) -> None:
    """Random bytes are found in base64 at any alignment, in hexadecimal and by percent signs."""
    coded = (urlsafe_b64encode if safe else b64encode)(b"xyz"[:shift] + value + b"uvw").decode()
    gate = Gate([("A", value)])
    for text in (coded, value.hex(), value.hex(":").upper(), quote_from_bytes(value, safe="")):
        assert gate.found(f"{before} {text} {after}") is not None


@given(st.randoms(use_true_random=False), st.integers(12, 64), AROUND, st.sampled_from(sorted(EVERY)))
def test_a_text_without_a_value_passes(chance: random.Random, size: int, text: str, disguise: str) -> None:
    """A value of twelve random bytes or more is not seen where it is not, whatever else stands there."""
    value, other = chance.randbytes(size), chance.randbytes(size)
    assume(value != other)
    letters = "".join(chance.choices(string.ascii_letters, k=size))
    draft = f"{text} {other.hex()} {b64encode(other).decode()} {EVERY[disguise](letters)} {text}"
    assert Gate([("A", value)]).found(draft) is None


def test_ten_thousand_values_in_a_whole_comment() -> None:
    """With 10,000 values and a comment of 60,000 characters a text without one passes, and each of some planted is found."""
    chance = random.Random(7)
    values = [f"{chance.randbytes(16).hex()}-{number}" for number in range(10_000)]
    gate = Gate((f"NAME_{number}", value.encode()) for number, value in enumerate(values))
    words = " ".join("".join(chance.choices(string.ascii_lowercase, k=7)) for _ in range(7_500))
    body = words[:60_000]
    assert len(body) >= 59_000
    assert gate.check("it", body, tuple(body.split())) == body
    for number in (0, 4_999, 9_999):
        for disguise in EVERY.values():
            found = gate.found(f"{body[:30_000]} {disguise(values[number])} {body[30_000:]}")
            assert found is not None
            assert found.of == f"NAME_{number}"


# The words of our own texts.

WORD = re.compile(r"[A-Za-z]{8,}")
MARKED = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
PAGE = Page(7001, "https://github.com/acme/platform/actions/runs/7001", "<!-- envgit:1 -->", 415)
NAME = "N"


def test_the_vocabulary_is_what_our_texts_say() -> None:
    """Every long word of the templates and of all reviews is in the vocabulary, and it is sorted, in lower case, each once."""
    listed = source("vocabulary.txt").splitlines()
    assert listed == sorted(set(listed))
    assert all(re.fullmatch("[a-z]+", word) for word in listed)
    assert words() <= set(listed)
    assert listed == vocabulary.words(), "python -m tests.kit.vocabulary writes it anew"


def words() -> set[str]:
    """Return every word of eight letters or more in the templates' own texts and in those that code makes."""
    texts = [_own(path.read_text(encoding="utf-8")) for path in sorted(TEMPLATES.glob("*.md.j2"))]
    texts += [MARKED.sub(" ", draft) for draft in _reviews()]
    return {word.lower() for text in texts for word in WORD.findall(text)}


def _own(template: str) -> str:
    """Return a template's own words: what stands outside its tags, and what it passes as a text to be written."""
    said = [text for tag in re.findall(r"{{.*?}}", template) for text in re.findall(r'"([^"]*)"', tag)]
    return re.sub(r"{{.*?}}|{%.*?%}|{#.*?#}", " ", template, flags=re.DOTALL) + " " + " ".join(said)


def _reviews() -> Iterator[str]:
    """Render reviews of every kind, with every note, in every extent, with and without a key, with and without a log."""
    for one in _cases():
        for extent in EXTENTS:
            yield render("comment.md.j2", _document(one, PAGE, extent)).text
    for what in (
        "recording fails",
        "the log cannot be verified",
        "the log is not as it was signed, or not whole",
        "the log does not have everything",
    ):
        values = {"what": Ours(what), "since": Bare("x"), "detail": "", "run_link": Link("run 1", "https://e.example")}
        yield render("issue.md.j2", values).text


def _cases() -> Iterator[Review]:
    everyone = tuple(
        _note(code, detail, since) for code in Code for detail in ("", "x") for since in ("", "2026-01-05")
    )
    of_file = tuple(note for note in everyone if note.code in OF_FILES)
    of_review = tuple(note for note in everyone if note.code not in OF_FILES)
    spans = (None, timedelta(0), timedelta(minutes=5), timedelta(hours=5), timedelta(days=5), timedelta(days=5_000))
    rows = tuple(
        Row(NAME, kind, ValueType.STR, ValueType.INT, NAME, clear, 1, shown, span, clear)
        for kind in ChangeKind
        if kind is not ChangeKind.REENCRYPTED
        for clear in (False, True)
        for shown in (NOTHING_SHOWN, Redacted("x", "x"), Redacted("x"), Redacted(None, "x"))
        for span in (spans if shown is NOTHING_SHOWN else spans[:1])
    )
    rows += (replace(rows[0], notes=everyone),)
    events = tuple(Event(kind, from_=NAME) for kind in EventKind)
    file = FileReview(EnvFile("E", "U", "P"), rows, (NAME,), events, of_file, ("R",), ("R",), True, 1, (Live(NAME),))
    file = replace(file, state=Digest("sha256:" + "0" * 64))
    whole = Review(
        CommitId("a" * 40), CommitId("b" * 40), CommitId("a" * 40), "B", (file,), of_review, (("R", "x"),), ("O",),
        LogSeen(1, "0"), (NAME,),
    )  # fmt: skip
    files = (
        file,
        replace(file, rotated=False, events=()),
        replace(file, keyless="x"),
        replace(file, rotated=False, keyless="x", reason=Reason.NO_IDENTITY, granted=()),
        replace(file, rows=rows[:1], live=(Live(NAME), Live(NAME, "2026-01-05"))),
        replace(file, rows=(), notes=of_file, reason=Reason.PLAINTEXT),
        replace(file, rows=(), notes=()),
        replace(file, rows=(), notes=(), granted=(), revoked=()),
        replace(file, rows=(), notes=(), granted=(), revoked=(), reencrypted=()),
        *(replace(file, rows=(), notes=(), granted=(), revoked=(), reencrypted=(), events=(one,)) for one in events),
    )
    for one in files:
        yield replace(whole, files=(one,))
        yield replace(whole, files=(one, one), log=None, tip=CommitId("c" * 40), notes=(), others=())
    yield replace(whole, files=(replace(file, rows=rows[:2]),) * 60)
    many = tuple(replace(file, rows=rows[:9], file=EnvFile(f"E{number}", "", "P")) for number in range(6))
    yield replace(whole, files=many, others=tuple("OPQRST"))
    yield replace(whole, files=(), notes=())
    yield replace(whole, files=(), notes=(), others=(), tip=CommitId("c" * 40), revealed=())
    yield replace(whole, files=(replace(file, rows=()),), tip=CommitId("c" * 40), names=())


OF_FILES = (
    Code.MAC_INVALID, Code.UNREADABLE, Code.WAS_UNREADABLE, Code.PLAINTEXT, Code.AS_RECORDED, Code.NOT_ROTATED, Code.KEPT_NONCE,
)  # fmt: skip


def _note(code: Code, detail: str, since: str) -> Note:
    return Note(code, Gravity.WARNING, (NAME,), 3, since, CommitId("d" * 40), detail, 2, (NAME,), (NAME,), (NAME,))
