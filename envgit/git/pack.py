"""Own the writing of many objects at once: one pack, checked and indexed by git itself."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterable, Sequence
from hashlib import sha1
from pathlib import Path

from envgit.audit.objects import ObjectWrite
from envgit.errors import RepositoryError
from envgit.git.remote import environment, program

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
# Most of an entry's objects are small and much alike: more effort costs time and saves nothing that a later repack would not.
_COMPRESSION = 1


def write_pack(git_dir: Path, objects: Sequence[ObjectWrite]) -> None:
    """Write objects as one pack into a repository; raise RepositoryError where git does not take it, and then none is there."""
    command = [program(), "--git-dir", str(git_dir), "index-pack", "--stdin", "--strict"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        try:
            for piece in _pack({item.id: item for item in objects}.values()):
                running.stdin.write(piece)
            running.stdin.close()
        except BrokenPipeError:
            pass
        message = running.stderr.read().decode(errors="replace").strip().splitlines()
    if running.returncode:
        said = next((line for line in message if line.startswith(("fatal:", "error:"))), "git index-pack failed")
        raise RepositoryError(f"cannot write to {git_dir}: {said[:200]}; nothing was recorded")


def _pack(objects: Iterable[ObjectWrite]) -> Iterable[bytes]:
    items = list(objects)
    total = sha1(usedforsecurity=False)
    header = b"PACK" + (2).to_bytes(4, "big") + len(items).to_bytes(4, "big")
    total.update(header)
    yield header
    for item in items:
        piece = _head(_TYPES[item.kind], len(item.data)) + zlib.compress(item.data, _COMPRESSION)
        total.update(piece)
        yield piece
    yield total.digest()


def _head(kind: int, size: int) -> bytes:
    """Return an object's header: its type and size, four bits first and then seven at a time."""
    first, size = kind << 4 | size & 0x0F, size >> 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out)
