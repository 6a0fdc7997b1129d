"""Own the writing of many objects at once: one pack, checked and indexed by git itself."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha1
from pathlib import Path

from envgit.audit.objects import ObjectWrite
from envgit.errors import RepositoryError
from envgit.git.program import complaint, git

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
# Most of an entry's objects are small and much alike: more effort costs time and saves nothing that a later repack would not.
_COMPRESSION = 1


def write_pack(git_dir: Path, objects: Sequence[ObjectWrite]) -> None:
    """Write objects as one pack into a repository; raise RepositoryError where git does not take it, and then none is there."""
    once = {item.id: item for item in objects}
    done = git(git_dir, ["index-pack", "--stdin", "--strict"], given=packed(once.values()))
    if done.returncode:
        raise RepositoryError(f"cannot write to {git_dir}: {complaint(done.stderr)}")


def packed(objects: Iterable[ObjectWrite]) -> bytes:
    """Return the bytes of a pack that holds objects whole, each once."""
    items = list(objects)
    body = b"".join((b"PACK", (2).to_bytes(4, "big"), len(items).to_bytes(4, "big"), *_pieces(items)))
    return body + sha1(body, usedforsecurity=False).digest()


def _pieces(items: Iterable[ObjectWrite]) -> Iterator[bytes]:
    for item in items:
        yield _head(_TYPES[item.kind], len(item.data))
        yield zlib.compress(item.data, _COMPRESSION)


def _head(kind: int, size: int) -> bytes:
    """Return an object's header: its type and size, four bits first and then seven at a time."""
    first, size = kind << 4 | size & 0x0F, size >> 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out)
