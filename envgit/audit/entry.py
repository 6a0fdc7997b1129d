"""Own the shape of every entry of the log, as frozen values; how they become bytes is codec's business.

A field without default always stands in the JSON, a field with one is left out where it has it. A trailing underscore is not
part of a name: `from_` is written `from`.
"""

from enum import StrEnum
from typing import NamedTuple

from envgit.model import ChangeKind, CommitId, Config, Digest, EventKind, Fingerprint, KeyId, Person, Reason, ValueType

VERSION = 1


class EntryKind(StrEnum):
    """The kinds of entry that this version writes."""

    GENESIS = "genesis"
    CHANGE = "change"
    CONFIG = "config"
    REWRITE = "rewrite"
    SUPPLEMENT = "supplement"
    SIGNERS = "signers"
    ANCHOR = "anchor"


class AnchorType(StrEnum):
    """What an anchor's evidence is: a note that the log signed, one that witnesses cosigned too, a time-stamp token."""

    NOTE = "note"
    COSIGNED = "cosigned"
    RFC3161 = "rfc3161"


class Recorder(NamedTuple):
    """The run that wrote the entry: `tool` is "envgit" and its version."""

    tool: str
    actor: str = ""
    run: str = ""


class Merged(NamedTuple):
    """A side commit that a merge brought in and that touches an audited file."""

    commit: CommitId
    author: Person


class Source(NamedTuple):
    """One step of the source branch; `previous` is null for the first. `landed_at` is the committer's time of `commit`."""

    branch: str
    commit: CommitId
    previous: CommitId | None
    author: Person
    landed_at: str
    pushed_by: str = ""
    merged: tuple[Merged, ...] = ()


class Approval(NamedTuple):
    """A review that approved `commit`; `association` is what the forge says that the reviewer is to the repository."""

    login: str
    commit: CommitId
    time: str
    association: str = ""


class Review(NamedTuple):
    """What the forge said of the pull request at time `at`; `unavailable` is the reason where it could not be asked."""

    pull_request: int | None = None
    author: str = ""
    merged_by: str = ""
    approvals: tuple[Approval, ...] = ()
    at: str = ""
    unavailable: str = ""


class Restated(NamedTuple):
    """A variable's fingerprint, said again under a new key."""

    variable: str
    type: ValueType
    fingerprint: Fingerprint


class Event(NamedTuple):
    """What happened to a file as such; EVENT_FIELDS says which fields belong to which kind.

    `before` and `after` of `rules-changed` are names of sops's rule fields, never patterns. `wrapped` of `fingerprint-key` holds
    one armored age file a key group; with several, each holds a share as sops splits a data key, and `threshold` of them are
    needed.
    """

    kind: EventKind
    recipient: str = ""
    from_: str = ""
    reason: Reason | None = None
    before: str = ""
    after: str = ""
    id: KeyId | None = None
    recipients: tuple[str, ...] = ()
    wrapped: tuple[str, ...] = ()
    threshold: int = 1
    variables: tuple[Restated, ...] = ()


EVENT_FIELDS: dict[EventKind, frozenset[str]] = {
    EventKind.CREATED: frozenset(),
    EventKind.DELETED: frozenset(),
    EventKind.MOVED: frozenset({"from_"}),
    EventKind.ACCESS_GRANTED: frozenset({"recipient"}),
    EventKind.ACCESS_REVOKED: frozenset({"recipient"}),
    EventKind.DATA_KEY_ROTATED: frozenset(),
    EventKind.RULES_CHANGED: frozenset({"before", "after"}),
    EventKind.TEXT_CHANGED: frozenset(),
    EventKind.MAC_INVALID: frozenset(),
    EventKind.UNREADABLE: frozenset({"reason"}),
    EventKind.RELEASED: frozenset(),
    EventKind.FINGERPRINT_KEY: frozenset({"id", "recipients", "wrapped", "threshold", "variables"}),
}


class Shown(NamedTuple):
    """The sides of a change that the file holds in clear, by its rule, and that the configuration reveals."""

    before: str | None = None
    after: str | None = None


class Change(NamedTuple):
    """What happened to one variable.

    `type` is that of the newer side; null where a removed variable's is unknown. `before` is a fingerprint under the key in force
    before the step, `after` one under the key in force after it; either is left out where unknown. `previous` is the sequence of
    the entry that changed the variable last, under the name `from` for `renamed`. `by` is the side commit that gave the value.
    """

    variable: str
    kind: ChangeKind
    type: ValueType | None = None
    type_before: ValueType | None = None
    from_: str = ""
    before: Fingerprint | None = None
    after: Fingerprint | None = None
    clear: bool = False
    shown: Shown | None = None
    previous: int | None = None
    by: CommitId | None = None


