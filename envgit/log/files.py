"""Own how one file's step becomes the part of an entry that speaks of it: fingerprints, keys, states, links to what came before.

Plaintext goes in by way of snapshots; what comes out holds none, but for sides that the file itself holds in clear under a revealed
name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envgit.audit.entry import Change, Event, FileChange, Restated, Shown
from envgit.audit.records import FileRecord, KeyRecord, VariableRecord
from envgit.diff import FileDiff, VariableChange, compare, readable
from envgit.fingerprint import KEY_BYTES, FingerprintKey
from envgit.model import (
    ChangeKind,
    CommitId,
    Config,
    Digest,
    EnvFile,
    EventKind,
    Reason,
    Rules,
    Secret,
    Snapshot,
    Value,
    ValueType,
)
from envgit.redact import Redacted, in_clear
from envgit.sops.identities import Keyring, usable, wrap
from envgit.sops.shamir import combine, split

VariableLookup = Callable[[str], VariableRecord | None]
Giver = Callable[[VariableChange], CommitId | None]


@dataclass(frozen=True, slots=True)
class FileStep:
    """One file before and after a step of the source branch.

    `file` names it as it is now (or was, where it is gone). `record`, `variables` and `names` are what the log knows of it; `before` is what
    git has at the commit that was recorded last, None where git has nothing or the log has recorded nothing.
    """

    file: EnvFile
    record: FileRecord | None
    variables: VariableLookup
    names: Callable[[], tuple[str, ...]]
    before: Snapshot | None
    after: Snapshot | None

    @property
    def present(self) -> bool:
        """Whether the log has the file as existing."""
        return self.record is not None and self.record.path is not None


class Keys:
    """The fingerprint keys that the identities at hand open, each unwrapped once."""

    __slots__ = ("_keyring", "_known")

    def __init__(self, keyring: Keyring | None) -> None:
        self._keyring = keyring
        self._known: dict[str, FingerprintKey | None] = {}

    def open(self, record: KeyRecord | None) -> FingerprintKey | None:
        """Return the key that a record wraps, None where no identity opens it or its id is not the key's."""
        if record is None or self._keyring is None:
            return None
        if record.id not in self._known:
            self._known[record.id] = self._unwrap(record, self._keyring)
        return self._known[record.id]

    def known(self, key: str) -> FingerprintKey | None:
        """Return a key that was opened or made before."""
        return self._known.get(key)

    def make(self, snapshot: Snapshot) -> tuple[FingerprintKey, Event]:
        """Make a key for a file, and the event that hands it to exactly those whom the file names as recipients."""
        key = FingerprintKey.of(os.urandom(KEY_BYTES))
        groups = snapshot.groups or (snapshot.recipients,)
        shares = (
            [key.secret.reveal()] if len(groups) == 1 else split(key.secret.reveal(), len(groups), snapshot.threshold)
        )
        wrapped = tuple(_wrapped(share, group) for share, group in zip(shares, groups, strict=True))
        self._known[key.id] = key
        return key, Event(
            EventKind.FINGERPRINT_KEY,
            id=key.id,
            recipients=snapshot.recipients,
            wrapped=tuple(filter(None, wrapped)),
            threshold=snapshot.threshold if len(groups) > 1 else 1,
        )

    def _unwrap(self, record: KeyRecord, keyring: Keyring) -> FingerprintKey | None:
        parts = [part for part in map(keyring.unwrap, record.wrapped) if part is not None]
        if len(parts) < record.threshold:
            return None
        secret = parts[0] if record.threshold == 1 else combine(parts[: record.threshold])
        if secret is None or len(secret) != KEY_BYTES:
            return None
        key = FingerprintKey.of(secret)
        return key if key.id == record.id else None


def _wrapped(share: bytes, group: tuple[str, ...]) -> str:
    able = [recipient for recipient in group if usable(recipient)]
    return wrap(share, able) if able else ""


def describe(step: FileStep, keys: Keys, config: Config, giver: Giver) -> FileChange | None:
    """Return what happened to a file, None where nothing did."""
    record = step.record
    old_key = keys.open(record.key) if record and step.present else None
    before = known_before(step, old_key)
    moved = record.path or "" if record and step.present and step.after and record.path != step.file.path else ""
    if (
        before
        and step.after
        and before.digest == step.after.digest
        and not moved
        and _seen(record) == readable(step.after)
    ):
        return None
    diff = compare(before, step.after, moved)
    key, events = _keyed(step, diff, keys, old_key)
    opened = step.after is not None and step.after.reason is None
    return FileChange(
        environment=step.file.environment,
        unit=step.file.unit,
        path=step.file.path,
        before=record.digest if record and step.present else None,
        after=step.after.digest if step.after else None,
        state=key.state(step.after.values) if key and opened and step.after else None,
        key=key.id if key else (record.key.id if record and record.key and step.after else None),
        state_before=_state_before(before, key, old_key),
        events=events,
        changes=tuple(_change(change, step, key, config, giver) for change in diff.changes),
    )


