"""Own the body of a C2SP checkpoint: origin, number of entries, Merkle root (c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

from base64 import b64encode


def body(origin: str, size: int, root: bytes) -> str:
    """Return the three lines of a checkpoint, each with its newline."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"
