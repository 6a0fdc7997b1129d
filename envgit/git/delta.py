"""Own what differs between two objects that are much alike, as git's instructions: gitformat-pack, "deltified representation"."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MARKS = {"blob": b'"', "commit": b"\n"}  # what parts JSON, and what a commit is made of
_LEAST = 8  # to copy less than that saves nothing
_MOST = 0x7F  # bytes that one instruction inserts
_MOST_COPIED = 0xFFFFFF


class Span(NamedTuple):
    """Bytes that two objects share: where they begin in the old one, how many, and where in the new one."""

    place: int
    size: int
    begin: int


def delta(kind: str, old: bytes, new: bytes) -> bytes:
    """Return git's instructions that make `new` of `old`: which of its bytes to copy, and which others to insert."""
    out = bytearray(_number(len(old)) + _number(len(new)))
    spans = _same_ends(old, new) if kind == "tree" else _same_parts(old, new, _MARKS[kind])
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


def _same_parts(old: bytes, new: bytes, mark: bytes) -> Iterator[Span]:
    """Yield runs of parts, each up to a mark, that stand in both, wherever in the old one."""
    known: dict[bytes, int] = {}
    at = 0
    for part in old.split(mark):
        known.setdefault(part, at)
        at += len(part) + 1
    place, size, begin, at = 0, 0, 0, 0
    for part in new.split(mark):
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
