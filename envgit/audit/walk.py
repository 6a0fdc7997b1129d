"""Own the way along the branch: its commits from the first, or a known one, to the tip, each taken apart by its raw bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.problems import Code
from envgit.audit.store import Objects
from envgit.model import ObjectId

WALKED_IN_MEMORY = 20_000


class Since(NamedTuple):
    """What is known already: `size` entries with Merkle root `root`, 32 bytes, the newest of them in `commit`."""

    commit: ObjectId
    size: int
    root: bytes


class Broken(Exception):
    """The chain breaks here; nothing after it is looked at."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Signed(NamedTuple):
    """A commit of the branch, taken apart."""

    oid: ObjectId
    parent: ObjectId | None
    tree: ObjectId
    leaf: str
    plain: bytes
    public: bytes
    signature: bytes
    root: bytes  # the Merkle root that its message names, none where it has no checkpoint


class Walk:
    """The commits of one branch, oldest first."""

    def __init__(self, objects: Objects, tip: ObjectId, since: Since | None) -> None:
        """Walk back from the tip, to `since` where it lies on the way."""
        self._objects = objects
        self._walked: dict[ObjectId, bytes] = {}
        found = [tip]
        known = since.commit if since else None
        while found[-1] != known and (parents := commits.parents(self._commit(found[-1]))):
            found.append(parents[0])
        found.reverse()
        self.joined = found[0] == known
        self.oids = found[1:] if self.joined else found
        self._parent = known if self.joined else None

    def _commit(self, oid: ObjectId) -> bytes:
        """Return a commit; the second time is the last, and mostly out of memory."""
        if (raw := self._walked.pop(oid, None)) is not None:
            return raw
        raw = self._objects.commit(oid)
        if len(self._walked) < WALKED_IN_MEMORY:
            self._walked[oid] = raw
        return raw

    def signed(self, first: int) -> Iterator[Signed | Broken]:
        """Return the commits taken apart, the first of them as entry `first`; one that cannot be is told as such."""
        return (self._apart(number, oid) for number, oid in enumerate(self.oids, start=first))

    def _apart(self, sequence: int, oid: ObjectId) -> Signed | Broken:
        raw = self._commit(oid)
        parent, self._parent = self._parent, oid
        name = f"commit {oid[:7]}, where entry {sequence} belongs,"
        if not commits.signed_leaf(raw):
            return Broken(Code.NOT_AN_ENTRY, f"{name} is no entry: the log ends before it")
        try:
            plain, armor = commits.detach(raw)
            public, signature = sshsig.dearmor(armor)
        except FormatError as error:
            return Broken(Code.BAD_SIGNATURE, f"{name} is {error}")
        checkpoint = commits.signed_checkpoint(plain)
        if checkpoint is not None and checkpoint[1] != sequence + 1:
            return Broken(Code.WRONG_SEQUENCE, f"{name} says that it is entry {checkpoint[1] - 1}")
        root = checkpoint[2] if checkpoint is not None else b""
        try:
            tree = commits.tree_of(raw)
        except FormatError as error:
            return Broken(Code.ENTRY_ALTERED, f"{name} is {error}, and so without an entry")
        return Signed(oid, parent, tree, commits.signed_leaf(plain), plain, public, signature, root)
