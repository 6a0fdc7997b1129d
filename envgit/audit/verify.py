"""Own the verifier's rules: what each commit of the branch must be, given the ones before it.

A wrong log is no exception: problems are collected. What cannot be read is one, CannotTell, since then nothing is
known. Nothing here trusts what a library says of a commit: raw bytes are read, rebuilt from the entry, and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.authority import Authority, public_or_none
from envgit.audit.canonical import FormatError
from envgit.audit.codec import UnknownVersion, decode_entry
from envgit.audit.entry import Entry, Genesis, Signers
from envgit.audit.links import Links
from envgit.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.problems import Code, Problem
from envgit.audit.records import LogState
from envgit.audit.sshsig import Verify
from envgit.audit.state import README, apply, read_state
from envgit.audit.store import Objects, StoredObjects
from envgit.audit.tree import Tree
from envgit.audit.walk import Broken, Signed, Since, Walk
from envgit.model import Digest, ObjectId

__all__ = ["Code", "Objects", "Problem", "Report", "Since", "StoredObjects", "Verifier", "verify_log"]

Observe = Callable[[Entry], None]


def _nowhere(_size: int) -> bytes:
    return b""


@dataclass
class Report:
    """What a verification found.

    `entries` counts the commits of the branch, `good` those from the first on that are as signed; `since` of them were known
    before and are not looked at again. `warnings` are odd but prove nothing. `signers` counts new entries by (name, key
    fingerprint). `root` is the Merkle root over the good entries, `root_then` the one at the size that was asked for, 32 bytes
    each. `state` and `tree` are where the log stands after the last good entry of a known kind, `tip` that entry's commit;
    `newer_from` is the first that only a newer envgit understands. `roots` are the roots after each new entry,
    `root_at` gives the one over so many of the good entries.
    """

    entries: int = 0
    good: int = 0
    since: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    signers: Counter[tuple[str, str]] = field(default_factory=Counter)
    genesis: Digest | None = None
    state: LogState | None = None
    tree: ObjectId | None = None
    tip: ObjectId | None = None
    frontier: Frontier = field(default_factory=Frontier)
    root_then: bytes | None = None
    newer_from: int | None = None
    roots: bytearray = field(default_factory=bytearray)
    root_at: Callable[[int], bytes] = _nowhere

    @property
    def root(self) -> bytes:
        """The Merkle root over the good entries."""
        return self.frontier.root()


def verify_log(
    objects: Objects,
    tip: ObjectId,
    verify: Verify,
    *,
    observe: Observe | None = None,
    root_at: int | None = None,
    since: Since | None = None,
) -> Report:
    """Check the log that ends in commit `tip`; `observe` gets every good new entry of a known kind.

    It goes on from `since` where the branch continues that, else it begins with the genesis. `verify` checks an ed25519
    signature. Raise CannotTell where an object is not here; nothing else is raised.
    """
    return Verifier(objects, verify, observe or (lambda _entry: None), root_at).run(tip, since)


class Verifier:
    """Check one branch from its first commit, or one that is known, to its tip."""

    def __init__(self, objects: Objects, verify: Verify, observe: Observe, root_at: int | None) -> None:
        self._objects = objects
        self._observe = observe
        self._wanted = root_at
        self._verify = verify
        self._tree = Tree(forget=(ENTRIES,))
        self._frontier = Frontier()  # kept apart from the state: it goes on where kinds are unknown
        self._links = Links(lru_cache(maxsize=512)(self._entry_of), self.root_at, verify, self._genesis)
        self._authority = Authority(self.root_at, verify)
        self._recorded_at = ""
        self._tip_tree: ObjectId | None = None
        self._base: Since | None = None
        self._base_signers: Signers | None = None
        self.report = Report(root_at=self.root_at)

    def run(self, tip: ObjectId, since: Since | None = None) -> Report:
        """Check every commit, oldest first, and stop at the first that breaks the chain."""
        walk = Walk(self._objects, tip, since)
        self._tip_tree = _tree_or_none(self._objects.commit(tip))
        if since is not None and (not walk.joined or not self._resume(since)):
            walk = Walk(self._objects, tip, None)
        report = self.report
        report.entries = report.since + len(walk.oids)
        for sequence, one in enumerate(walk.signed(report.since), start=report.since):
            try:
                if isinstance(one, Broken):
                    raise one
                if not self._entry(sequence, one):
                    break
            except Broken as broken:
                report.problems.append(Problem(broken.code, sequence, broken.detail))
                break
            report.good, report.frontier, report.tip = sequence + 1, self._frontier, one.oid
            if report.good == self._wanted:
                report.root_then = self._frontier.root()
        if report.state is not None:
            report.problems += self._authority.revoked(
                report.state.signers, self._base_signers, report.since, self._signed_before
            )
        return report

    def _resume(self, since: Since) -> bool:
        """Take up what is known; False where it is not what the branch has there."""
        try:
            tree = commits.tree_of(self._objects.commit(since.commit))
            loaded = Tree(self._objects.object, tree, forget=(ENTRIES,))
            state = read_state(loaded)
            first, last = (self._objects.blob(tree, numbered(ENTRIES, number)) for number in (0, since.size - 1))
            if first is None or last is None or (state.size, state.root) != (since.size, since.root):
                return False
            self._recorded_at = decode_entry(last).recorded_at
        except FormatError:
            return False
        report = self.report
        report.since = report.good = since.size
        report.genesis = Digest(f"sha256:{leaf_hash(first).hex()}")
        report.state, report.tree, report.tip, report.frontier = state, tree, since.commit, state.frontier
        report.root_then = since.root if self._wanted == since.size else None
        self._tree, self._frontier, self._base, self._base_signers = loaded, state.frontier, since, state.signers
        return True

    def root_at(self, size: int) -> bytes:
        """Return the Merkle root, 32 bytes, over so many of the entries that were looked at; nothing where there are fewer."""
        known = self._base.size if self._base else 0
        if self._base and size <= known:
            return next((root for number, _public, root in self._before(size - 1) if number == size - 1), b"")
        place = (size - known - 1) * HASH_BYTES
        return bytes(self.report.roots[place : place + HASH_BYTES]) if size > 0 else b""

    def _before(self, first: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Return number, signer's key and root of the entries that were known, from the newest down to `first`.

        They are ancestors of a commit that was verified: what their messages say is true.
        """
        oid: ObjectId | None = self._base.commit if self._base else None
        number = self._base.size - 1 if self._base else -1
        while oid is not None and number >= max(first, 0):
            raw = self._objects.commit(oid)
            plain, armor = commits.detach(raw)
            said = commits.signed_checkpoint(plain)
            yield number, sshsig.dearmor(armor)[0], said[2] if said else b""
            oid, number = next(iter(commits.parents(raw)), None), number - 1

    def _signed_before(self, first: int) -> Iterator[tuple[int, bytes]]:
        return ((number, public) for number, public, _root in self._before(first))

    def _entry_of(self, sequence: int) -> Entry | None:
        data = self._objects.blob(self._tip_tree, numbered(ENTRIES, sequence)) if self._tip_tree else None
        try:
            return decode_entry(data) if data is not None else None
        except FormatError:
            return None

    def _genesis(self) -> Digest:
        return self.report.genesis or Digest("")

    def _entry(self, sequence: int, signed: Signed) -> bool:
        """Check one commit; False where it is beyond what this version can judge."""
        data = self._data(sequence, signed)
        leaf = leaf_hash(data)
        if self.report.newer_from is not None:
            return self._unknown(sequence, leaf, signed)
        entry = self._decoded(sequence, data)
        if entry is not None:
            self._place(entry)
        if entry is None or entry.body is None:
            return self._unknown(sequence, leaf, signed)
        self._known(entry, data, leaf, signed)
        return True

    def _data(self, sequence: int, signed: Signed) -> bytes:
        """Return an entry's bytes: the tip's, which has all of them, or the commit's own where those are not signed."""
        path, data = numbered(ENTRIES, sequence), None
        for tree in (self._tip_tree, signed.tree):
            data = self._objects.blob(tree, path) if tree is not None else None
            if data is not None and leaf_hash(data).hex() == signed.leaf:
                return data
        if data is None:
            raise Broken(Code.ENTRY_ALTERED, f"entry {sequence} is not where it belongs in commit {signed.oid[:7]}")
        found = f"its bytes hash to {leaf_hash(data).hex()[:4]}…, signed was {signed.leaf[:4]}…"
        raise Broken(Code.ENTRY_ALTERED, f"entry {sequence} is not what was signed: {found}")

    def _decoded(self, sequence: int, data: bytes) -> Entry | None:
        try:
            return decode_entry(data)
        except UnknownVersion:
            return None
        except FormatError as error:
            raise Broken(Code.MALFORMED_ENTRY, f"entry {sequence} is malformed: {error}") from None

    def _known(self, entry: Entry, data: bytes, leaf: bytes, signed: Signed) -> None:
        name = f"entry {entry.sequence}"
        readme = self._begin(entry, leaf, signed.tree) if isinstance(entry.body, Genesis) else b""
        signer = self._authority.signer(entry, signed.public, self.report.state, self._genesis())
        state = self.report.state
        problems = list(self._links.check(entry, self._tree, state)) if state else []
        try:
            state = apply(entry, data, self._tree, state, readme)
        except FormatError as error:
            raise Broken(Code.MALFORMED_ENTRY, f"{name} does not follow: {error}") from None
        root, _new = self._tree.flush()
        if root != signed.tree:
            raise Broken(Code.TREE_ALTERED, f"{name}: the tree of {signed.oid[:7]} is not what its entries make")
        if commits.unsigned(entry, leaf, root, signed.parent, state, signer) != signed.plain:
            raise _altered(entry.sequence, signed, "is not the one that its entry makes")
        self._check_signature(entry.sequence, signed)
        self._accept(entry, state, root, problems)
        self.report.roots += signed.root  # its message is the one that the entry makes
        self.report.signers[signer.name, sshsig.fingerprint(signed.public)] += 1

    def _accept(self, entry: Entry, state: LogState, tree: ObjectId, problems: list[Problem]) -> None:
        report = self.report
        report.state, report.tree, self._frontier = state, tree, state.frontier
        report.problems += problems
        if entry.recorded_at < self._recorded_at:
            detail = f"entry {entry.sequence} says that it was recorded before the one before it"
            report.warnings.append(Problem(Code.TIME_GOES_BACK, entry.sequence, detail))
        self._recorded_at = entry.recorded_at
        self._observe(entry)

    def _place(self, entry: Entry) -> None:
        sequence, state = self.report.good, self.report.state
        if entry.sequence != sequence:
            raise Broken(Code.WRONG_SEQUENCE, f"entry {sequence} says that it is entry {entry.sequence}")
        genesis = isinstance(entry.body, Genesis)
        if genesis and state is not None:
            raise Broken(Code.SECOND_GENESIS, f"entry {sequence} is a second genesis")
        if not genesis and state is None:
            raise Broken(Code.WRONG_GENESIS, "the first entry is no genesis")
        if state is not None and entry.origin != state.origin:
            raise Broken(Code.WRONG_ORIGIN, f"entry {sequence} belongs to another log")

    def _begin(self, entry: Entry, leaf: bytes, tree: ObjectId) -> bytes:
        self.report.genesis = Digest(f"sha256:{leaf.hex()}")
        readme = self._objects.blob(tree, README) or b""
        if isinstance(entry.body, Genesis) and entry.body.readme != commits.readme_digest(readme):
            raise Broken(Code.TREE_ALTERED, "README.md is not the one that the genesis names")
        return readme

    def _check_signature(self, sequence: int, signed: Signed) -> None:
        if not self._verify(signed.public, sshsig.signed_data(signed.plain), signed.signature):
            raise Broken(Code.BAD_SIGNATURE, f"entry {sequence}: the signature on {signed.oid[:7]} is not good")

    def _unknown(self, sequence: int, leaf: bytes, signed: Signed) -> bool:
        """Check what can be of an entry of a newer kind, or after one: checkpoint, headers, signature, signer."""
        state, self._frontier = self.report.state, self._frontier.append(leaf)
        if state is None:
            raise Broken(Code.WRONG_GENESIS, "the first entry is no genesis")
        named = (one for one in state.signers.signers if not one.revoked_at(sequence))
        if all(public_or_none(signer.key) != signed.public for signer in named):
            if self.report.newer_from is not None:
                return False  # the newer kind may have named the key
            key = sshsig.fingerprint(signed.public)
            raise Broken(
                Code.UNKNOWN_SIGNER, f"entry {sequence} is signed by {key}, which no entry names, or which is revoked"
            )
        said = commits.signed_checkpoint(signed.plain)
        if said != (state.origin, self._frontier.size, self._frontier.root()):
            detail = f"entry {sequence}: its checkpoint is not that of the entries before it"
            raise Broken(Code.COMMIT_ALTERED, detail)
        if not commits.plain_headers(signed.plain, signed.parent):
            raise _altered(sequence, signed, "has headers of another form")
        self._check_signature(sequence, signed)
        self.report.roots += signed.root
        if self.report.newer_from is None:
            self.report.newer_from = sequence
        return True


def _altered(sequence: int, signed: Signed, what: str) -> Broken:
    name = f"entry {sequence}: commit {signed.oid[:7]}"
    if len(commits.parents(signed.plain)) > 1:
        return Broken(Code.EXTRA_PARENT, f"{name} has more than one parent")
    return Broken(Code.COMMIT_ALTERED, f"{name} {what}")


def _tree_or_none(raw: bytes) -> ObjectId | None:
    try:
        return commits.tree_of(raw)
    except FormatError:
        return None
