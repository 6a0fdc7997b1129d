"""Own the Action's inputs: they come by the environment, as texts, and each is one of few or it is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from envgit.errors import UsageError
from envgit.escape import terminal

Choice = TypeVar("Choice", bound=StrEnum)

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./~^@{}-]{0,199}")
_SPAN = re.compile(r"[0-9]{1,4}[.][a-z]{3,7}")
_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]{0,199}")


class Command(StrEnum):
    """What to do; `auto` goes by the event."""

    AUTO = "auto"
    REVIEW = "review"
    RECORD = "record"
    VERIFY = "verify"
    ANCHOR = "anchor"
    WITNESS = "witness"


class CommentWhen(StrEnum):
    """When a pull request gets the comment."""

    CHANGES = "changes"
    ALWAYS = "always"
    OFF = "off"


class FailOn(StrEnum):
    """What turns the job red."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


class Inputs(NamedTuple):
    """The inputs that are no secrets; those that are stay in the environment, where keys are looked for."""

    command: Command
    comment: CommentWhen
    fail_on: FailOn
    base: str
    head: str
    config: str
    audit_branch: str
    tsa: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    log: str = ""
    max_age: str = ""


def inputs_of(environ: Mapping[str, str]) -> Inputs:
    """Return the inputs; raise UsageError, naming the input and what it may be, where one is wrong."""
    return Inputs(
        _choice(environ, "command", Command.AUTO),
        _choice(environ, "comment", CommentWhen.CHANGES),
        _choice(environ, "fail-on", FailOn.ERROR),
        _formed(environ, "base", _REVISION, "revision"),
        _formed(environ, "head", _REVISION, "revision"),
        _formed(environ, "config", _PATH, "path"),
        _formed(environ, "audit-branch", _REF, "name of a branch"),
        tuple(_given(environ, "tsa").split()),
        tuple(_given(environ, "witnesses").split()),
        _given(environ, "log"),
        _formed(environ, "max-age", _SPAN, "span, as 8.days"),
    )


def _given(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"ENVGIT_{name.upper().replace('-', '_')}", "").strip()


def _choice(environ: Mapping[str, str], name: str, default: Choice) -> Choice:
    text = _given(environ, name)
    try:
        return type(default)(text) if text else default
    except ValueError:
        known = ", ".join(type(default))
        raise UsageError(f"the input {name} is {terminal(text[:40])!r}; it is one of {known}") from None


def _formed(environ: Mapping[str, str], name: str, form: re.Pattern[str], what: str) -> str:
    text = _given(environ, name)
    if text and (not form.fullmatch(text) or ".." in text):
        raise UsageError(f"the input {name} is {terminal(text[:40])!r}, which is no {what}")
    return text
