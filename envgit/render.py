"""Own jinja2, and with it how text of ours and text of others come together in one Markdown document.

A template's own words are trusted; whatever comes in by `{{ }}` is made inert, unless its type says that it is ours. What is a name or
a number is marked, so that the gate can tell it from what should not be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound

from envgit.errors import ConfigError
from envgit.escape import html, markdown, terminal
from envgit.gate import CLOSE, OPEN

_PLAIN = re.compile(r"[A-Za-z0-9_./@-]+(?: # [A-Za-z0-9_./-]+)?")

# Markup of the template's own; what stands between marks is somebody's text, and stays.
_MARKUP = re.compile(rf"{OPEN}([^{CLOSE}]*){CLOSE}|\*\*|`")

_PACKAGE = Path(__file__).parent
# In a wheel the templates lie inside the package, in a clone beside it.
FOLDERS = (_PACKAGE / "templates", _PACKAGE.parent / "templates")


class Name(str):
    """A name of the user's: a variable, an environment, a path, a recipient, a login. It may equal some value, and is none."""

    __slots__ = ()


class Ours(str):
    """Markdown that our own code made of fixed words: it is written as it is, and searched like a template's own words."""

    __slots__ = ()


class Revealed(str):
    """A value that may be shown. It may equal a short value of another name; a long one it must not."""

    __slots__ = ()


class Digest(str):
    """A commit, a state, a root, a version: hexadecimal or base64 by nature."""

    __slots__ = ()


class Bare(str):
    """A word of checked form, such as a number or an id, that is written without anything around it."""

    __slots__ = ()


class Link(NamedTuple):
    """A link to a page of the forge; `text` is ours, `url` is made of checked parts."""

    text: str
    url: str


class Quoted(NamedTuple):
    """A name inside HTML, where Markdown's backticks would show."""

    name: str


class Draft(NamedTuple):
    """A document before the gate: `text` with its marks, and the free texts that went into it."""

    text: str
    fields: tuple[str, ...]


def render(template: str, values: Mapping[str, object]) -> Draft:
    """Fill a template in; a plain `str` among the values is free text, shown as inert code."""
    fields: list[str] = []
    environment = Environment(
        loader=FunctionLoader(source),
        finalize=lambda value: _written(value, fields),
        autoescape=False,  # noqa: S701 -- HTML's escaping does not stop Markdown; `finalize` does both
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return Draft(environment.get_template(template).render(values), tuple(fields))


def plain(template: str, values: Mapping[str, object]) -> str:
    """Fill a template in for where there is no Markdown: one line, names as they are but for what a terminal would obey."""
    return _MARKUP.sub(lambda found: found[1] or "", _plain_environment().get_template(template).render(values)).strip()


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill names into a file of ours, such as a workflow, between `[[` and `]]`; raise ConfigError for one that could be more than a name."""
    for name, value in values.items():
        if not _PLAIN.fullmatch(value):
            raise ConfigError(
                f"{name} is {terminal(value)!r}, which cannot be written into {template.removesuffix('.j2')}"
            )
    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=False,  # noqa: S701 -- what is filled in is checked above
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)


def source(template: str) -> str:
    """Return a template's text as it lies on disk."""
    for folder in FOLDERS:
        try:
            return (folder / template).read_text(encoding="utf-8")
        except OSError:
            continue
    raise TemplateNotFound(template)


@cache
def vocabulary() -> tuple[str, ...]:
    """Return the words of our own texts that are long enough to be taken for a value."""
    return tuple(source("vocabulary.txt").split())


@cache
def _plain_environment() -> Environment:
    return Environment(
        loader=FunctionLoader(source),
        finalize=lambda value: str(value) if isinstance(value, Ours) else _marked(terminal(str(value))),
        autoescape=False,  # noqa: S701 -- no HTML is made
        undefined=StrictUndefined,
    )


def _written(value: object, fields: list[str]) -> object:
    match value:
        case Ours():
            return str(value)
        case Name():
            return _marked(markdown(value))
        case Quoted(name=name):
            return _marked(html(name))
        case Bare():
            return _marked(value)
        case Digest():
            return _marked(f"`{value}`")
        case Link(text=text, url=url):
            return f"[{text}]({_marked(url)})"
        case Revealed():
            return markdown(value) if value else "(empty)"
        case bool() | None:
            raise TypeError("a template writes neither a truth value nor nothing")
        case int():
            return _marked(f"{value:,}")
        case str():
            fields.append(value)
            return markdown(value) if value else "(empty)"
    raise TypeError(f"a template was given a {type(value).__name__}")


def _marked(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"
