"""Own git's objects as bytes and names, by the standard library alone, for what is written and what is verified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha1
from typing import NamedTuple

from envgit.audit.canonical import FormatError
from envgit.model import ObjectId

TREE_MODE = b"40000"
BLOB_MODE = b"100644"
ID_BYTES = 20
_PLAIN = re.compile(rb"(?:(?:40000|100644) [^\0 ]++\0.{20})*+", re.DOTALL)


class ObjectWrite(NamedTuple):
    """An object that is to be in the repository: its id, its kind (`blob`, `tree` or `commit`), its bytes.

    `like` is an object that has most of those bytes: what stood in its place before, or beside it.
    """

    id: ObjectId
    kind: str
    data: bytes
    like: ObjectId | None = None


def object_id(kind: str, data: bytes) -> ObjectId:
    """Return the SHA-1 that git names an object by; nothing of envgit's promises rests on it."""
    return ObjectId(sha1(b"%s %d\0%s" % (kind.encode(), len(data), data), usedforsecurity=False).hexdigest())


def blob_id(data: bytes) -> ObjectId:
    """Return the name of a blob."""
    return object_id("blob", data)


def written(kind: str, data: bytes, like: ObjectId | None = None) -> ObjectWrite:
    """Return an object with its name."""
    return ObjectWrite(object_id(kind, data), kind, data, like)


def tree_row(mode: bytes, name: bytes, oid: ObjectId) -> bytes:
    """Return one row of a tree's bytes."""
    return b"%s %s\0%s" % (mode, name, bytes.fromhex(oid))


def tree_rows(data: bytes) -> Iterator[tuple[bytes, bytes, ObjectId]]:
    """Return the (mode, name, id) rows of a tree's bytes; raise FormatError where they are no tree's."""
    place = 0
    while place < len(data):
        space = data.find(b" ", place)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or end + ID_BYTES >= len(data):
            raise FormatError("a tree that is cut off")
        yield data[place:space], data[space + 1 : end], ObjectId(data[end + 1 : end + 1 + ID_BYTES].hex())
        place = end + 1 + ID_BYTES


def is_plain_tree(data: bytes) -> bool:
    """Tell whether a tree's bytes are rows of files and directories alone, whose names have no space: as all of a log are.

    In no other could a row be taken for one that is only part of a name.
    """
    return _PLAIN.fullmatch(data) is not None


def find_in_tree(data: bytes, name: bytes) -> tuple[bytes, ObjectId] | None:
    """Return mode and id of a file or directory in a tree's bytes, None where there is none of that name."""
    # A row's bytes within another row's id would have to be ground out of SHA-1, and would only lead to a wrong object.
    for mode in (BLOB_MODE, TREE_MODE):
        row = b"%s %s\0" % (mode, name)
        place = data.find(row)
        if place >= 0:
            return mode, ObjectId(data[place + len(row) : place + len(row) + ID_BYTES].hex())
    return None
