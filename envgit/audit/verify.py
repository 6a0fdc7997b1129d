"""Own the verifier's rules: what each commit of the branch must be, given the ones before it, and what is wrong where it is not.

A wrong log is no exception: problems are collected. What cannot be read is one, CannotTell, since then nothing is known. Nothing here
trusts what a library says of a commit: raw bytes are read, rebuilt from the entry, and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.codec import UnknownVersion, decode_entry
from envgit.audit.entry import (
    ChangeBody,
    ConfigBody,
    Entry,
    FileChange,
    Genesis,
    RewriteBody,
    Signer,
    Signers,
    SupplementBody,
)
from envgit.audit.merkle import Frontier, leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.records import LogState
from envgit.audit.state import README, apply, read_file, read_variable
from envgit.audit.tree import Path, Tree
from envgit.model import ChangeKind, Digest, ObjectId

Verify = Callable[[bytes, bytes, bytes], bool]  # public key, signed data, signature


class Code(StrEnum):
    """Every way for a log to be wrong. The words are stable: scripts and runbooks name them."""

    NOT_AN_ENTRY = "not-an-entry"
    ENTRY_ALTERED = "entry-altered"
    MALFORMED_ENTRY = "malformed-entry"
    COMMIT_ALTERED = "commit-altered"
    TREE_ALTERED = "tree-altered"
    EXTRA_PARENT = "extra-parent"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_SIGNER = "unknown-signer"
    WRONG_SEQUENCE = "wrong-sequence"
    WRONG_ORIGIN = "wrong-origin"
    WRONG_GENESIS = "wrong-genesis"
    SECOND_GENESIS = "second-genesis"
    WRONG_STEP = "wrong-step"
    DIGEST_GAP = "digest-gap"
    WRONG_PREVIOUS = "wrong-previous"
    ROLLED_BACK = "rolled-back"
    FORKED = "forked"
    UNCOVERED = "uncovered"
    FALSE_REWRITE = "false-rewrite"
    FALSE_DIGEST = "false-digest"
    FALSE_STATE = "false-state"
    FALSE_CHANGE = "false-change"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at an entry where it is one's; `detail` is a sentence for a person."""

    code: Code
    sequence: int | None
    detail: str


class Objects(Protocol):
    """What the verifier reads; each raises CannotTell where an object is not here."""

    def commit(self, oid: ObjectId) -> bytes:
        """Return a commit's raw bytes."""

    def blob(self, tree: ObjectId, path: Path) -> bytes | None:
        """Return a blob of a tree, None where the tree has none there or it is larger than an entry may be."""


@dataclass
class Report:
    """What a verification found.

    `entries` counts the commits of the branch, `good` those from the first on that are as signed. `root_then` is the Merkle root at the
    size that was asked for. `newer_from` is the first entry that only a newer envgit understands.
    """

    entries: int = 0
    good: int = 0
    problems: list[Problem] = field(default_factory=list)
    signers: Counter[tuple[str, str]] = field(default_factory=Counter)
    genesis: Digest | None = None
    state: LogState | None = None
    root_then: bytes | None = None
    newer_from: int | None = None


class _Broken(Exception):
    """The chain breaks here; nothing after it is looked at."""

    def __init__(self, code: Code, detail: str) -> None:
        self.code = code
        self.detail = detail


