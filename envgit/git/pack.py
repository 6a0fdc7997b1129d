"""Own the writing of many objects at once: one pack, checked and indexed by git itself."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

from envgit.audit.objects import ObjectWrite
from envgit.errors import RepositoryError
from envgit.git.program import complaint, git

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
# Most of an entry's objects are small and much alike: more effort costs time and saves nothing that a later repack would not.
_COMPRESSION = 1
_OFFSET_DELTA = 6
_MARK = b'"'  # JSON is parted by it
_WORTH = 128  # what is shorter is whole
_LEAST = 8  # to copy less than that saves nothing
_MOST = 0x7F  # bytes that one instruction inserts
_MOST_COPIED = 0xFFFFFF
# So many deltas one has to go through at most to read an object. Any entry may be asked for; of trees it is mostly the newest.
_DEEPEST = {"blob": 10, "tree": 50, "commit": 0}


class Span(NamedTuple):
    """Bytes that two objects share: where they begin in the old one, how many, and where in the new one."""

    place: int
    size: int
    begin: int


def write_pack(git_dir: Path, objects: Sequence[ObjectWrite]) -> None:
    """Write objects as one pack into a repository; raise RepositoryError where git does not take it, and then none is there."""
    once = {item.id: item for item in objects}
    done = git(git_dir, ["index-pack", "--stdin", "--strict"], given=packed(once.values()))
    if done.returncode:
        raise RepositoryError(f"cannot write to {git_dir}: {complaint(done.stderr)}")


def packed(objects: Iterable[ObjectWrite]) -> bytes:
    """Return the bytes of a pack that holds objects each once: whole, or by what differs from the one that came after it.

    The newest of a kind are what is read most: they stand first, and what they took the place of is made from them.
    """
    items = list(objects)
    after = {item.like: item for item in items if item.like is not None}
    body = bytearray(b"".join((b"PACK", (2).to_bytes(4, "big"), len(items).to_bytes(4, "big"))))
    places: dict[str, tuple[int, int]] = {}  # where an object stands, and how many deltas lie below it
    for item in reversed(items):
        place, depth, change = len(body), 0, None
        base = after.get(item.id) if len(item.data) >= _WORTH else None
        below, depth_below = places.get(base.id, (0, 0)) if base is not None else (0, 0)
        if base is not None and below and depth_below < _DEEPEST[item.kind]:
            change = delta(item.kind, base.data, item.data)
        if change is not None and len(change) < len(item.data) // 2:
            depth = depth_below + 1
            body += _head(_OFFSET_DELTA, len(change)) + _distance(place - below) + zlib.compress(change, _COMPRESSION)
        else:
            body += _head(_TYPES[item.kind], len(item.data)) + zlib.compress(item.data, _COMPRESSION)
        places[item.id] = place, depth
    return bytes(body) + sha1(body, usedforsecurity=False).digest()


def delta(kind: str, old: bytes, new: bytes) -> bytes:
    """Return git's instructions that make `new` of `old`: which of its bytes to copy, and which others to insert."""
    out = bytearray(_number(len(old)) + _number(len(new)))
    spans = _same_ends(old, new) if kind == "tree" else _same_parts(old, new)
    at = 0
    for place, size, where in spans:
        out += _insert(new[at:where]) + _copy(place, size)
        at = where + size
    return bytes(out + _insert(new[at:]))


def _same_ends(old: bytes, new: bytes) -> Iterator[Span]:
    """Yield what both begin with and what both end with: of a tree, all rows but those that changed."""
    most = min(len(old), len(new))
    head = _common(most, lambda size: old[:size] == new[:size])
    tail = _common(most - head, lambda size: old[-size:] == new[-size:])
    yield Span(0, head, 0)
    yield Span(len(old) - tail, tail, len(new) - tail)


def _common(most: int, same: Callable[[int], bool]) -> int:
    """Return the largest size up to `most` for which `same` holds, given that it holds for all smaller ones."""
    return bisect_left(range(1, most + 1), 1, key=lambda size: 0 if same(size) else 1)


def _same_parts(old: bytes, new: bytes) -> Iterator[Span]:
    """Yield runs of parts, each up to a quotation mark, that stand in both, wherever in the old one."""
    known: dict[bytes, int] = {}
    at = 0
    for part in old.split(_MARK):
        known.setdefault(part, at)
        at += len(part) + 1
    place, size, begin, at = 0, 0, 0, 0
    for part in new.split(_MARK):
        piece = new[at : at + len(part) + 1]
        if not size or old[place + size : place + size + len(piece)] != piece:
            if size >= _LEAST:
                yield Span(place, size, begin)
            found = known.get(part, len(old))
            place, begin = found, at
            size = len(piece) if old[found : found + len(piece)] == piece else 0
        else:
            size += len(piece)
        at += len(piece)
    if size >= _LEAST:
        yield Span(place, size, begin)


def _insert(data: bytes) -> bytes:
    return b"".join(bytes([len(part)]) + part for at in range(0, len(data), _MOST) if (part := data[at : at + _MOST]))


def _copy(place: int, size: int) -> bytes:
    out = b""
    while size:
        piece = min(size, _MOST_COPIED)
        numbers = (*place.to_bytes(4, "little"), *piece.to_bytes(3, "little"))
        said = [(1 << bit, number) for bit, number in enumerate(numbers) if number]
        out += bytes([0x80 | sum(bit for bit, _number in said), *(number for _bit, number in said)])
        place, size = place + piece, size - piece
    return out


def _number(size: int) -> bytes:
    """Return a number seven bits at a time, lowest first, each but the last marked by the eighth."""
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*out, size))


def _distance(back: int) -> bytes:
    """Return how far back an object's base stands, as git writes it: highest bits first, and no number in two forms."""
    out = [back & 0x7F]
    while back := back >> 7:
        back -= 1
        out.append(back & 0x7F | 0x80)
    return bytes(reversed(out))


def _head(kind: int, size: int) -> bytes:
    """Return an object's header: its type and size, four bits first and then seven at a time."""
    first, size = kind << 4 | size & 0x0F, size >> 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out)
