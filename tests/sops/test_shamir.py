"""Shares are sops's: what it splits we combine, and any threshold of shares will do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.model import Mac, Reason
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.sops.shamir import combine, split
from tests.kit.sops import new_key


@given(st.binary(min_size=1, max_size=40), st.integers(2, 6), st.data())
def test_any_threshold_of_shares_gives_the_secret(secret, shares, data):
    """Every choice of at least `threshold` shares combines to the secret."""
    threshold = data.draw(st.integers(2, shares))
    parts = split(secret, shares, threshold)
    assert all(len(part) == len(secret) + 1 for part in parts)
    for size in range(threshold, shares + 1):
        chosen = data.draw(st.permutations(parts))[:size]
        assert combine(chosen) == secret


def test_fewer_shares_tell_nothing():
    """One share less gives another secret."""
    secret = bytes(range(32))
    for parts in itertools.combinations(split(secret, 4, 3), 2):
        assert combine(parts) not in (secret, None)


@given(st.lists(st.binary(max_size=5), max_size=4))
def test_combining_never_fails(parts):
    """Whatever the shares are, the answer is bytes or None."""
    assert isinstance(combine(parts), bytes | None)


@pytest.mark.parametrize(("shares", "threshold"), [(3, 1), (2, 3), (256, 2), (3, 0)])
def test_a_threshold_that_cannot_be_is_refused(shares, threshold):
    """A threshold lies between two and the number of shares."""
    with pytest.raises(ValueError, match="threshold"):
        split(b"secret", shares, threshold)


def test_key_groups_of_sops_open_with_enough_of_them(sops):
    """Of three groups with a threshold of two, any two open the file, one alone does not."""
    keys = [new_key() for _ in range(3)]
    groups = "".join(f"      - age: [{key.recipient}]\n" for key in keys)
    (sops.folder / ".sops.yaml").write_text(f"creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{groups}")
    (sops.folder / "env.yaml").write_text("a: hello\nb: 5\n")
    data = sops.ok("encrypt", "env.yaml")
    for number in (2, 3):
        for chosen in itertools.combinations(keys, number):
            snapshot = Reader(Keyring.of(*(key.identity for key in chosen))).read(data)
            assert snapshot.mac is Mac.GOOD
            assert snapshot.values[0].secret.reveal() == b"hello"
            assert (snapshot.threshold, len(snapshot.groups)) == (2, 3)
            assert snapshot.groups == tuple((key.recipient,) for key in keys)
    for key in keys:
        assert Reader(Keyring.of(key.identity)).read(data).reason is Reason.NO_IDENTITY


def test_all_groups_are_needed_where_no_threshold_is_given(sops):
    """Without shamir_threshold sops asks for every group."""
    keys = [new_key() for _ in range(2)]
    groups = "".join(f"      - age: [{key.recipient}]\n" for key in keys)
    (sops.folder / ".sops.yaml").write_text(f"creation_rules:\n  - key_groups:\n{groups}")
    (sops.folder / "env.yaml").write_text("a: hello\n")
    data = sops.ok("encrypt", "env.yaml")
    assert Reader(Keyring.of(*(key.identity for key in keys))).read(data).mac is Mac.GOOD
    assert Reader(Keyring.of(keys[0].identity)).read(data).reason is Reason.NO_IDENTITY
