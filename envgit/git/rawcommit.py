"""Own the reading of a commit's raw bytes: who, when, from where; tolerant of what git tolerates, and cleaned at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from envgit.audit.people import clean_email, clean_name, decoded
from envgit.errors import RepositoryError
from envgit.model import Commit, CommitId, ObjectId, Person

_PERSON = re.compile(rb"(.*?)\s*<([^>]*)>?(?:\s+(-?\d+)(?:\s+([+-]\d{4}))?)?", re.DOTALL)
_LATEST = 253402300799 - 86400  # the last day but one that a date can hold


def parse(oid: CommitId, data: bytes) -> Commit:
    """Return a commit from its raw bytes; raise RepositoryError where it has no tree."""
    head, _blank, message = data.partition(b"\n\n")
    headers: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _space, value = line.partition(b" ")
        if key:  # a line that begins with a space continues a signature
            headers.setdefault(key, []).append(value)
    trees = headers.get(b"tree", [])
    if len(trees) != 1 or not re.fullmatch(rb"[0-9a-f]{40}", trees[0]):
        raise RepositoryError(f"commit {oid[:12]} names no tree; git fsck says more")
    encoding = headers.get(b"encoding", [b""])[0].decode("ascii", "replace")
    return Commit(
        id=oid,
        tree=ObjectId(trees[0].decode()),
        parents=tuple(CommitId(parent.decode("ascii", "replace")) for parent in headers.get(b"parent", [])),
        author=_person(headers.get(b"author", [b""])[0], encoding),
        committer=_person(headers.get(b"committer", [b""])[0], encoding),
        subject=decoded(message.lstrip(b"\n").split(b"\n", 1)[0], encoding),
    )


def _person(line: bytes, encoding: str) -> Person:
    found = _PERSON.fullmatch(line)
    name, email, seconds, offset = found.groups() if found else (line, b"", None, None)
    return Person(clean_name(name, encoding), clean_email(email, encoding), _time(seconds, offset))


def _time(seconds: bytes | None, offset: bytes | None) -> str:
    """Return RFC 3339 with git's offset; what is out of range is cut to what a date can hold, an absurd offset is UTC."""
    stamp = min(max(int(seconds or b"0"), 0), _LATEST)
    minutes = 0
    if offset is not None:
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        minutes = -minutes if offset[:1] == b"-" else minutes
    if abs(minutes) > 14 * 60 or not minutes:
        return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.fromtimestamp(stamp, timezone(timedelta(minutes=minutes))).isoformat()
