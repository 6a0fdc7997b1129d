"""Own git's objects as bytes and names, by the standard library alone: what is written and what is verified come from here."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from typing import NamedTuple

from envgit.model import ObjectId

TREE_MODE = b"40000"
BLOB_MODE = b"100644"


class ObjectWrite(NamedTuple):
    """An object that is to be in the repository: its id, its kind (`blob`, `tree` or `commit`), its bytes."""

    id: ObjectId
    kind: str
    data: bytes


def object_id(kind: str, data: bytes) -> ObjectId:
    """Return the SHA-1 that git names an object by; nothing of envgit's promises rests on it."""
    return ObjectId(sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest())


def blob_id(data: bytes) -> ObjectId:
    """Return the name of a blob."""
    return object_id("blob", data)


def written(kind: str, data: bytes) -> ObjectWrite:
    """Return an object with its name."""
    return ObjectWrite(object_id(kind, data), kind, data)


def tree_rows(data: bytes) -> Iterable[tuple[bytes, bytes, ObjectId]]:
    """Return the (mode, name, id) rows of a tree's bytes."""
    place = 0
    while place < len(data):
        space = data.index(b" ", place)
        end = data.index(b"\0", space)
        yield data[place:space], data[space + 1 : end], ObjectId(data[end + 1 : end + 21].hex())
        place = end + 21
