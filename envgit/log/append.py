"""Own the making of entries: number, time, bytes, tree, commit and signature, and the one moment at which the branch moves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

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
from envgit.beside import begun
from envgit.errors import CannotTell, EnvgitError, LogError
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


class _Sent(NamedTuple):
    """Entries whose objects are on their way into the repository: the last one's commit, the log's size with it, and how to wait."""

    tip: CommitId
    size: int
    wait: Callable[[], None]


class Appender:
    """Append entries to a log in memory; `flush` writes what they are made of and moves the branch `ref`.

    `hand_over` does the same for a long run: it is written while more is made, and the branch moves when the next one is handed over.
    """

    def __init__(self, log: Log, pen: Pen, repo: Repository | None = None, ref: str = "") -> None:
        self.log = log
        self.pen = pen
        self.began = log.size
        self.leaf = b""
        self.warnings: list[str] = []
        self._repo = repo
        self._ref = ref
        self._tip: ObjectId | None = ObjectId(log.tip) if log.tip else None
        self._root: ObjectId | None = None
        self.weight = 0  # bytes that wait with the entries
        self._new: list[ObjectWrite] = []
        self._landed = log.size
        self._sent: _Sent | None = None
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
        made._landed = 0
        made._write(genesis, data, _signer(made.log.state.signers, pen.key, genesis))
        return made

    @property
    def waiting(self) -> int:
        """How many entries were neither written nor handed over."""
        return self.log.size - (self._sent.size if self._sent else self._landed)

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
        self._land()
        if self.waiting:
            self._send(apart=False)
            self._land()

    def hand_over(self) -> None:
        """Begin to write all new objects, once those handed over before are written and the branch has moved to them.

        Raise what `flush` raises, of the ones before.
        """
        self._land()
        self._send(apart=True)

    def settle(self) -> None:
        """Keep what was handed over, where a run ends for another reason; an error of its own is not told then."""
        with suppress(EnvgitError):
            self._land()

    def _send(self, *, apart: bool) -> None:
        if self._repo is None or self._tip is None:
            return
        write = partial(self._repo.write, self._new)
        self._sent = _Sent(CommitId(self._tip), self.log.size, begun(write) if apart else write)
        # What is on its way can be read here, what was before is in the repository: a long run holds no more than that.
        on_the_way = {item.id: item.data for item in self._new}
        repo = self._repo
        self.log.tree = Tree(lambda oid: on_the_way[oid] if oid in on_the_way else repo.raw(oid)[1], self._root)
        self._new, self.weight = [], 0

    def _land(self) -> None:
        sent, self._sent = self._sent, None
        if sent is None or self._repo is None:
            return
        try:
            sent.wait()
            self._repo.update_ref(self._ref, sent.tip, self._expected, f"envgit: {sent.size} entries")
        except CannotTell as error:
            done = self._landed - self.began
            what = f"of this run {count(done, 'entry')} recorded" if done else "nothing was recorded"
            raise type(error)(f"{error}; {what}") from None
        self._landed = sent.size
        self._expected = self.log.tip = sent.tip
        self.log.ref = self._ref.removeprefix("refs/heads/")

    def _write(self, entry: Entry, data: bytes, signer: Signer | None) -> None:
        self.leaf = leaf_hash(data)
        if self.pen.key is None or signer is None:
            return  # a log in memory needs neither commits nor ids: its tree keeps what was put into it
        root, objects = self.log.tree.flush()
        self._root = root
        self._new += objects
        self.weight += sum(len(item.data) for item in objects)
        plain = commits.unsigned(entry, self.leaf, root, self._tip, self.log.state, signer)
        made = written("commit", commits.attach(plain, self.pen.key.sign_commit(plain)), self._tip)
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