class FileChange(NamedTuple):
    """What happened to one file of an environment.

    `before` and `after` are digests of its bytes, null where there was or is none; `key` names the fingerprint key in force
    afterwards. `state` names what the file holds under `key`, null where any part is unknown; `state_before`, there whenever the
    key changes and the older side is known, names under the *new* key what it held before, so that it equals `state` if and only
    if no value changed.
    """

    environment: str
    path: str
    before: Digest | None
    after: Digest | None
    state: Digest | None
    unit: str = ""
    key: KeyId | None = None
    state_before: Digest | None = None
    events: tuple[Event, ...] = ()
    changes: tuple[Change, ...] = ()


class Root(NamedTuple):
    """A person's key that may change who signs; `key` is one line as in authorized_keys, without comment.

    A person who has several keys has several of these under one name, and one vote.
    """

    name: str
    key: str


class Signer(NamedTuple):
    """A key that may sign entries of `kinds`, from sequence `from` on, and before `until` where it was revoked."""

    name: str
    email: str
    key: str
    kinds: tuple[str, ...]
    from_: int
    until: int | None = None

    def signs(self, kind: str, sequence: int) -> bool:
        """Tell whether it may sign an entry."""
        return kind in self.kinds and self.from_ <= sequence and not self.revoked_at(sequence)

    def revoked_at(self, sequence: int) -> bool:
        """Tell whether an entry lies where the key is revoked."""
        return self.until is not None and sequence >= self.until


class Reapproved(NamedTuple):
    """Entries `from` to `size` - 1, for which the roots vouch as they stand under the Merkle root over `size` entries."""

    from_: int
    size: int
    root: Digest


class Signers(NamedTuple):
    """A numbered version of the key set; `threshold` persons among the roots approve the next.

    A signer never leaves it: one that is revoked stays, with `until`. `reapproved` says which entries behind that stand.
    """

    version: int
    threshold: int
    roots: tuple[Root, ...]
    signers: tuple[Signer, ...]
    reapproved: tuple[Reapproved, ...] = ()


class GenesisSource(NamedTuple):
    """Where the audited history starts: `start` null for its very beginning; commits up to `head` are backfill."""

    branch: str
    head: CommitId | None
    start: CommitId | None


class Genesis(NamedTuple):
    """The body of entry 0; `readme` is the digest of the branch's README.md."""

    nonce: str
    source: GenesisSource
    config: Config
    signers: Signers
    readme: Digest


class ChangeBody(NamedTuple):
    """The body of a `change`: what one step of the source branch did to all environments."""

    source: Source
    files: tuple[FileChange, ...]
    review: Review | None = None


class ConfigBody(NamedTuple):
    """The body of a `config`: the configuration that the commit asks for.

    `config` is null where the file is `missing` or `invalid` (then `problem` says which) and the old one stays in force; it stays
    too where `in_force` is false, because narrowing needs the roots. Their `approvals` come with an entry of their own, for the
    configuration of entry `of`, after the last commit that was recorded.
    """

    source: Source
    config: Config | None
    in_force: bool
    problem: str = ""
    files: tuple[FileChange, ...] = ()
    review: Review | None = None
    of: int | None = None
    approvals: tuple[str, ...] = ()


class RewriteBody(NamedTuple):
    """The body of a `rewrite`: the source branch was force-pushed from `from` to `to`; attributed to nobody."""

    branch: str
    from_: CommitId
    to: CommitId
    landed_at: str
    files: tuple[FileChange, ...]


class SupplementBody(NamedTuple):
    """The body of a `supplement`: what entry `of` could not tell, each file or the review once."""

    of: int
    files: tuple[FileChange, ...] = ()
    review: Review | None = None


class SignersBody(NamedTuple):
    """The body of a `signers`: the next version of the key set, and armored signatures of roots over it."""

    signers: Signers
    approvals: tuple[str, ...] = ()


class AnchorBody(NamedTuple):
    """The body of an `anchor`: evidence from outside for the log as it stood with `size` entries.

    `evidence` is a C2SP signed note, or a time-stamp response (DER) in base64; `certificates` are PEM, those of the authority's
    chain that the response itself lacks.
    """

    size: int
    root: Digest
    type: AnchorType
    evidence: str
    certificates: tuple[str, ...] = ()


Body = Genesis | ChangeBody | ConfigBody | RewriteBody | SupplementBody | SignersBody | AnchorBody


class Entry(NamedTuple):
    """One record of the log: the envelope, and a body by kind; `body` is None where the kind is unknown to this version."""

    version: int
    origin: str
    sequence: int
    kind: str
    recorded_at: str
    recorder: Recorder
    body: Body | None
