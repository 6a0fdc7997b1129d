"""Own the values that a review is made of: what changed, what follows from it, and how much of it is known. No value is among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from envgit.audit.entry import Event
from envgit.model import ChangeKind, CommitId, Digest, EnvFile, Fingerprint, Reason, ValueType
from envgit.redact import NOTHING_SHOWN, Redacted
from envgit.words import label


class Gravity(StrEnum):
    """How much something matters: an error turns the job red, a warning asks to be read."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """What there is to say of a change, a file or a pull request; docs/action.md has a row for each."""

    BACK_AGAIN = "back-again"  # a value that was replaced before is back
    SAME_AS_NOW = "same-as-now"  # new ciphertext, and the log knows the value to be the one that stands
    CHANGED_ON_BASE = "changed-on-base"  # the base branch changed the same variable since
    DISCLOSED = "disclosed"
    STOOD_SINCE = "stood-since"  # keyless: what the log knows of the value that may be replaced
    AS_RECORDED = "as-recorded"  # the file is, byte for byte, one that the log knows
    KEPT_NONCE = "kept-nonce"  # keyless: ciphertexts changed as `sops rotate` changes them
    NOT_SHOWN = "not-shown"  # a revealed name holds what a name that is not revealed holds too
    MAC_INVALID = "mac-invalid"
    UNREADABLE = "unreadable"
    WAS_UNREADABLE = "was-unreadable"  # the older file: compared with nothing, `names` are who can open the newer one
    PLAINTEXT = "plaintext"  # committed in clear: its values are out
    NOT_ROTATED = "not-rotated"  # a recipient was removed and the data key stayed
    BRINGS_ENVGIT = "brings-envgit"
    EDITS_CONFIG = "edits-config"
    EDITS_RULES = "edits-sops-yaml"
    EDITS_WORKFLOW = "edits-workflow"
    WRONG_CONFIG = "wrong-config"
    NO_LOG = "no-log"


class Note(NamedTuple):
    """One thing to say. `entry` and `since` tell where in the log it is known from, `number` of how many it is true.

    `names` are names of the user's; of a configuration `coming` and `going` are environments, `reveals` the names that it would show.
    """

    code: Code
    gravity: Gravity
    names: tuple[str, ...] = ()
    entry: int | None = None
    since: str = ""
    commit: CommitId | None = None
    detail: str = ""
    number: int = 0
    coming: tuple[str, ...] = ()
    going: tuple[str, ...] = ()
    reveals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One variable that changed. `lived` is how long the replaced value stood, `at_least` that it may have been longer.

    `line` is where the variable stands in the newer file, 0 where it is gone.
    """

    variable: str
    kind: ChangeKind
    type: ValueType
    type_before: ValueType | None
    from_: str
    clear: bool
    line: int
    shown: Redacted = NOTHING_SHOWN
    lived: timedelta | None = None
    at_least: bool = False
    notes: tuple[Note, ...] = ()
    before: Fingerprint | None = None
    after: Fingerprint | None = None

    @property
    def gravity(self) -> Gravity:
        """The gravest of what there is to say."""
        return gravest(self.notes)


class Live(NamedTuple):
    """A value that a removed recipient could open and that stays; `since` is when it was set, empty where not known."""

    variable: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class FileReview:
    """What happens to one file of an environment.

    `variables` is how many the newer file has. `live` are the values that removed recipients could open and that stay as they are, as
    far as is known. `keyless` says why values were not compared, `reason` why the newer file cannot be read.
    """

    file: EnvFile
    rows: tuple[Row, ...]
    reencrypted: tuple[str, ...]
    events: tuple[Event, ...]
    notes: tuple[Note, ...]
    granted: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    rotated: bool = False
    variables: int = 0
    live: tuple[Live, ...] = ()
    keyless: str = ""
    reason: Reason | None = None
    state: Digest | None = None

    @property
    def label(self) -> str:
        """What the file is called."""
        return label((self.file.environment, self.file.unit))

    @property
    def unread(self) -> bool:
        """Whether the newer file cannot be read, for another reason than a missing identity."""
        return self.reason not in (None, Reason.NO_IDENTITY)

    @property
    def uncompared(self) -> bool:
        """Whether one of the two files cannot be read, so that no change of a variable or of access is known."""
        return self.unread or any(note.code is Code.WAS_UNREADABLE for note in self.notes)

    @property
    def unknown(self) -> bool:
        """Whether values may have changed and nobody here knows: the same ciphertext is the same value."""
        return bool(self.keyless) and any(row.kind is ChangeKind.OPAQUE for row in self.rows)


class LogSeen(NamedTuple):
    """The log as it stood when the review was made: its size and root are a checkpoint that the comment bears witness to."""

    entries: int
    root: str


@dataclass(frozen=True, slots=True)
class Review:
    """What a pull request, or a group of the merge queue, does to all environments.

    `base` is the merge base, `tip` the base branch as it stands. `others` are the environments that nothing happens to.
    """

    base: CommitId
    head: CommitId
    tip: CommitId
    base_ref: str
    files: tuple[FileReview, ...]
    notes: tuple[Note, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    log: LogSeen | None = None
    revealed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether any environment changes."""
        return bool(self.files)

    @property
    def every_note(self) -> tuple[Note, ...]:
        """All that there is to say: of the proposal, of files, of variables."""
        rows = (note for file in self.files for row in file.rows for note in row.notes)
        return (*self.notes, *(note for file in self.files for note in file.notes), *rows)

    @property
    def gravity(self) -> Gravity:
        """The gravest of all that there is to say."""
        return gravest(self.every_note)

    def name(self, recipient: str) -> str:
        """Return what the base's `.sops.yaml` calls a recipient, empty where it has no name."""
        return dict(self.names).get(recipient, "")


def gravest(notes: tuple[Note, ...]) -> Gravity:
    """Return the gravest gravity of notes."""
    found = {note.gravity for note in notes}
    return next((gravity for gravity in Gravity if gravity in found), Gravity.NOTE)
