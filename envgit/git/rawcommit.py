"""Own the reading of a commit's raw bytes: who, when, from where; tolerant of what git tolerates, and cleaned at once.

Where a commit has a header twice, git and libgit2 show different ones: here it is the one that `git log` shows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from envgit.audit.people import clean_email, clean_name, decoded
from envgit.errors import RepositoryError
from envgit.model import Commit, CommitId, ObjectId, Person

# Parents stand right behind the tree, and nowhere else: git ignores any that follow.
_LINKS = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)")
_COMMITTER = re.compile(rb"\ncommitter [^\n]*> *([0-9]{1,18})")
_WHEN = re.compile(rb"\s*([0-9]{1,18})(?:\s+([+-][0-9]{4}))?\s*")
_PARENT_BYTES = len("parent ") + 40 + 1

_LATEST = 253402300799 - 86400  # the last day but one that a date can hold
_WIDEST = 14 * 60  # minutes; no place on earth is further from UTC


class Links(NamedTuple):
    """What a walk needs of a commit; `seconds` is the committer's time, which orders a walk and proves nothing."""

    tree: ObjectId
    parents: tuple[CommitId, ...]
    seconds: int


def links(oid: CommitId, data: bytes) -> Links:
    """Return a commit's tree, parents and time from its raw bytes; raise RepositoryError where it has no tree."""
    found = _LINKS.match(data)
    if found is None:
        raise RepositoryError(f"commit {oid[:12]} names no tree; git fsck says more")
    tree, rows = found.groups()
    parents = tuple(CommitId(rows[at + 7 : at + 47].decode()) for at in range(0, len(rows), _PARENT_BYTES))
    when = _COMMITTER.search(data, found.end() - 1, _end_of_head(data))
    return Links(ObjectId(tree.decode()), parents, int(when[1]) if when else 0)


def parse(oid: CommitId, data: bytes) -> Commit:
    """Return a commit from its raw bytes; raise RepositoryError where it has no tree."""
    known = links(oid, data)
    headers: dict[bytes, bytes] = {}
    for line in data[: _end_of_head(data)].split(b"\n"):
        key, _space, value = line.partition(b" ")
        if key:  # a line that begins with a space continues a signature
            headers[key] = value
    encoding = headers.get(b"encoding", b"").decode("ascii", "replace")
    message = data[_end_of_head(data) :].lstrip(b"\n")
    return Commit(
        id=oid,
        tree=known.tree,
        parents=known.parents,
        author=_person(headers.get(b"author", b""), encoding),
        committer=_person(headers.get(b"committer", b""), encoding),
        subject=decoded(message.split(b"\n", 1)[0], encoding),
    )


def _end_of_head(data: bytes) -> int:
    found = data.find(b"\n\n")
    return found if found >= 0 else len(data)


def _person(line: bytes, encoding: str) -> Person:
    """Split a line as git does: the first `<` ends the name, the next `>` the address, the last `>` precedes the time."""
    name, _open, rest = line.partition(b"<")
    email, _close, _after = rest.partition(b">")
    when = _WHEN.fullmatch(rest[rest.rfind(b">") + 1 :]) if b">" in rest else None
    seconds, offset = when.groups() if when else (b"0", None)
    return Person(clean_name(name, encoding), clean_email(email, encoding), _time(int(seconds), offset))


@lru_cache(maxsize=256)  # author and committer mostly have the same
def _time(seconds: int, offset: bytes | None) -> str:
    """Return RFC 3339 with git's offset; a time that no date can hold is cut to the last, an absurd offset is UTC."""
    stamp = min(seconds, _LATEST)
    minutes = int(offset[1:3]) * 60 + int(offset[3:5]) if offset else 0
    if not minutes or minutes > _WIDEST or stamp < minutes * 60:
        return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    zone = timezone(timedelta(minutes=-minutes if offset and offset[:1] == b"-" else minutes))
    return datetime.fromtimestamp(stamp, zone).isoformat()
