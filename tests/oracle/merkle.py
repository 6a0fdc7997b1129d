"""Own the hashes of RFC 6962, each root from all leaves anew, and the checkpoint over them."""

from __future__ import annotations

import base64
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\0" + data).digest()


def root(leaves: list[bytes]) -> bytes:
    """Return the root over leaf hashes: MTH of RFC 6962."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def frontier(leaves: list[bytes]) -> list[bytes]:
    """Return the roots of the perfect trees that a log is made of, largest first."""
    found, at = [], 0
    for power in range(len(leaves).bit_length() - 1, -1, -1):
        if len(leaves) >> power & 1:
            found.append(root(leaves[at : at + (1 << power)]))
            at += 1 << power
    return found


def checkpoint(origin: str, size: int, top: bytes) -> str:
    """Return the three lines that say where a log stands."""
    return f"{origin}\n{size}\n{base64.b64encode(top).decode()}\n"
