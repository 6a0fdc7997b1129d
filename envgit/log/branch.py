"""Own the reading of the audit branch: which ref is the log, and its entries and records, out of git's object store.

A reader checks that the tip is an entry; whether it and all before it are as signed is verify's business.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from envgit.audit import commit as commits
from envgit.audit.canonical import FormatError
from envgit.audit.codec import decode_entry
from envgit.audit.entry import Entry
from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.records import FileRecord, LogState, VariableRecord
from envgit.audit.state import (
    read_file,
    read_files,
    read_state,
    read_supplements,
    read_variable,
    read_variables,
)
from envgit.audit.tree import Tree
from envgit.errors import LogError
from envgit.git.repository import Repository
from envgit.model import CommitId, Digest, ObjectId, Unit

# How far below a foreign tip one looks for the last entry.
LOOKED_BELOW = 10_000


class OddLog(LogError):
    """The tip is an entry, and its tree is no log's."""

    def __init__(self, message: str, tip: CommitId) -> None:
        super().__init__(message)
        self.tip = tip

    def __reduce__(self) -> tuple[type[OddLog], tuple[str, CommitId]]:
        """Let it come back whole from another process."""
        return OddLog, (str(self), self.tip)


class Log:
    """A log, as the tree of its newest entry has it; `ref` and `tip` are empty for one that is only in memory."""

    def __init__(self, tree: Tree, state: LogState, ref: str = "", tip: CommitId | None = None) -> None:
        self.tree = tree
        self.state = state
        self.ref = ref
        self.tip = tip
        self.entry: Callable[[int], Entry] = lru_cache(maxsize=256)(self._entry)

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.state.size

    @property
    def genesis(self) -> Digest:
        """The hash of the first entry: what a trust root is compared with."""
        return Digest(f"sha256:{leaf_hash(self.bytes_of(0)).hex()}")

    @property
    def began_at(self) -> str:
        """When the log was begun, RFC 3339."""
        return self.state.record.began_at

    def bytes_of(self, sequence: int) -> bytes:
        """Return an entry's bytes; raise LogError where the branch does not hold it."""
        data = self.tree.get(numbered(ENTRIES, sequence))
        if data is None:
            raise LogError(f"entry {sequence} is not on the branch; envgit verify says what else is wrong")
        return data

    def leaves(self, size: int) -> list[bytes]:
        """Return the leaf hashes of the first `size` entries, 32 bytes each."""
        return [leaf_hash(self.bytes_of(number)) for number in range(size)]

    def file(self, unit: Unit) -> FileRecord | None:
        """Return what stands of an environment's file."""
        return read_file(self.tree, *unit)

    def files(self) -> list[tuple[Unit, FileRecord]]:
        """Return what stands of every file that was ever recorded."""
        return [((record.environment, record.unit), record) for record in read_files(self.tree)]

    def units(self) -> list[Unit]:
        """Return the environments that were ever recorded, in order."""
        return sorted(unit for unit, _record in self.files())

    def variable(self, unit: Unit, name: str) -> VariableRecord | None:
        """Return what stands of a variable."""
        return read_variable(self.tree, *unit, name)

    def names(self, unit: Unit, *, removed: bool = False) -> tuple[str, ...]:
        """Return the variables that a file has, with `removed` also those that it had."""
        return tuple(
            sorted(record.variable for record in read_variables(self.tree, *unit) if removed or not record.removed)
        )

    def supplements(self, sequence: int) -> tuple[int, ...]:
        """Return the entries that supplement an entry."""
        return read_supplements(self.tree, sequence)

    def _entry(self, sequence: int) -> Entry:
        try:
            return decode_entry(self.bytes_of(sequence))
        except FormatError as error:
            raise LogError(f"entry {sequence} cannot be read: {error}; envgit verify says more") from None


def locate(repo: Repository, audit_branch: str, remote: str | None) -> Log | None:
    """Return the log, from the local or the remote-tracking branch, whichever descends from the other; None where there is neither.

    Raise LogError where neither descends from the other, or where the tip is no entry.
    """
    refs = [f"refs/heads/{audit_branch}"] + ([f"refs/remotes/{remote}/{audit_branch}"] if remote else [])
    tips = [(ref, CommitId(found)) for ref in refs if (found := repo.ref(ref)) is not None]
    if not tips:
        return None
    return opened(repo, *_newer(repo, tips))


def _newer(repo: Repository, tips: list[tuple[str, CommitId]]) -> tuple[str, CommitId]:
    """Return the tip that descends from the other."""
    (ref, tip), (other_ref, other) = tips[0], tips[-1]
    if repo.is_ancestor(other, tip):
        return ref, tip
    if repo.is_ancestor(tip, other):
        return other_ref, other
    raise LogError(
        f"two logs: {_short(ref)} is at {tip[:7]} and {_short(other_ref)} at {other[:7]}, and neither continues the other; "
        "docs/runbook.md#forked says what to do"
    )


def opened(repo: Repository, ref: str, tip: CommitId) -> Log:
    """Return the log whose newest entry is `tip`; raise LogError, saying where the log ends, where that is no entry."""
    kind, raw = repo.raw(tip)
    if kind != "commit" or not commits.signed_leaf(commits.without_signature(raw)):
        raise LogError(_foreign(repo, ref, tip))
    tree = Tree(lambda oid: repo.raw(oid)[1], commits.tree_of(raw))
    try:
        state = read_state(tree)
    except FormatError as error:
        raise OddLog(
            f"{_short(ref)} at {tip[:7]} looks like a log and has {error}; envgit verify says more", tip
        ) from None
    return Log(tree, state, _short(ref), tip)


def _foreign(repo: Repository, ref: str, tip: CommitId) -> str:
    author = repo.commit(tip).author.name
    below: ObjectId | None = ObjectId(tip)
    for _number in range(LOOKED_BELOW):
        parents = commits.parents(repo.raw(below)[1]) if below else ()
        below = parents[0] if parents else None
        if below is None:
            break
        if commits.signed_leaf(commits.without_signature(repo.raw(below)[1])):
            return (
                f"the tip of {_short(ref)}, {tip[:7]} by {author!r}, is no entry: nothing is built on it; "
                f"the log ends at {below[:7]}: git update-ref {ref} {below[:12]} puts it back; docs/runbook.md#junk"
            )
    return f"{_short(ref)} exists and is not envgit's: {tip[:7]} by {author!r} is no entry; name another audit_branch in .envgit.yaml"


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
