"""Own the shapes of what the branch keeps beside the entries: where everything stands, derived from them alone.

`log.json`, `environments/…/file.json` and `…/variables/….json` are these, by codec's rules.
"""

from typing import NamedTuple

from envgit.audit.entry import AnchorType, Signers
from envgit.audit.merkle import Frontier
from envgit.model import CommitId, Config, Digest, Fingerprint, KeyId, Reason, ValueType


class KeyRecord(NamedTuple):
    """A fingerprint key as the log hands it on; `entry` is the sequence that it counts from."""

    id: KeyId
    recipients: tuple[str, ...]
    wrapped: tuple[str, ...]
    entry: int
    threshold: int = 1


class FileRecord(NamedTuple):
    """Where an environment's file stands: `path` and `digest` null where it was deleted or released.

    `released` says that it is there but no longer audited. `recipients` are what the file claims, `entry` the sequence
    of the last entry that touched it, `access` how many entries changed who may open it.
    """

    environment: str
    unit: str
    path: str | None
    digest: Digest | None
    state: Digest | None
    entry: int
    recipients: tuple[str, ...] = ()
    key: KeyRecord | None = None
    access: int = 0
    reason: Reason | None = None
    released: bool = False


class VariableRecord(NamedTuple):
    """Where a variable stands: `entry` is the sequence of its last change, `reencrypted` counts mere re-encryptions.

    `fingerprint` is under the file's key, null where the value is unknown or gone. A removed variable leaves this as
    its tombstone.
    """

    variable: str
    type: ValueType | None
    fingerprint: Fingerprint | None
    entry: int
    clear: bool = False
    reencrypted: int = 0
    removed: bool = False


class Anchored(NamedTuple):
    """The last anchor of a type: the sequence of its entry."""

    type: AnchorType
    entry: int


class LogRecord(NamedTuple):
    """`log.json`: the log's size and Merkle frontier, where the source branch was recorded to, and what is in force.

    `config_pending` is the entry whose configuration waits for the roots' approval, `keysets` are the entries that changed who
    signs.
    """

    origin: str
    size: int
    frontier: tuple[str, ...]
    began_at: str
    start: CommitId | None
    source_commit: CommitId | None
    config: Config
    signers: Signers
    config_pending: int | None = None
    anchors: tuple[Anchored, ...] = ()
    keysets: tuple[int, ...] = ()


class LogState(NamedTuple):
    """A log record with its frontier as bytes."""

    record: LogRecord
    frontier: Frontier

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self.record.origin

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.record.size

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.record.config

    @property
    def signers(self) -> Signers:
        """The key set in force."""
        return self.record.signers

    @property
    def source_commit(self) -> CommitId | None:
        """The commit of the source branch that was recorded last."""
        return self.record.source_commit

    @property
    def start(self) -> CommitId | None:
        """The commit that the audited history begins with, None for its very beginning."""
        return self.record.start

    @property
    def root(self) -> bytes:
        """The Merkle root over all entries, 32 bytes."""
        return self.frontier.root()
