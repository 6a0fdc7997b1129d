"""The Merkle tree over all entries."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.audit.merkle import Frontier, leaf_hash, node_hash

# The leaves and roots that Certificate Transparency's implementations test RFC 6962 with.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def plain_root(leaves: list[bytes]) -> bytes:
    """Return RFC 6962's MTH by its definition."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


def grown(leaves: list[bytes]) -> Frontier:
    """Return the frontier over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    """The roots over the known leaves are the known ones."""
    assert grown([leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]]).root().hex() == ROOTS[size]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_root_is_the_one_of_the_definition(leaves: list[bytes]) -> None:
    """The frontier's root is RFC 6962's recursive one, and its shape fits its size."""
    frontier = grown(leaves)
    assert frontier.root() == plain_root(leaves)
    assert frontier.sound()


@pytest.mark.parametrize(
    "frontier", [Frontier(1), Frontier(0, (b"x" * 32,)), Frontier(1, (b"x",)), Frontier(-1), Frontier(3, (b"x" * 32,))]
)
def test_unsound_frontiers(frontier: Frontier) -> None:
    """A frontier whose hashes do not fit its size is told."""
    assert not frontier.sound()
