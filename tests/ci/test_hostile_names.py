"""Texts that others choose are inert wherever they land: rendered as GitHub renders them, and read as the runner reads them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cmarkgfm import markdown_to_html_with_extensions
from cmarkgfm.cmark import Options

from envgit.audit.entry import Event
from envgit.escape import LONGEST, clipped, html, terminal
from envgit.gate import Gate
from envgit.github.comments import Marker
from envgit.github.runner import Annotation, Runner
from envgit.model import ChangeKind, CommitId, Digest, EnvFile, EventKind, ValueType
from envgit.redact import SHOWN_CHARACTERS, Redacted
from envgit.render import Bare, Draft, Link, Ours, render
from envgit.review.report import Code, FileReview, Gravity, Live, LogSeen, Note, Review, Row
from envgit.views.comment import MAX_BYTES, MAX_CHARACTERS, Page, comment, job_summary
from tests.kit.story import CONFIG, NUMBER, VALUES, Story

SHA = "0123456789abcdef0123456789abcdef01234567"

HOSTILE = (
    # Cells, rows and code spans.
    "|",
    "||",
    "a | b | c",
    "a|b",
    "\\|",
    "\\\\|",
    "\\",
    "x\\",
    "`",
    "``",
    "```",
    "a`b",
    "a``b",
    "`a`",
    "`a",
    "a`",
    "```sh\nrm -rf /\n```",
    "~~~",
    "`" * 40,
    "` | `",
    "`<b>`",
    "|:-:|---|",
    "x |\n|---|\n| y",
    # HTML.
    "-->",
    "<!--",
    "<!-- x -->",
    "--!>",
    "<details>",
    "</details>",
    "<details open><summary>x</summary>",
    "</summary>",
    "</code>",
    "</code></td></tr></table><h1>x</h1>",
    "<code>",
    "</span>",
    "</sub>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://e.example/x.png'>",
    "<a href=https://e.example>x</a>",
    "<svg/onload=alert(1)>",
    "<?php x ?>",
    "<![CDATA[x]]>",
    "<!DOCTYPE x>",
    "<https://e.example>",
    "<a@b.example>",
    "&lt;",
    "&#64;team",
    "&#x40;team",
    "&amp;#64;",
    "&NewLine;",
    "&",
    '" onload="x',
    # Mentions and references.
    "@team",
    "@org/team",
    "x @team y",
    "(@team)",
    "@@team",
    "#1",
    "GH-1",
    "acme/platform#1",
    "acme/platform@" + SHA,
    SHA,
    SHA[:7],
    "https://github.com/acme/platform/pull/1",
    "CVE-2024-0001",
    # Links.
    "[x](http://e.example)",
    "![x](http://e.example/x.png)",
    "[x][y]",
    "[x]: http://e.example",
    "[x](javascript:alert(1))",
    "https://e.example",
    "http://e.example/?a=b&c=d",
    "ftp://e.example",
    "www.e.example",
    "x www.e.example y",
    "a@b.example",
    "x a@b.example y",
    "mailto:a@b.example",
    "xmpp:a@b.example/x",
    "a.b-c_d@a.b",
    "|a@b.example|",
    "`a@b.example`",
    "<b>https://e.example</b>",
    "`www.e.example`",
    "\\https://e.example",
    "&a@b.example",
    # Markdown.
    "- [ ] x",
    "* x",
    "1. x",
    "# h",
    "x\n# h",
    "x\n===",
    "> q",
    "> [!NOTE]",
    "[!CAUTION]",
    "~~x~~",
    "**x**",
    "__x__",
    "_x_",
    "*x",
    "[^1]",
    "[^1]: x",
    "---",
    "$x$",
    "$$x$$",
    "$`x`$",
    ":tada:",
    "    x",
    "x  \ny",
    "<kbd>x</kbd>",
    # Templates and commands.
    "{{ x }}",
    "{% raw %}",
    "{# x #}",
    "${{ github.token }}",
    "[[ x ]]",
    "::set-output name=a::b",
    "::error::x",
    "x\n::error::x",
    "::stop-commands::x",
    "::add-mask::a",
    "##[set-output name=a;]b",
    "##[error]x",
    "%0A::error::x",
    "%0D%0A::error::x",
    "a=b\nevil=1",
    "a<<EOF\nx\nEOF",
    # What cannot be seen.
    "\n",
    "x\ny",
    "x\n\ny",
    "x\r\ny",
    "\r::error::x",
    "\t",
    " ",
    " x ",
    "\u00a0x\u00a0",
    "\u3000",
    "\x00",
    "\x01\x02\x7f",
    "\x85x",
    "\u2028::error::x",
    "\u2029x",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\u200b\u200d\ufeff",
    "\u00adx",
    "\ue000x\ue001",
    "\ue001x\ue000",
    "\U000e0041",
    "\U0010ffff",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://e.example\x07x\x1b]8;;\x07",
    "\x9b31m",
    "\udcff\udc80",
    "a\udcffb",
    "\ud800",
    "e\u0301",
    "x" + "\u0301" * 50,
    "\u0301x",
    "ｗｗｗ．ｅ．ｅｘａｍｐｌｅ",
    "＠team",
    "｜",
    # Long.
    "x" * 5_000,
    "|" * 5_000,
    "`" * 5_000,
    "@a " * 2_000,
    "<" * 159 + "|" + "@" * 100,
    "https://e.example/" + "x" * 5_000,
)

BENIGN = "QUITE_HARMLESS"
EXTENSIONS = ("table", "strikethrough", "autolink", "tagfilter", "tasklist")
OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_GITHUB_PRE_LANG
TAGS = {
    "p", "h3", "strong", "em", "code", "span", "table", "thead", "tbody", "tr", "th", "td", "a", "details", "summary", "sub",
    "blockquote", "br",
}  # fmt: skip
# What GitHub looks for in text outside code.
REFERENCE = re.compile(r"@[A-Za-z0-9]|#\d|\bGH-\d|\b[0-9a-f]{40}\b|https?:|www\.|:[a-z]+:|\$.*\$|::", re.IGNORECASE)


class Page_(HTMLParser):
    """What a reader gets: the tags in order, the texts of code, and what stands outside code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.codes: list[str] = []
        self.outside = ""
        self.comments: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._code = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "code":
            assert not self._code
            self._code += 1
            self.codes.append("")
        if tag == "span":  # what parts an @ from its neighbours
            assert self._code
            assert attrs == []
            return
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.attributes += [(name, value or "") for name, value in attrs if name != "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._code -= 1
        if tag != "span":
            self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._code:
            self.codes[-1] += data
        else:
            self.outside += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def read(markdown: str) -> Page_:
    """Render Markdown as GitHub does, with HTML passed through, and parse it."""
    return Page_(markdown_to_html_with_extensions(markdown, OPTIONS, EXTENSIONS))


def shown(text: str) -> str:
    """Return what a reader should see of a name."""
    return clipped(terminal(text), LONGEST)


def is_shown(found: str, text: str) -> bool:
    """Tell whether a code says a name: all of it, or of a long one its beginning and that it was cut."""
    whole = shown(text)
    return found == whole or (len(found) >= 40 and found.endswith("…") and whole.startswith(found[:-1]))


MARKER = Marker("envgit-audit", "a" * 7, "b" * 7, (7001, 1))
PAGE = Page(7001, "https://github.com/acme/platform/actions/runs/7001", str(MARKER), 415)


OF_REVIEWS = (
    Code.BRINGS_ENVGIT, Code.EDITS_CONFIG, Code.EDITS_RULES, Code.EDITS_WORKFLOW, Code.WRONG_CONFIG, Code.NO_LOG,
)  # fmt: skip


def _notes(text: str, codes: tuple[Code, ...] = tuple(Code)) -> tuple[Note, ...]:
    return tuple(
        Note(
            code,
            list(Gravity)[at % 3],
            (text, text),
            entry=3,
            since="2026-01-05T10:00:00Z",
            commit=CommitId(SHA),
            detail=clipped(text, 200),
            number=2,
            coming=(text,),
            going=(text,),
            reveals=(text,),
        )
        for at, code in enumerate(codes)
    )


def _rows(text: str) -> tuple[Row, ...]:
    value = clipped(terminal(text), SHOWN_CHARACTERS)
    rows = [
        Row(text, kind, ValueType.STR, ValueType.INT, text, clear, 3, lived=timedelta(days=3), at_least=clear)
        for kind in ChangeKind
        if kind is not ChangeKind.REENCRYPTED
        for clear in (False, True)
    ]
    rows += [
        Row(text, kind, ValueType.STR, None, "", clear=False, line=3, shown=Redacted(value, value), notes=_notes(text))
        for kind in (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.REMOVED)
    ]
    return tuple(rows)


def everything(text: str, keyless: bool = False) -> Review:
    """Return a review with a text in every place that somebody else can fill."""
    events = (
        Event(EventKind.MOVED, from_=text),
        Event(EventKind.CREATED),
        Event(EventKind.DATA_KEY_ROTATED),
        Event(EventKind.RULES_CHANGED, before=text, after=text),
    )

    def file(environment: str, unit: str) -> FileReview:
        return FileReview(
            file=EnvFile(environment, unit, text),
            rows=_rows(text),
            reencrypted=(text, text),
            events=events,
            notes=_notes(text),
            granted=(text, "age1" + "q" * 40),
            revoked=(text,),
            variables=3,
            live=(Live(text), Live(text, "2026-01-05T10:00:00Z")),
            keyless=text if keyless else "",
            state=Digest("sha256:" + "c" * 64),
        )

    return Review(
        base=CommitId("a" * 40),
        head=CommitId("b" * 40),
        tip=CommitId("a" * 40),
        base_ref=text,
        files=(file(text, ""), file("one", text), file(text, "two")),
        notes=_notes(text, OF_REVIEWS),
        names=((text, text), ("age1" + "q" * 40, text)),
        others=(text, "other"),
        log=LogSeen(3, "d" * 64),
        revealed=(text, "DEBUG"),
    )


def cleared(draft: Draft) -> str:
    """Return a draft as it leaves the gate."""
    return Gate(()).check("the comment", draft.text, draft.fields)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a comment be of any length, so that nothing is cut from one and not from another."""
    for name in ("MAX_CHARACTERS", "MAX_BYTES", "MAX_SUMMARY_BYTES"):
        monkeypatch.setattr(f"envgit.views.comment.{name}", 1 << 30)


@cache
def harmless(keyless: bool) -> Page_:
    """The page with a harmless text in every place."""
    page = read(cleared(comment(everything(BENIGN, keyless), PAGE)))
    assert set(page.tags) - {f"/{tag}" for tag in TAGS} <= TAGS
    assert page.tags.count("details") == 5
    assert page.codes.count(BENIGN) > 100
    assert "nothing was cut" in page.outside
    return page


@cache
def harmless_summary() -> Page_:
    """The job's summary with a harmless text in every place."""
    return read(cleared(job_summary(everything(BENIGN), PAGE._replace(marker=""))))


def assert_inert(markdown: str, text: str, model: Page_) -> None:
    """Assert that a page with a hostile text differs from a harmless page by texts of code alone."""
    page = read(markdown)
    assert page.tags == model.tags
    assert page.links == model.links
    assert page.attributes == model.attributes
    assert page.comments == model.comments
    assert page.outside == model.outside
    assert not REFERENCE.search(page.outside)
    cut = {text, text[:60], clipped(terminal(text), SHOWN_CHARACTERS), clipped(text, 200)}
    for found, pattern in zip(page.codes, model.codes, strict=True):
        meant = cut if pattern == BENIGN else {pattern.replace(BENIGN, text)}
        assert any(is_shown(found, one) for one in meant), (found, pattern)


IDS = [f"{number}-{ascii(text)[1:25]}" for number, text in enumerate(HOSTILE)]


def test_the_table_is_long_enough() -> None:
    """There are at least seventy hostile texts, and none twice."""
    assert len(HOSTILE) == len(set(HOSTILE)) >= 70


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_is_inert_in_the_comment(text: str, roomy: None) -> None:
    """Whatever a name, path, value, recipient or branch is, the comment has the same elements as with a harmless one."""
    assert_inert(cleared(comment(everything(text), PAGE)), text, harmless(keyless=False))


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_is_inert_without_a_key(text: str, roomy: None) -> None:
    """The same holds for the comment that compares ciphertext."""
    assert_inert(cleared(comment(everything(text, keyless=True), PAGE)), text, harmless(keyless=True))


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_is_inert_in_the_summary(text: str, roomy: None) -> None:
    """The job's summary is as inert as the comment."""
    unmarked = PAGE._replace(marker="")
    assert_inert(cleared(job_summary(everything(text), unmarked)), text, harmless_summary())


@pytest.mark.parametrize("text", (*HOSTILE[::12], *HOSTILE[-6:]), ids=(*IDS[::12], *IDS[-6:]))
def test_a_hostile_text_is_inert_in_a_comment_that_was_cut(text: str) -> None:
    """However much must be cut, the comment fits and has elements of ours alone."""
    review = everything(text)
    many = replace(review, files=review.files * 3)
    body = cleared(comment(many, PAGE))
    assert len(body) <= MAX_CHARACTERS
    assert len(body.encode()) <= MAX_BYTES
    assert_ours(body)


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_is_inert_in_the_issue(text: str) -> None:
    """The issue of an alarm quotes an error, which may name what others chose."""

    def issue(detail: str) -> str:
        link = Link("run 7001", PAGE.run_url)
        values = {"what": Ours("recording fails"), "since": Bare("2026-01-05"), "detail": detail, "run_link": link}
        return cleared(render("issue.md.j2", values))

    assert_inert(issue(text), text, read(issue(BENIGN)))


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_html_is_inert_wherever_markdown_has_it(text: str) -> None:
    """A name as HTML is inert in a paragraph, a cell, a list, a quotation, a heading and a block of HTML."""
    for frame in (
        "x {} y",
        "{}",
        "{}{}",
        "| a |\n|---|\n| {} |",
        "- {}",
        "> {}",
        "# {}",
        "<div>\n{}\n</div>",
        "**{}**",
    ):
        one, other = frame.replace("{}", html(text)), frame.replace("{}", html(BENIGN))
        assert_inert(one, text, read(other))


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_makes_no_command(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In annotations and outputs a text stays in the field where it was put."""
    runner = Runner({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output")})
    runner.annotate([Annotation("warning", text, text, text, 3)])
    runner.output({"one": text, "two": "2"})
    said = capsys.readouterr().out
    (command,) = commands(said)
    name, properties, message = command
    assert name == "warning"
    place, title = (unescaped(properties[key], property=True) for key in ("file", "title"))
    assert (place, title, unescaped(message)) == (terminal(text),) * 3
    assert set(properties) == {"file", "line", "title"}
    assert "\x1b" not in said
    one, two = (tmp_path / "output").read_bytes().decode().split("\n")[:2]
    assert (one, two) == (f"one={terminal(text)}", "two=2")


def unescaped(text: str, *, property: bool = False) -> str:
    """Return a field of a command as the runner decodes it."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), *((("%3A", ":"), ("%2C", ",")) if property else ()), ("%25", "%")):
        text = text.replace(code, char)
    return text


NAMES = frozenset(
    {
        "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
        "save-state", "set-env", "set-output", "stop-commands", "warning", "internal-set-repo-path",
    }
)  # fmt: skip


def commands(log: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands that the runner obeys, as actions/runner reads a step's lines: it trims their beginning."""
    found: list[tuple[str, dict[str, str], str]] = []
    token = ""
    for line in re.split(r"\r\n|\r|\n", log):
        new = re.match(r"\s*::([^: ]+)(?: ([^:]*))?::(.*)", line, re.DOTALL)
        old = re.search(r"##\[([^\] ]+)(?: ([^\]]*))?\](.*)", line, re.DOTALL)
        for match, parted in ((new, ","), (old, ";")):
            if match is None:
                continue
            name, properties, message = match.groups()
            if token:
                token = "" if name == token else token
            elif name == "stop-commands":
                token = message
            elif name.lower() in NAMES:
                pairs = (pair.partition("=") for pair in (properties or "").split(parted) if pair)
                found.append((name, {key: value for key, _equals, value in pairs}, message))
            break
    return found


def test_the_reader_of_commands_reads_them() -> None:
    """The runner's reader, as it is here, sees commands of both forms, and none while it was told to stop."""
    log = (
        "::error file=a,line=1::b\n x ##[warning]c\n::stop-commands::t\n::error::d\n::t::\n  ::notice::e\n::other::f\n"
    )
    assert commands(log) == [
        ("error", {"file": "a", "line": "1"}, "b"),
        ("warning", {}, "c"),
        ("notice", {}, "e"),
    ]


# Names of variables may be any text that YAML can write; names of environments come of paths.
VARIABLES = (
    "::set-output name=evil::1",
    "##[set-output name=evil;]1",
    "%0A::error::evil",
    "x\n::error::evil",
    "</code></td></table><img src=x onerror=evil>",
    "a|b @team #1 www.e.example",
    "`` [x](http://e.example) ``",
    "\x1b[31m\u202eevil",
    "--> <!-- <details>",
    "{{ evil }} ${{ evil }}",
    "evil\\",
)
PLACES = ("::error::evil", "a|b`c", "<img src=x>", "@team", "#1", "x\n::error::evil", "\u202eevil", "${{ evil }}")
BRANCHES = ("main", "@team/#1", "<img/src=x/onerror=evil>", "::error::evil"[2:5] + "|`x`|$x$", "release/%0A-evil")


def yaml(names: tuple[str, ...], value: str) -> str:
    """Write an env file with names that need quoting."""
    return "".join(f"{json.dumps(name)}: {json.dumps(value + str(at))}\n" for at, name in enumerate(names))


def assert_step_is_quiet(step, kept: set[str]) -> None:
    """Assert that a step's commands are annotations of ours, and that its outputs are ours alone."""
    for name, properties, _message in commands(step.raw + step.err):
        assert name in ("add-mask", "error", "warning", "notice")
        assert name == "add-mask" or set(properties) <= {"file", "line", "title"}
        assert name == "add-mask" or properties["title"].startswith("envgit")
    assert commands(step.err) == []
    assert "\x1b" not in step.raw + step.err
    assert "\u202e" not in step.raw + step.err
    assert set(step.outputs) == kept
    assert "::" not in {line[:2] for line in step.log.splitlines()} - {line[:2] for line in step.annotations} - {
        line[:2] for line in step.raw.splitlines() if re.match(r"::(?:stop-commands::)?[0-9a-f]{32}(?:::)?$", line)
    }


KEPT = {"changed", "counts", "state", "report", "markdown", "comment-id"}
ELEMENTS = {
    "p",
    "h3",
    "strong",
    "em",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
    "details",
    "summary",
    "sub",
}


def assert_ours(body: str) -> Page_:
    """Assert that a comment has our elements alone, and only our links."""
    page = read(body)
    assert {tag.removeprefix("/") for tag in page.tags} <= ELEMENTS | {"blockquote"}
    assert all(re.fullmatch(r"https://github\.com/acme/platform/actions/runs/\d+", link) for link in page.links)
    assert len(page.comments) == 1
    assert "evil" not in page.outside
    assert not REFERENCE.search(page.outside)
    for opened in ("details", "summary", "table", "code", "td", "tr"):
        assert page.tags.count(opened) == page.tags.count(f"/{opened}")
    return page


def test_hostile_names_of_variables_are_inert_end_to_end(story: Story) -> None:
    """Names of variables that try everything at once: the log, the outputs and the comment that GitHub has are inert."""
    story.log()
    story.env(yaml(VARIABLES, "canary-first-"), name="staging")
    story.land()
    story.log()
    story.env(yaml(VARIABLES, "canary-other-"), name="staging")
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert_step_is_quiet(step, KEPT)
    (body,) = story.comments
    page = assert_ours(body)
    names = [change["variable"] for file in step.report["files"] for change in file["changes"]]
    assert len(set(names)) == len(VARIABLES)
    assert {shown(name) for name in names} <= set(page.codes)
    assert page.tags.count("tr") == 1 + len(VARIABLES)
    assert page.tags.count("td") == len(VARIABLES) * page.tags.count("th")
    assert read(step.summary).tags == page.tags
    assert "canary" not in step.everything


def test_hostile_paths_are_inert_end_to_end(story: Story) -> None:
    """Paths, and with them names of environments, that try everything at once are inert too."""
    for place in PLACES:
        story.env({"A": "canary-aaaaaaaa"}, name=place)
        story.repo.write(f".github/workflows/{place}.yml", "uses: envgit/envgit@v1\n")
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert_step_is_quiet(step, KEPT)
    (body,) = story.comments
    page = assert_ours(body)
    assert {shown(place) for place in PLACES} <= set(page.codes)
    assert set(json.loads(step.outputs["state"])) == set(PLACES)


def test_a_path_that_is_not_utf8_is_reviewed_end_to_end(story: Story) -> None:
    """A path with bytes that are no UTF-8 is reviewed like any other, its bytes escaped."""
    story.env({"A": "canary-aaaaaaaa"}, name="b\udcff", data_key=b"k" * 32)
    story.repo.write(".github/workflows/c\udcff.yml", "uses: envgit/envgit@v1\n")
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert_step_is_quiet(step, KEPT)
    page = assert_ours(story.comments[0])
    assert {"b\\xff", ".github/workflows/c\\xff.yml"} <= set(page.codes)


def test_hostile_recipients_and_people_are_inert_end_to_end(story: Story) -> None:
    """Names of recipients in `.sops.yaml`, revealed values, authors and subjects are inert."""
    from tests.kit.sops import new_key

    evil = "</code><img src=x onerror=evil> @team #1 |"
    fresh = new_key()
    rules = f"creation_rules:\n  - path_regex: envs/\n    age: >-\n      {fresh.recipient}\n"
    story.repo.write(".sops.yaml", f"keys:\n  - &{'evil-@team'} {fresh.recipient} # {evil}\n{rules}")
    story.land()
    story.env({**VALUES, "DEBUG": "| `x` @team <img src=x> ::error::evil"}, story.repo.key, fresh)
    story.repo.git("switch", "-q", "-C", "feature")
    story.repo.git("add", "-A")
    story.repo.git("commit", "-q", "-m", "::error::evil", author="<b>@team ::error::evil".replace("<", ""))
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert_step_is_quiet(step, KEPT)
    page = assert_ours(story.comments[0])
    assert "| `x` @team <img src=x> ::error::evil" in page.codes


@pytest.mark.parametrize("branch", BRANCHES[1:])
def test_hostile_base_branches_are_inert_end_to_end(story: Story, branch: str) -> None:
    """A base branch may be called almost anything."""
    story.repo.git("push", "-q", "origin", f"main:refs/heads/{branch}")
    story.repo.git("fetch", "-q", "origin")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review(base=branch)
    assert step.exit == 0, step.log
    assert_step_is_quiet(step, KEPT)
    page = assert_ours(story.comments[0])
    assert shown(branch) in page.codes


def test_a_hostile_configuration_is_inert_end_to_end(story: Story) -> None:
    """What a proposal's configuration is quoted with is inert: patterns, names and what would be revealed."""
    evil = "</code><img src=x> @team #1 | evil"
    story.repo.write(".envgit.yaml", CONFIG.replace("[DEBUG]", json.dumps([evil])))
    story.propose()
    step = story.review(comment="always")
    assert_step_is_quiet(step, KEPT)
    page = assert_ours(story.comments[0])
    assert evil in page.codes
    story.repo.write(".envgit.yaml", f"version: 1\nenvironments: {json.dumps(evil + '{')}\n")
    story.propose()
    step = story.review(comment="always")
    assert step.exit == 1
    assert_step_is_quiet(step, KEPT)
    assert_ours(story.comments[0])
    assert story.actions.github.comments[NUMBER]
