"""Own the making of entries: number, time, bytes, tree, commit and signature, and the one moment at which the branch moves."""

from __future__ import annotations

from dataclasses import dataclass

from envgit import __version__
from envgit.audit import commit as commits
from envgit.audit.codec import encode_entry
from envgit.audit.entry import (
    VERSION,
    Body,
    Entry,
    EntryKind,
    Genesis,
    GenesisSource,
    Recorder,
    Signer,
    Signers,
    SignersBody,
)
from envgit.audit.merkle import leaf_hash
from envgit.audit.objects import ObjectWrite, written
from envgit.audit.state import apply
from envgit.audit.tree import Tree
from envgit.errors import LogError, RepositoryError
from envgit.git.repository import Repository
from envgit.log.branch import Log
from envgit.log.readme import TEXT
from envgit.model import CommitId, Config, Digest, ObjectId
from envgit.signing import SigningKey
from envgit.words import count

NO_SIGNERS = Signers(version=1, threshold=0, roots=(), signers=())


@dataclass(frozen=True, slots=True)
class Pen:
    """What a run writes with: its key, the one time that it read, and what it says of itself."""

    key: SigningKey | None
    recorded_at: str
    recorder: Recorder


def this_tool(actor: str = "", run: str = "") -> Recorder:
    """Return what this program says of itself."""
    return Recorder(f"envgit {__version__}", actor, run)


def genesis_entry(
    origin: str, source: GenesisSource, config: Config, pen: Pen, *, nonce: str = "", signers: Signers = NO_SIGNERS
) -> Entry:
    """Return the first entry of a log."""
    readme = Digest(commits.readme_digest(TEXT))
    body = Genesis(nonce, source, config, signers, readme)
    return Entry(VERSION, origin, 0, EntryKind.GENESIS, pen.recorded_at, pen.recorder, body)


class Appender:
    """Append entries to a log in memory; `flush` writes what they are made of and moves the branch `ref`."""

    def __init__(self, log: Log, pen: Pen, repo: Repository | None = None, ref: str = "") -> None:
        self.log = log
        self.pen = pen
        self.began = log.size
        self.leaf = b""
        self.warnings: list[str] = []
        self._repo = repo
        self._ref = ref
        self._tip: ObjectId | None = ObjectId(log.tip) if log.tip else None
        self._new: list[ObjectWrite] = []
        self._flushed = log.size
        if pen.key is not None:
            _known(log, pen.key)
        found = repo.ref(ref) if repo else None
        self._expected = CommitId(found) if found else None

    @classmethod
    def begin(cls, genesis: Entry, pen: Pen, repo: Repository | None = None, ref: str = "") -> Appender:
        """Begin a log with its genesis, in memory until it is flushed."""
        tree = Tree()
        data = encode_entry(genesis)
        made = cls(Log(tree, apply(genesis, data, tree, None, TEXT)), pen, repo, ref)
        made._flushed = 0
        made._write(genesis, data, _signer(made.log.state.signers, pen.key, genesis))
        return made

    @property
    def waiting(self) -> int:
        """How many entries no flush has written yet."""
        return self.log.size - self._flushed

    def append(self, kind: str, body: Body) -> Entry:
        """Append one entry and return it; raise LogError where the key at hand may not sign it."""
        log = self.log
        entry = Entry(VERSION, log.state.origin, log.size, kind, self.pen.recorded_at, self.pen.recorder, body)
        data = encode_entry(entry)
        signer = _signer(log.state.signers, self.pen.key, entry)
        log.state = apply(entry, data, log.tree, log.state)
        self._write(entry, data, signer)
        return entry

    def flush(self) -> None:
        """Write all new objects, then move the branch from where it was read; raise RefMoved where somebody else was first."""
        if self._repo is None or self._tip is None or not self.waiting:
            return
        tip = CommitId(self._tip)
        try:
            self._repo.write(self._new)
            self._repo.update_ref(self._ref, tip, self._expected, f"envgit: {self.log.size} entries")
        except RepositoryError as error:
            written = self._flushed - self.began
            what = f"of this run {count(written, 'entry')} recorded" if written else "nothing was recorded"
            raise type(error)(f"{error}; {what}") from None
        self._new.clear()
        self._flushed = self.log.size
        self._expected = self.log.tip = tip
        self.log.ref = self._ref.removeprefix("refs/heads/")

    def _write(self, entry: Entry, data: bytes, signer: Signer | None) -> None:
        self.leaf = leaf_hash(data)
        if self.pen.key is None or signer is None:
            return  # a log in memory needs neither commits nor ids: its tree keeps what was put into it
        root, objects = self.log.tree.flush()
        self._new += objects
        plain = commits.unsigned(entry, self.leaf, root, self._tip, self.log.state, signer)
        made = written("commit", commits.attach(plain, self.pen.key.sign_commit(plain)))
        self._new.append(made)
        self._tip = made.id


def _known(log: Log, key: SigningKey) -> None:
    """Refuse a key that is revoked by now, before any work is done."""
    for signer in log.state.signers.signers:
        if signer.key == key.public_line and signer.revoked_at(log.size):
            raise LogError(
                f"the signing key here is revoked from entry {signer.until} on; envgit signers says which may sign"
            )


def _signer(signers: Signers, key: SigningKey | None, entry: Entry) -> Signer | None:
    if key is None:
        return None
    # Keys never leave a set: the one that an entry brings has all, and says which of them it revokes.
    there = entry.body.signers.signers if isinstance(entry.body, SignersBody) else signers.signers
    named = [signer for signer in there if signer.key == key.public_line]
    for signer in named:
        if signer.signs(entry.kind, entry.sequence):
            return signer
    if named:
        raise LogError(
            f"the signing key here may not sign entries of kind {entry.kind} at {entry.sequence}; envgit signers"
        )
    raise LogError(
        "the signing key here is not one that this log names; use the key that envgit init made, or envgit signers add"
    )
