"""Own the comparison of two revisions of one file: plaintext first, ciphertext where the plaintext is unknown.

Nothing here redacts, fingerprints or prints: the result still holds the values, so it must go through what does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envgit.audit.entry import Event
from envgit.model import ChangeKind, EventKind, Mac, Reason, Secret, Snapshot, Value, ValueType

# A shorter value is too likely to be the same by accident: two ports, two flags.
RENAME_BYTES = 8

_EMPTY = (ValueType.NULL, ValueType.MAP, ValueType.LIST)


@dataclass(frozen=True, slots=True)
class VariableChange:
    """What happened to one variable; `before` and `after` are its two sides, None where it was not there.

    `same_iv` says of an `opaque` change that the nonce was kept, as `sops rotate` keeps it for an unchanged value: a hint,
    which whoever holds the data key can forge.
    """

    kind: ChangeKind
    before: Value | None
    after: Value | None
    same_iv: bool = False

    @property
    def name(self) -> str:
        """The variable's name, the new one of a renamed."""
        return self._newer.name

    @property
    def type(self) -> ValueType:
        """The type, of the newer side."""
        return self._newer.type

    @property
    def _newer(self) -> Value:
        value = self.after or self.before
        if value is None:
            raise ValueError("a change has at least one side")
        return value


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What happened to a file as such, and to its variables in the order of the newer document."""

    events: tuple[Event, ...] = ()
    changes: tuple[VariableChange, ...] = ()


def compare(before: Snapshot | None, after: Snapshot | None, moved_from: str = "") -> FileDiff:
    """Compare two revisions of one file, None where there is none.

    Of a side that could not be read for another reason than a missing identity nothing is known: no variable and no access is said
    to have changed against it. Give the last readable revision in its place where there is one.
    """
    events = tuple(_events(before, after, moved_from))
    changes = _changes(before, after)
    both = before is not None and after is not None and readable(before) and before.digest != after.digest
    if not events and not changes and both:
        events = (Event(EventKind.TEXT_CHANGED),)
    return FileDiff(events, changes)


def readable(snapshot: Snapshot) -> bool:
    """Tell whether the file's structure is known, with or without its values."""
    return snapshot.reason in (None, Reason.NO_IDENTITY)


def _events(before: Snapshot | None, after: Snapshot | None, moved_from: str) -> Iterator[Event]:
    if before is None and after is not None:
        yield Event(EventKind.CREATED)
    if before is not None and after is None:
        yield Event(EventKind.DELETED)
    if moved_from:
        yield Event(EventKind.MOVED, from_=moved_from)
    if after is None:
        return
    if after.reason is not None:
        yield Event(EventKind.UNREADABLE, reason=after.reason)
    elif after.mac is Mac.INVALID:
        yield Event(EventKind.MAC_INVALID)
    if readable(after) and (before is None or readable(before)):
        yield from _access(before.recipients if before else (), after.recipients)
        if before is not None:
            yield from _form(before, after)


def _access(before: Iterable[str], after: Iterable[str]) -> Iterator[Event]:
    old, new = set(before), set(after)
    for recipient in sorted(new - old):
        yield Event(EventKind.ACCESS_GRANTED, recipient=recipient)
    for recipient in sorted(old - new):
        yield Event(EventKind.ACCESS_REVOKED, recipient=recipient)


def _form(before: Snapshot, after: Snapshot) -> Iterator[Event]:
    if _rotated(before, after):
        yield Event(EventKind.DATA_KEY_ROTATED)
    if before.rules != after.rules:
        yield Event(EventKind.RULES_CHANGED, before=before.rules.field, after=after.rules.field)


def _rotated(before: Snapshot, after: Snapshot) -> bool:
    """Tell a new data key: surely where both are known, else by what `sops rotate` leaves, same nonces and other ciphertexts."""
    if before.data_key is not None and after.data_key is not None:
        return before.data_key != after.data_key
    old = {value.name: value for value in before.values if value.token}
    both = [(old[value.name], value) for value in after.values if value.token and value.name in old]
    return bool(both) and all(a.iv == b.iv and a.token != b.token for a, b in both)


def _changes(before: Snapshot | None, after: Snapshot | None) -> tuple[VariableChange, ...]:
    if any(side is not None and not readable(side) for side in (before, after)):
        return ()
    old = {value.name: value for value in before.values} if before else {}
    new = {value.name: value for value in after.values} if after else {}
    renames = dict(_renames([v for n, v in old.items() if n not in new], [v for n, v in new.items() if n not in old]))
    sources = {value.name for value in renames.values()}
    found = []
    for name, value in new.items():
        if name in old:
            change = _pair(old[name], value)
        elif name in renames:
            change = VariableChange(ChangeKind.RENAMED, renames[name], value)
        else:
            change = VariableChange(ChangeKind.ADDED, None, value)
        if change is not None:
            found.append(change)
    gone = (value for name, value in old.items() if name not in new and name not in sources)
    return (*found, *(VariableChange(ChangeKind.REMOVED, value, None) for value in gone))


def _pair(old: Value, new: Value) -> VariableChange | None:
    if old is new:
        return None
    if old.secret is None or new.secret is None:
        if old.token == new.token:
            return None
        return VariableChange(ChangeKind.OPAQUE, old, new, same_iv=bool(old.iv) and old.iv == new.iv)
    kind = _known(old, new)
    return None if kind is None else VariableChange(kind, old, new)


def _known(old: Value, new: Value) -> ChangeKind | None:
    if old.secret != new.secret or (old.type != new.type and (old.type in _EMPTY or new.type in _EMPTY)):
        return ChangeKind.CHANGED
    if old.clear != new.clear and old.secret:
        return ChangeKind.DISCLOSED if new.clear else ChangeKind.CONCEALED
    if old.type != new.type:
        return ChangeKind.RETYPED
    return ChangeKind.REENCRYPTED if old.token != new.token else None


def _renames(gone: list[Value], come: list[Value]) -> Iterator[tuple[str, Value]]:
    """Pair removed with added variables of one value and type, where exactly one such pair exists."""
    old, new = Counter(map(_worth, gone)), Counter(map(_worth, come))
    origin = {_worth(value): value for value in gone}
    for value in come:
        worth = _worth(value)
        if worth is not None and old[worth] == 1 and new[worth] == 1:
            yield value.name, origin[worth]


def _worth(value: Value) -> tuple[ValueType, Secret] | None:
    if value.secret is None or len(value.secret) < RENAME_BYTES:
        return None
    return value.type, value.secret
