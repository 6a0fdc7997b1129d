"""Packs that envgit writes, read by git: objects whole, by differences, and in long chains of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgit.audit.objects import ObjectWrite, tree_row, written
from envgit.git.delta import delta
from envgit.git.pack import packed, write_pack

WORDS = st.sampled_from(
    [b'"', b'","', b'":"', b"\n", b"a", b"after", b"0123456789abcdef" * 4, b"sha256:", b"x" * 200, b"\0"]
)
TEXTS = st.lists(WORDS, max_size=60).map(b"".join)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def read(repo: Path, oid: str) -> bytes:
    """Return an object as git reads it."""
    kind = subprocess.run(["git", "-C", str(repo), "cat-file", "-t", oid], check=True, capture_output=True, text=True)
    data = subprocess.run(
        ["git", "-C", str(repo), "cat-file", kind.stdout.strip(), oid], check=True, capture_output=True
    )
    return data.stdout


def chains(repo: Path) -> dict[str, int]:
    """Return how many deltas git counts below each object of the one pack that there is."""
    (pack,) = (repo / ".git" / "objects" / "pack").glob("*.idx")
    said = subprocess.run(
        ["git", "-C", str(repo), "verify-pack", "-v", str(pack)], check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in said.stdout.splitlines()]
    return {row[0]: int(row[5]) if len(row) > 5 else 0 for row in rows if len(row[0]) == 40}


def applied(old: bytes, change: bytes) -> bytes:
    """Return what git's documentation (gitformat-pack) says that a delta makes of a base."""

    def number(at: int) -> tuple[int, int]:
        found = shift = 0
        while True:
            byte = change[at]
            found |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not byte & 0x80:
                return found, at

    size, at = number(0)
    assert size == len(old)
    wanted, at = number(at)
    out = b""
    while at < len(change):
        command, at = change[at], at + 1
        if command & 0x80:
            bits = []
            for bit in range(7):
                bits.append(change[at] if command >> bit & 1 else 0)
                at += command >> bit & 1
            place, length = int.from_bytes(bytes(bits[:4]), "little"), int.from_bytes(bytes(bits[4:]), "little")
            out += old[place : place + length]
        else:
            assert command
            out, at = out + change[at : at + command], at + command
    assert len(out) == wanted
    return out


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["blob", "tree", "commit"]), TEXTS, TEXTS)
def test_a_delta_makes_the_new_of_the_old(kind: str, old: bytes, new: bytes) -> None:
    """Whatever the two are, the instructions lead from the one to the other."""
    assert applied(old, delta(kind, old, new)) == new


def test_a_delta_of_more_than_a_copy_can_hold() -> None:
    """One instruction copies 16 MiB at most, and places beyond the first bytes are told in full."""
    old = b"a" * 0x1000005 + b"b"
    assert applied(old, delta("tree", old, old + b"c")) == old + b"c"
    assert applied(b"x" + old, delta("tree", b"x" + old, b"y" + old)) == b"y" + old


def test_git_reads_what_is_packed_by_differences(repo: Path) -> None:
    """Chains end after so many deltas, each object is what it was, and together they are much smaller."""
    made = [written("blob", b"%d" % number) for number in range(300)]
    rows = {f"{number:03}": item.id for number, item in enumerate(made)}
    blob: ObjectWrite | None = None
    tree: ObjectWrite | None = None
    for number in range(300):
        data = json.dumps(
            {"after": f"{number:064}", "before": f"{number - 1:064}", "kind": "changed", "n": number}
        ).encode()
        made.append(written("blob", data, blob.id if blob else None))
        blob = made[-1]
        rows[f"{number * 7 % 300:03}"] = blob.id
        data = b"".join(tree_row(b"100644", name.encode(), oid) for name, oid in sorted(rows.items()))
        made.append(written("tree", data, tree.id if tree else None))
        tree = made[-1]
    write_pack(repo / ".git", made)
    for item in made:
        assert read(repo, item.id) == item.data
    depths = chains(repo)
    assert max(depths[item.id] for item in made if item.kind == "tree") == 50
    assert max(depths[item.id] for item in made if item.kind == "blob") == 10
    assert depths[made[-1].id] == depths[made[-2].id] == 0, "the newest are read most"
    assert sum(depth > 0 for depth in depths.values()) > 500
    assert len(packed(made)) < sum(len(item.data) for item in made) / 20


def test_an_object_like_one_that_is_not_in_the_pack_is_whole(repo: Path) -> None:
    """A pack stands alone, and so does an object that is much shorter than its difference would be."""
    first, other = written("blob", b"a" * 500), written("blob", b"z" * 30)
    write_pack(repo / ".git", [written("blob", b"a" * 501, first.id), other, written("blob", b"q", other.id)])
    assert set(chains(repo).values()) == {0}