def _seen(record: FileRecord | None) -> bool:
    """Tell whether the log knows of what variables a file has; the same bytes are none of a file in a symbolic link."""
    return record is not None and record.reason in (None, Reason.NO_IDENTITY)


def lacks(file: FileChange) -> bool:
    """Tell whether a file's part says that no identity opened it."""
    return any(event.kind is EventKind.UNREADABLE and event.reason is Reason.NO_IDENTITY for event in file.events)


def known_before(step: FileStep, key: FingerprintKey | None) -> Snapshot | None:
    """Return the older side as well as it is known: what git has, else what the log's fingerprints tell.

    A revision that could not be read leaves a gap; the comparison then is with the last state that the log knows.
    """
    if step.record is None or not step.present:
        return None
    if step.before and step.before.digest == step.record.digest and readable(step.before):
        return step.before
    return recall(step, step.record, key)


def recall(step: FileStep, record: FileRecord, key: FingerprintKey | None) -> Snapshot:
    """Rebuild the recorded side from fingerprints: a variable whose fingerprint still fits has the newer side's value.

    One that does not fit gets a random value, so that it differs from everything; without the key nothing is known.
    """
    new = {value.name: value for value in step.after.values} if step.after else {}
    names = step.names()
    loose = [value for name, value in new.items() if name not in names]
    recorded = [known for name in names if (known := step.variables(name)) is not None]
    return Snapshot(
        digest=record.digest or Digest(""),
        values=tuple(
            _recalled(known, [new[known.variable]] if known.variable in new else loose, key) for known in recorded
        ),
        recipients=record.recipients,
        rules=step.after.rules if step.after else Rules(),
    )


def _recalled(record: VariableRecord, candidates: list[Value], key: FingerprintKey | None) -> Value:
    kind = record.type or ValueType.STR
    secret = Secret(os.urandom(KEY_BYTES)) if key and record.fingerprint else None
    token = "" if record.clear else "?"
    for value in candidates if key else ():
        if (
            value.secret is not None
            and key
            and key.fingerprint(record.variable, kind, value.secret) == record.fingerprint
        ):
            # Whether the ciphertext is the same is not known any more; the kinder of two guesses reports nothing.
            secret, token = value.secret, token and (value.token or token)
            break
    return Value(record.variable, kind, secret, token, b"", by_rule=False, line=0)


def _keyed(
    step: FileStep, diff: FileDiff, keys: Keys, old: FingerprintKey | None
) -> tuple[FingerprintKey | None, tuple[Event, ...]]:
    """Return the key in force after the step, and the events, with the one that brings a new key where one is due."""
    after = step.after
    if after is None or after.reason is not None:
        return (old if after is not None and after.reason is Reason.NO_IDENTITY else None), diff.events
    recorded = step.record.key if step.record and step.present else None
    if old is not None and recorded is not None and recorded.recipients == after.recipients:
        return old, diff.events
    key, event = keys.make(after)
    if step.present:
        event = event._replace(variables=tuple(_restated(key, after)))
    return key, (*diff.events, event)


def _restated(key: FingerprintKey, snapshot: Snapshot) -> Iterator[Restated]:
    for value in snapshot.values:
        if (mark := key.of_value(value)) is not None:
            yield Restated(value.name, value.type, mark)


def _state_before(before: Snapshot | None, key: FingerprintKey | None, old: FingerprintKey | None) -> Digest | None:
    if key is None or key is old or before is None or before.data_key is None:
        return None
    return key.state(before.values)


def _change(change: VariableChange, step: FileStep, key: FingerprintKey | None, config: Config, giver: Giver) -> Change:
    if change.kind is ChangeKind.REENCRYPTED:
        return Change(change.name, change.kind)
    renamed = change.kind is ChangeKind.RENAMED and change.before is not None
    origin = change.before.name if renamed and change.before else change.name
    recorded = step.variables(origin)
    new, old = change.after, change.before
    shown = in_clear(change, config)
    return Change(
        variable=change.name,
        kind=change.kind,
        type=change.type,
        type_before=old.type if old and new and old.type != new.type else None,
        from_=origin if renamed else "",
        before=recorded.fingerprint if recorded and old else None,
        after=key.of_value(new) if key and new else None,
        clear=bool(new and new.clear and new.secret),
        shown=Shown(shown.before, shown.after) if shown != Redacted() else None,
        previous=recorded.entry if recorded else None,
        by=giver(change),
    )
