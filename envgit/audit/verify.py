"""Own the verifier's rules: what each commit of the branch must be, given the ones before it.

A wrong log is no exception: problems are collected. What cannot be read is one, CannotTell, since then nothing is
known. Nothing here trusts what a library says of a commit: raw bytes are read, rebuilt from the entry, and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.codec import UnknownVersion, decode_entry
from envgit.audit.entry import Entry, Genesis, Signer
from envgit.audit.links import Links
from envgit.audit.merkle import Frontier, leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.problems import Code, Problem
from envgit.audit.records import LogState
from envgit.audit.state import README, apply
from envgit.audit.store import Objects, StoredObjects
from envgit.audit.tree import Tree
from envgit.model import Digest, ObjectId

__all__ = ["Code", "Objects", "Problem", "Report", "StoredObjects", "Verifier", "verify_log"]

WALKED_IN_MEMORY = 20_000
Verify = Callable[[bytes, bytes, bytes], bool]  # public key, signed data, signature
Observe = Callable[[Entry], None]


@dataclass
class Report:
    """What a verification found.

    `entries` counts the commits of the branch, `good` those from the first on that are as signed. `warnings` are odd
    but prove nothing. `signers` counts entries by (name, key fingerprint). `root` is the Merkle root over the good
    entries, `root_then` the one at the size that was asked for, 32 bytes each. `state` and `tree` are where the log
    stands after the last good entry of a known kind; `newer_from` is the first that only a newer envgit understands.
    """

    entries: int = 0
    good: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    signers: Counter[tuple[str, str]] = field(default_factory=Counter)
    genesis: Digest | None = None
    state: LogState | None = None
    tree: ObjectId | None = None
    frontier: Frontier = field(default_factory=Frontier)
    root_then: bytes | None = None
    newer_from: int | None = None

    @property
    def root(self) -> bytes:
        """The Merkle root over the good entries."""
        return self.frontier.root()


class _Broken(Exception):
    """The chain breaks here; nothing after it is looked at."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Signed:
    """A commit of the branch, taken apart."""

    oid: ObjectId
    parent: ObjectId | None
    tree: ObjectId
    leaf: str
    plain: bytes
    public: bytes
    signature: bytes


def verify_log(
    objects: Objects, tip: ObjectId, verify: Verify, *, observe: Observe | None = None, root_at: int | None = None
) -> Report:
    """Check the log that ends in commit `tip`, from its genesis on; `observe` gets every good entry of a known kind.

    `verify` checks an ed25519 signature. Raise CannotTell where an object is not here; nothing else is raised.
    """
    return Verifier(objects, verify, observe or (lambda _entry: None), root_at).run(tip)


