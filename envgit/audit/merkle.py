"""Own the Merkle tree over all entries: RFC 6962's hashes, kept as a frontier so that an append costs a few of them."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes: SHA-256 of 0x00 and the entry's bytes."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, 32 bytes: SHA-256 of 0x01 and both children."""
    return sha256(b"\1" + left + right).digest()


class Frontier(NamedTuple):
    """The roots of the perfect subtrees that `size` leaves split into, largest first: one a set bit of `size`."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf hash."""
        hashes, size = [*self.hashes, leaf], self.size
        while size & 1:
            right = hashes.pop()
            hashes.append(node_hash(hashes.pop(), right))
            size >>= 1
        return Frontier(self.size + 1, tuple(hashes))

    def root(self) -> bytes:
        """Return the root over all leaves, 32 bytes; that of no leaf is SHA-256 of nothing."""
        if not self.hashes:
            return sha256(b"").digest()
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def sound(self) -> bool:
        """Tell whether there are as many hashes, each of the right length, as the size asks for."""
        return (
            self.size >= 0
            and len(self.hashes) == self.size.bit_count()
            and all(len(h) == HASH_BYTES for h in self.hashes)
        )