class Verifier:
    """Check one branch from its first commit to its tip."""

    def __init__(self, objects: Objects, verify: Verify, observe: Callable[[Entry], None], root_at: int | None) -> None:
        self._objects = objects
        self._verify = verify
        self._observe = observe
        self._root_at = root_at
        self._tree = Tree()
        self._frontier = Frontier()  # kept apart from the state: it goes on where kinds are unknown
        self._keys: dict[str, bytes] = {}
        self._readme = b""
        self.report = Report()

    def run(self, tip: ObjectId) -> Report:
        """Check every commit, oldest first, and stop at the first that breaks the chain."""
        chain = list(self._chain(tip))
        chain.reverse()
        self.report.entries = len(chain)
        parent: ObjectId | None = None
        for sequence, oid in enumerate(chain):
            try:
                self._entry(sequence, oid, parent)
            except _Broken as broken:
                self.report.problems.append(Problem(broken.code, sequence, broken.detail))
                break
            self.report.good = sequence + 1
            parent = oid
        return self.report

    def _chain(self, tip: ObjectId) -> Iterator[ObjectId]:
        oid: ObjectId | None = tip
        while oid is not None:
            yield oid
            parents = commits.parents(self._objects.commit(oid))
            oid = parents[0] if parents else None

    def _entry(self, sequence: int, oid: ObjectId, parent: ObjectId | None) -> None:
        raw = self._objects.commit(oid)
        name = f"entry {sequence}"
        if len(commits.parents(raw)) > 1:
            raise _Broken(Code.EXTRA_PARENT, f"{name}, {oid[:7]}, has more than one parent")
        try:
            tree = commits.tree_of(raw)
            plain, armor = commits.detach(raw)
            public, signature = sshsig.dearmor(armor)
        except FormatError as error:
            raise _Broken(_unsigned_code(raw), f"{name}, {oid[:7]}, is {error}") from None
        data = self._objects.blob(tree, _entry_path(sequence))
        if data is None:
            raise _Broken(Code.NOT_AN_ENTRY, f"commit {oid[:7]} on the branch is no entry: it holds no entry {sequence}")
        leaf = leaf_hash(data)
        if (signed := commits.signed_leaf(plain)) != leaf.hex():
            said = f"signed was {signed[:4]}…" if signed else "its commit names none"
            raise _Broken(Code.ENTRY_ALTERED, f"{name} is not what was signed: its bytes hash to {leaf.hex()[:4]}…, {said}")
        entry = self._decoded(sequence, data)
        if entry is None or entry.body is None:
            self._unknown(sequence, plain, public, signature, leaf)
            return
        self._follow(entry, data, tree)
        signer = self._signer(entry, public, f"{name} is signed by {sshsig.fingerprint(public)}")
        root, state = self._derived(entry, data, tree)
        if root != tree:
            raise _Broken(Code.TREE_ALTERED, f"{name}: the tree of {oid[:7]} is not what its entries make")
        if commits.unsigned(entry, leaf, root, parent, state, signer) != plain:
            raise _Broken(Code.COMMIT_ALTERED, f"{name}: commit {oid[:7]} is not the one that its entry makes")
        if not self._verify(public, sshsig.signed_data(plain), signature):
            raise _Broken(Code.BAD_SIGNATURE, f"{name}: the signature on {oid[:7]} is not good")
        self._accept(entry, leaf, state, signer, public)

    def _decoded(self, sequence: int, data: bytes) -> Entry | None:
        try:
            return decode_entry(data)
        except UnknownVersion:
            return None
        except FormatError as error:
            raise _Broken(Code.MALFORMED_ENTRY, f"entry {sequence} is malformed: {error}") from None

    def _follow(self, entry: Entry, data: bytes, tree: ObjectId) -> None:
        """Check what an entry says of itself against the ones before it, before anything is derived from it."""
        sequence, state = self.report.good, self.report.state
        if entry.sequence != sequence:
            raise _Broken(Code.WRONG_SEQUENCE, f"entry {sequence} says that it is entry {entry.sequence}")
        if isinstance(entry.body, Genesis) != (sequence == 0):
            where = "the first entry is no genesis" if sequence == 0 else f"entry {sequence} is a second genesis"
            raise _Broken(Code.SECOND_GENESIS if sequence else Code.WRONG_GENESIS, where)
        if sequence == 0:
            self._begin(entry, data, tree)
        elif state is not None and entry.origin != state.origin:
            raise _Broken(Code.WRONG_ORIGIN, f"entry {sequence} belongs to another log")

    def _begin(self, entry: Entry, data: bytes, tree: ObjectId) -> None:
        body = entry.body
        if not isinstance(body, Genesis):
            return
        self.report.genesis = Digest(f"sha256:{leaf_hash(data).hex()}")
        self._readme = self._objects.blob(tree, README) or b""
        if body.readme != commits.readme_digest(self._readme):
            raise _Broken(Code.TREE_ALTERED, "README.md is not the one that the genesis names")

    def _signer(self, entry: Entry, public: bytes, said: str) -> Signer:
        signers = entry.body.signers if isinstance(entry.body, Genesis) else self._in_force()
        for signer in signers.signers:
            if self._public(signer.key) == public and signer.from_ <= entry.sequence and entry.kind in signer.kinds:
                return signer
        raise _Broken(Code.UNKNOWN_SIGNER, f"{said}, who may not sign entries of kind {entry.kind}")

    def _in_force(self) -> Signers:
        if self.report.state is None:
            raise _Broken(Code.WRONG_GENESIS, "the log has no genesis")
        return self.report.state.signers

    def _public(self, line: str) -> bytes:
        if line not in self._keys:
            try:
                self._keys[line] = sshsig.public_bytes(line)
            except FormatError:
                self._keys[line] = b""
        return self._keys[line]

    def _derived(self, entry: Entry, data: bytes, tree: ObjectId) -> tuple[ObjectId, LogState]:
        self.report.problems += _links(entry, self._tree, self.report.state)
        try:
            state = apply(entry, data, self._tree, self.report.state, self._readme)
        except FormatError as error:
            raise _Broken(Code.MALFORMED_ENTRY, f"entry {entry.sequence} does not follow: {error}") from None
        root, _new = self._tree.flush()
        return root, state

    def _accept(self, entry: Entry, leaf: bytes, state: LogState, signer: Signer, public: bytes) -> None:
        self.report.state = state
        self.report.signers[signer.name, sshsig.fingerprint(public)] += 1
        self._count(leaf)
        self._observe(entry)

    def _count(self, leaf: bytes) -> None:
        self._frontier = self._frontier.append(leaf)
        if self._frontier.size == self._root_at:
            self.report.root_then = self._frontier.root()

    def _unknown(self, sequence: int, plain: bytes, public: bytes, signature: bytes, leaf: bytes) -> None:
        """Check of an entry of a newer kind what can be: leaf, root, signature, and that a signer in force made it."""
        if self.report.newer_from is None:
            self.report.newer_from = sequence
        known = {self._public(signer.key) for signer in self._in_force().signers}
        if public not in known:
            raise _Broken(Code.UNKNOWN_SIGNER, f"entry {sequence} is signed by {sshsig.fingerprint(public)}, whom no entry names")
        if not self._verify(public, sshsig.signed_data(plain), signature):
            raise _Broken(Code.BAD_SIGNATURE, f"entry {sequence}: the signature is not good")
        self._count(leaf)
        if commits.signed_checkpoint(plain) != (self._in_force_origin(), self._frontier.size, self._frontier.root()):
            raise _Broken(Code.COMMIT_ALTERED, f"entry {sequence}: its checkpoint is not that of the entries before it")

    def _in_force_origin(self) -> str:
        return self.report.state.origin if self.report.state else ""


