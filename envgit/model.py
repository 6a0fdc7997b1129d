"""Own the words of the domain as small frozen values, known to every layer and knowing none.

Nothing here reads, writes or decides. Times are RFC 3339 strings, commit ids 40 lower-case hex digits, paths as git has
them, with bytes that are not UTF-8 as surrogate escapes.
"""

from enum import StrEnum
from typing import NamedTuple, NewType, NoReturn

CommitId = NewType("CommitId", str)
ObjectId = NewType("ObjectId", str)
Digest = NewType("Digest", str)  # "sha256:" and 64 hex digits
Fingerprint = NewType("Fingerprint", str)  # 32 hex digits
Unit = tuple[str, str]  # (environment, unit)
KeyId = NewType("KeyId", str)  # names a fingerprint key: 32 hex digits


class Secret:
    """Hold bytes that nobody may see by accident: no text form, no pickle; `reveal` is the one way out."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        """Return the bytes; each call is a place to look at in a review."""
        return self._data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be serialised")


class ValueType(StrEnum):
    """The type of a variable: sops's `type:` tags, and the three kinds of value that sops leaves in clear."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    TIME = "time"
    BYTES = "bytes"
    NULL = "null"
    MAP = "map"  # an empty one: any other has variables inside
    LIST = "list"  # likewise


class Mac(StrEnum):
    """What is known of a file's message authentication code."""

    GOOD = "good"
    INVALID = "invalid"
    UNCHECKED = "unchecked"  # no data key, so nobody looked


class Reason(StrEnum):
    """Why a file could not be read."""

    NO_IDENTITY = "no-identity"
    PLAINTEXT = "plaintext"
    NOT_SOPS = "not-sops"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"


class Value(NamedTuple):
    """One variable as one revision of a file holds it.

    `secret` is the plaintext in sops's own encoding of it (sops-format, "Plaintext per type"), None where it was not opened.
    `token` is the ciphertext as written (`ENC[…]`), empty where the file holds the value in clear; `iv` is its nonce.
    `by_rule` says that the file's rule wants this variable in clear. `line` counts from 1.
    """

    name: str
    type: ValueType
    secret: Secret | None
    token: str
    iv: bytes
    by_rule: bool
    line: int

    @property
    def clear(self) -> bool:
        """Whether the file itself holds the value in clear."""
        return not self.token


class Rules(NamedTuple):
    """Which of a file's values are encrypted: the one rule field of its metadata and its argument.

    `field` is one of sops's six, `unencrypted_suffix` with `_unencrypted` where the file names none.
    """

    field: str = "unencrypted_suffix"
    pattern: str = "_unencrypted"
    mac_only_encrypted: bool = False


class Snapshot(NamedTuple):
    """What one file holds at one revision.

    `values` are in document order, each name once. `recipients` are sorted, without repetition, and claims of the file; `groups`
    are the same by key group, for files whose data key is split (then `threshold` groups are needed). Where `reason` is set the
    file could not be read: `values` still hold what the ciphertext tells for `no-identity`, and are empty for all others; `detail`
    says it to a person, in one sentence without content. Where `mac` is invalid, `detail` says what is wrong.
    """

    digest: Digest
    values: tuple[Value, ...] = ()
    recipients: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    threshold: int = 1
    rules: Rules = Rules()
    mac: Mac = Mac.UNCHECKED
    reason: Reason | None = None
    detail: str = ""
    data_key: Secret | None = None


class ChangeKind(StrEnum):
    """What happened to one variable between two revisions."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    RETYPED = "retyped"
    DISCLOSED = "disclosed"
    CONCEALED = "concealed"
    REENCRYPTED = "reencrypted"
    OPAQUE = "opaque"


class EventKind(StrEnum):
    """What happened to a file as such."""

    CREATED = "created"
    DELETED = "deleted"
    MOVED = "moved"
    ACCESS_GRANTED = "access-granted"
    ACCESS_REVOKED = "access-revoked"
    DATA_KEY_ROTATED = "data-key-rotated"
    RULES_CHANGED = "rules-changed"
    TEXT_CHANGED = "text-changed"
    MAC_INVALID = "mac-invalid"
    UNREADABLE = "unreadable"
    RELEASED = "released"
    FINGERPRINT_KEY = "fingerprint-key"


CONFIG_PATHS = (".envgit.yaml", ".github/envgit.yaml")


class EnvironmentPattern(NamedTuple):
    """One pattern of paths; `name` is the environment where the configuration maps names to patterns, else empty."""

    pattern: str
    name: str = ""


class Config(NamedTuple):
    """`.envgit.yaml` with every default filled in; no patterns mean every file that holds a `sops` block."""

    version: int = 1
    environments: tuple[EnvironmentPattern, ...] = ()
    branch: str = "main"
    audit_branch: str = "envgit-audit"
    reveal: tuple[str, ...] = ()


class EnvFile(NamedTuple):
    """Which environment and unit a path is; `unit` is empty where the pattern names none."""

    environment: str
    unit: str
    path: str


class Person(NamedTuple):
    """An author as a commit names one, cleaned; `time` is RFC 3339 with the offset that git had."""

    name: str
    email: str
    time: str


class Commit(NamedTuple):
    """A commit, read from its raw bytes: grafts and replacements have no say in `parents`.

    `subject` is the first line of the message, decoded but neither cleaned nor escaped: never store it.
    """

    id: CommitId
    tree: ObjectId
    parents: tuple[CommitId, ...]
    author: Person
    committer: Person
    subject: str
