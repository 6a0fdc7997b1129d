"""Own the Merkle tree over all entries: RFC 6962's hashes, kept as a frontier so that an append costs a few of them."""

from __future__ import annotations

from collections.abc import Sequence
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


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, 32 bytes: MTH of RFC 6962."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root()


def inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the proof that leaf hash `index` is among these, from its sibling up: PATH of RFC 6962, section 2.1.1."""
    if len(leaves) <= 1:
        return ()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return (*inclusion(leaves[:half], index), tree_root(leaves[half:]))
    return (*inclusion(leaves[half:], index - half), tree_root(leaves[:half]))


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that a proof leads to, 32 bytes, None where it has another length than it must: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for part in proof:
        if not last:
            return None
        if place & 1 or place == last:
            root = node_hash(part, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, part)
        place, last = place >> 1, last >> 1
    return None if last else root
