"""Own the words, letters and short forms that all output shares, so that one thing is always said in one way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.model import ChangeKind, Unit

# Letters as in `git diff --name-status`, where git has one.
LETTERS = {
    ChangeKind.ADDED: "A",
    ChangeKind.REMOVED: "D",
    ChangeKind.CHANGED: "M",
    ChangeKind.RENAMED: "R",
    ChangeKind.RETYPED: "T",
    ChangeKind.DISCLOSED: "!",
    ChangeKind.CONCEALED: "E",
    ChangeKind.REENCRYPTED: "=",
    ChangeKind.OPAQUE: "?",
}

_STEPS = ((365 * 24 * 60, "year"), (24 * 60, "day"), (60, "hour"), (1, "minute"))


def count(number: int, noun: str, several: str = "") -> str:
    """Return "1 entry" or "2 entries"."""
    many = several or (noun[:-1] + "ies" if re.search(r"[^aeiou]y$", noun) else noun + "s")
    return f"{number:,} {plural(number, noun, many)}"


def plural(number: int, one: str, many: str) -> str:
    """Return the word for one, or for many."""
    return one if number == 1 else many


def recipient(text: str, names: Mapping[str, str]) -> str:
    """Return a recipient cut to what tells it apart, with the name that `.sops.yaml` gives it."""
    name = names.get(text)
    return terminal(f"{short_recipient(text)} ({name})" if name else short_recipient(text))


def short_recipient(text: str) -> str:
    """Return a recipient cut to what tells it apart."""
    return f"{text[:8]}…{text[-3:]}" if text.startswith("age1") and len(text) > 20 else text[:60]


def label(unit: Unit) -> str:
    """Return what an environment's file is called: the environment, and the unit where there is one."""
    return "/".join(filter(None, unit))


def short(commit: str) -> str:
    """Return the first seven digits of a commit id."""
    return commit[:7]


def parsed(time: str) -> datetime:
    """Return an RFC 3339 time as a value with its offset."""
    return datetime.fromisoformat(time)


def landed(time: str) -> str:
    """Return a time as `git blame` writes it: minutes, and the offset that the commit had."""
    return parsed(time).strftime("%Y-%m-%d %H:%M %z")


def since(time: str, now: datetime) -> str:
    """Return how long ago `time` was, in one unit."""
    return duration(now - parsed(time))


def duration(span: timedelta) -> str:
    """Return a span in its largest whole unit; days stay days up to three years, since people count them."""
    minutes = max(int(span.total_seconds() // 60), 0)
    for size, noun in _STEPS:
        if minutes >= size * (3 if noun == "year" else 1):
            return count(minutes // size, noun)
    return "less than a minute"


def rfc3339(seconds: int) -> str:
    """Return a time in seconds since 1970 as entries write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(time: str) -> int:
    """Return the seconds since 1970 of a time as entries write it."""
    return int(datetime.fromisoformat(time).timestamp())


_AGO = re.compile(r"(\d+)[. ](minute|hour|day|week|month|year)s?(?:[. ]ago)?")
_SPANS = {"minute": 1, "hour": 60, "day": 1440, "week": 10080, "month": 43800, "year": 525600}


def moment(text: str, now: datetime) -> datetime | None:
    """Return the time that a person means by a date, a date and time, or "2.weeks"; raise UsageError where it is none."""
    if not text:
        return None
    try:
        if found := _AGO.fullmatch(text):
            return now - timedelta(minutes=int(found[1]) * _SPANS[found[2]])
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone() if parsed.tzinfo is None else parsed
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write it as 2026-11-20, '2026-11-20 14:00' or 1.week") from None