class Verifier:
    """Check one branch from its first commit to its tip."""

    def __init__(self, objects: Objects, verify: Verify, observe: Observe, root_at: int | None) -> None:
        self._objects = objects
        self._verify = verify
        self._observe = observe
        self._root_at = root_at
        self._tree = Tree(forget=(ENTRIES,))
        self._frontier = Frontier()  # kept apart from the state: it goes on where kinds are unknown
        self._links = Links()
        self._keys: dict[str, bytes] = {}
        self._recorded_at = ""
        self._tip_tree: ObjectId | None = None
        self._walked: dict[ObjectId, bytes] = {}
        self.report = Report()

    def run(self, tip: ObjectId) -> Report:
        """Check every commit, oldest first, and stop at the first that breaks the chain."""
        chain = self._chain(tip)
        report = self.report
        report.entries = len(chain)
        self._tip_tree = _tree_or_none(self._objects.commit(tip))
        parent: ObjectId | None = None
        for sequence, oid in enumerate(chain):
            try:
                if not self._entry(sequence, oid, parent):
                    break
            except _Broken as broken:
                report.problems.append(Problem(broken.code, sequence, broken.detail))
                break
            report.good, report.frontier = sequence + 1, self._frontier
            if report.good == self._root_at:
                report.root_then = self._frontier.root()
            parent = oid
        return report

    def _chain(self, tip: ObjectId) -> list[ObjectId]:
        found = [tip]
        while parents := commits.parents(self._commit(found[-1])):
            found.append(parents[0])
        found.reverse()
        return found

    def _commit(self, oid: ObjectId) -> bytes:
        """Return a commit; the second time is the last, and mostly out of memory."""
        if (raw := self._walked.pop(oid, None)) is not None:
            return raw
        raw = self._objects.commit(oid)
        if len(self._walked) < WALKED_IN_MEMORY:
            self._walked[oid] = raw
        return raw

    def _entry(self, sequence: int, oid: ObjectId, parent: ObjectId | None) -> bool:
        """Check one commit; False where it is beyond what this version can judge."""
        signed = self._signed(sequence, oid, parent)
        data = self._data(sequence, signed)
        leaf = leaf_hash(data)
        self._frontier = self._frontier.append(leaf)
        if self.report.newer_from is not None:
            return self._unknown(sequence, signed)
        entry = self._decoded(sequence, data)
        if entry is not None:
            self._place(entry)
        if entry is None or entry.body is None:
            return self._unknown(sequence, signed)
        self._known(entry, data, leaf, signed)
        return True

    def _signed(self, sequence: int, oid: ObjectId, parent: ObjectId | None) -> _Signed:
        raw = self._commit(oid)
        name = f"commit {oid[:7]}, where entry {sequence} belongs,"
        if not commits.signed_leaf(raw):
            raise _Broken(Code.NOT_AN_ENTRY, f"{name} is no entry: the log ends before it")
        try:
            tree = commits.tree_of(raw)
            plain, armor = commits.detach(raw)
            public, signature = sshsig.dearmor(armor)
        except FormatError as error:
            raise _Broken(Code.BAD_SIGNATURE, f"{name} is {error}") from None
        checkpoint = commits.signed_checkpoint(plain)
        if checkpoint is not None and checkpoint[1] != sequence + 1:
            raise _Broken(Code.WRONG_SEQUENCE, f"{name} says that it is entry {checkpoint[1] - 1}")
        return _Signed(oid, parent, tree, commits.signed_leaf(plain), plain, public, signature)

    def _data(self, sequence: int, signed: _Signed) -> bytes:
        """Return an entry's bytes: the tip's, which has all of them, or the commit's own where those are not signed."""
        path, data = numbered(ENTRIES, sequence), None
        for tree in (self._tip_tree, signed.tree):
            data = self._objects.blob(tree, path) if tree is not None else None
            if data is not None and leaf_hash(data).hex() == signed.leaf:
                return data
        if data is None:
            raise _Broken(Code.ENTRY_ALTERED, f"entry {sequence} is not where it belongs in commit {signed.oid[:7]}")
        found = f"its bytes hash to {leaf_hash(data).hex()[:4]}…, signed was {signed.leaf[:4]}…"
        raise _Broken(Code.ENTRY_ALTERED, f"entry {sequence} is not what was signed: {found}")

    def _decoded(self, sequence: int, data: bytes) -> Entry | None:
        try:
            return decode_entry(data)
        except UnknownVersion:
            return None
        except FormatError as error:
            raise _Broken(Code.MALFORMED_ENTRY, f"entry {sequence} is malformed: {error}") from None

    def _known(self, entry: Entry, data: bytes, leaf: bytes, signed: _Signed) -> None:
        name = f"entry {entry.sequence}"
        readme = self._begin(entry, leaf, signed.tree) if isinstance(entry.body, Genesis) else b""
        signer = self._signer(entry, signed.public)
        state = self.report.state
        problems = list(self._links.check(entry, self._tree, state)) if state else []
        try:
            state = apply(entry, data, self._tree, state, readme)
        except FormatError as error:
            raise _Broken(Code.MALFORMED_ENTRY, f"{name} does not follow: {error}") from None
        root, _new = self._tree.flush()
        if root != signed.tree:
            raise _Broken(Code.TREE_ALTERED, f"{name}: the tree of {signed.oid[:7]} is not what its entries make")
        if commits.unsigned(entry, leaf, root, signed.parent, state, signer) != signed.plain:
            raise _altered(entry.sequence, signed, "is not the one that its entry makes")
        self._good_signature(entry.sequence, signed)
        self._accept(entry, state, root, problems)
        self.report.signers[signer.name, sshsig.fingerprint(signed.public)] += 1

    def _accept(self, entry: Entry, state: LogState, tree: ObjectId, problems: list[Problem]) -> None:
        report = self.report
        report.state, report.tree = state, tree
        report.problems += problems
        if entry.recorded_at < self._recorded_at:
            detail = f"entry {entry.sequence} says that it was recorded before the one before it"
            report.warnings.append(Problem(Code.TIME_GOES_BACK, entry.sequence, detail))
        self._recorded_at = entry.recorded_at
        self._observe(entry)

    def _place(self, entry: Entry) -> None:
        sequence, state = self.report.good, self.report.state
        if entry.sequence != sequence:
            raise _Broken(Code.WRONG_SEQUENCE, f"entry {sequence} says that it is entry {entry.sequence}")
        genesis = isinstance(entry.body, Genesis)
        if genesis and state is not None:
            raise _Broken(Code.SECOND_GENESIS, f"entry {sequence} is a second genesis")
        if not genesis and state is None:
            raise _Broken(Code.WRONG_GENESIS, "the first entry is no genesis")
        if state is not None and entry.origin != state.origin:
            raise _Broken(Code.WRONG_ORIGIN, f"entry {sequence} belongs to another log")

    def _begin(self, entry: Entry, leaf: bytes, tree: ObjectId) -> bytes:
        self.report.genesis = Digest(f"sha256:{leaf.hex()}")
        readme = self._objects.blob(tree, README) or b""
        if isinstance(entry.body, Genesis) and entry.body.readme != commits.readme_digest(readme):
            raise _Broken(Code.TREE_ALTERED, "README.md is not the one that the genesis names")
        return readme

    def _signer(self, entry: Entry, public: bytes) -> Signer:
        for signer in self._signers(entry):
            if self._public(signer.key) == public and signer.from_ <= entry.sequence and entry.kind in signer.kinds:
                return signer
        key = sshsig.fingerprint(public)
        detail = f"entry {entry.sequence} is signed by {key}, which may not sign entries of kind {entry.kind}"
        raise _Broken(Code.UNKNOWN_SIGNER, detail)

    def _signers(self, entry: Entry | None = None) -> tuple[Signer, ...]:
        if entry is not None and isinstance(entry.body, Genesis):
            return entry.body.signers.signers
        return self.report.state.signers.signers if self.report.state else ()

    def _public(self, line: str) -> bytes:
        if line not in self._keys:
            try:
                self._keys[line] = sshsig.public_bytes(line)
            except FormatError:
                self._keys[line] = b""
        return self._keys[line]

    def _good_signature(self, sequence: int, signed: _Signed) -> None:
        if not self._verify(signed.public, sshsig.signed_data(signed.plain), signed.signature):
            raise _Broken(Code.BAD_SIGNATURE, f"entry {sequence}: the signature on {signed.oid[:7]} is not good")

    def _unknown(self, sequence: int, signed: _Signed) -> bool:
        """Check what can be of an entry of a newer kind, or after one: checkpoint, headers, signature, signer."""
        state = self.report.state
        if state is None:
            raise _Broken(Code.WRONG_GENESIS, "the first entry is no genesis")
        if all(self._public(signer.key) != signed.public for signer in self._signers()):
            if self.report.newer_from is not None:
                return False  # the newer kind may have named the key
            key = sshsig.fingerprint(signed.public)
            raise _Broken(Code.UNKNOWN_SIGNER, f"entry {sequence} is signed by {key}, which no entry names")
        said = commits.signed_checkpoint(signed.plain)
        if said != (state.origin, self._frontier.size, self._frontier.root()):
            detail = f"entry {sequence}: its checkpoint is not that of the entries before it"
            raise _Broken(Code.COMMIT_ALTERED, detail)
        if not commits.plain_headers(signed.plain, signed.parent):
            raise _altered(sequence, signed, "has headers of another form")
        self._good_signature(sequence, signed)
        if self.report.newer_from is None:
            self.report.newer_from = sequence
        return True


def _altered(sequence: int, signed: _Signed, what: str) -> _Broken:
    name = f"entry {sequence}: commit {signed.oid[:7]}"
    if len(commits.parents(signed.plain)) > 1:
        return _Broken(Code.EXTRA_PARENT, f"{name} has more than one parent")
    return _Broken(Code.COMMIT_ALTERED, f"{name} {what}")


def _tree_or_none(raw: bytes) -> ObjectId | None:
    try:
        return commits.tree_of(raw)
    except FormatError:
        return None
