"""Own the writing of many objects at once: one pack, checked and indexed by git itself."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from hashlib import sha1
from pathlib import Path

from envgit.audit.objects import ObjectWrite
from envgit.errors import RepositoryError
from envgit.git.delta import delta
from envgit.git.program import complaint, git

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
# Most of an entry's objects are small and much alike: more effort costs time and saves nothing that a later repack would not.
_COMPRESSION = 1
_OFFSET_DELTA = 6
_WORTH = 128  # what is shorter is whole
# So many deltas one has to go through at most to read an object: any entry may be asked for, of trees it is mostly the newest. git's own
# repacking cuts chains at fifty.
_DEEPEST = {"blob": 10, "tree": 50, "commit": 10}


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
        if change is not None and 3 * len(change) < 2 * len(item.data):
            depth = depth_below + 1
            body += _head(_OFFSET_DELTA, len(change)) + _distance(place - below) + zlib.compress(change, _COMPRESSION)
        else:
            body += _head(_TYPES[item.kind], len(item.data)) + zlib.compress(item.data, _COMPRESSION)
        places[item.id] = place, depth
    return bytes(body) + sha1(body, usedforsecurity=False).digest()


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