def _unsigned_code(raw: bytes) -> Code:
    return Code.BAD_SIGNATURE if b"\ngpgsig" in raw else Code.NOT_AN_ENTRY


def _entry_path(sequence: int) -> Path:
    return numbered(ENTRIES, sequence)


def _links(entry: Entry, tree: Tree, state: LogState | None) -> Iterator[Problem]:
    """Check that an entry takes up where the ones before it left off: the step, each file's digest, each variable's last change."""
    body = entry.body
    if state is None or isinstance(body, Genesis):
        return
    if isinstance(body, ChangeBody | ConfigBody):
        # A config entry follows the change entry of the same commit.
        same = isinstance(body, ConfigBody) and body.source.commit == state.source_commit
        if body.source.previous != state.source_commit and not same:
            yield Problem(Code.WRONG_STEP, entry.sequence, f"entry {entry.sequence} does not begin where the last one ended")
    elif isinstance(body, RewriteBody) and body.from_ != state.source_commit:
        yield Problem(Code.WRONG_STEP, entry.sequence, f"entry {entry.sequence} rewrites what was not recorded last")
    elif isinstance(body, SupplementBody):
        if body.of >= entry.sequence:
            yield Problem(Code.WRONG_STEP, entry.sequence, f"entry {entry.sequence} supplements one that comes later")
        return
    for file in getattr(body, "files", ()):
        yield from _file_links(entry.sequence, file, tree)


def _file_links(sequence: int, file: FileChange, tree: Tree) -> Iterator[Problem]:
    record = read_file(tree, file.environment, file.unit)
    recorded = record.digest if record else None
    if file.before != recorded:
        yield Problem(
            Code.DIGEST_GAP,
            sequence,
            f"entry {sequence} takes up {file.environment} from another content than was recorded: an entry is missing",
        )
    for change in file.changes:
        if change.kind is ChangeKind.REENCRYPTED:
            continue
        known = read_variable(tree, file.environment, file.unit, change.from_ or change.variable)
        if change.previous != (known.entry if known else None):
            yield Problem(
                Code.WRONG_PREVIOUS,
                sequence,
                f"entry {sequence} names another last change of {file.environment} {change.variable} than the log holds",
            )
