"""Own what an entry does to the branch's tree: a pure function of the entry and of what stood before.

`record` and `verify` both call `apply`, so that the tree cannot say one thing to the one and another to the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from envgit.audit.canonical import FormatError, decode, encode
from envgit.audit.codec import decode_entry, read_record, record_bytes
from envgit.audit.entry import (
    AnchorBody,
    Change,
    ChangeBody,
    ConfigBody,
    Entry,
    Event,
    FileChange,
    Genesis,
    RewriteBody,
    SignersBody,
    SupplementBody,
)
from envgit.audit.merkle import Frontier, leaf_hash
from envgit.audit.names import ENTRIES, ENVIRONMENTS, SUPPLEMENTS, directory, escape, numbered
from envgit.audit.records import Anchored, FileRecord, KeyRecord, LogRecord, LogState, VariableRecord
from envgit.audit.tree import Path, Tree
from envgit.model import ChangeKind, EventKind

LOG = ("log.json",)
README = ("README.md",)

_ACCESS = (EventKind.ACCESS_GRANTED, EventKind.ACCESS_REVOKED)


_Record = TypeVar("_Record", FileRecord, VariableRecord)


# Records by their bytes: most are read again soon after they were written.
_memory: dict[bytes, FileRecord | VariableRecord] = {}
_REMEMBERED = 8_000


def apply(entry: Entry, data: bytes, tree: Tree, state: LogState | None, readme: bytes = b"") -> LogState:
    """Put an entry's bytes and all that follows from them into the tree, and return where the log then stands.

    `state` is None for genesis, which brings the `readme`. Raise FormatError where the entry cannot follow on what is
    there; the tree then is of no more use.
    """
    if entry.body is None:
        raise FormatError("an entry of a kind that this version does not know")
    if entry.sequence != (state.size if state else 0):
        raise FormatError("an entry with another number than its place")
    if b"%" in data:
        entry = decode_entry(data)  # paths that are not UTF-8 as the entry has them, for all that is derived
    if isinstance(entry.body, Genesis):
        if state is not None:
            raise FormatError("a second genesis")
        record = _begun(entry, entry.body)
        tree.put(README, readme)
        frontier = Frontier()
    elif state is None:
        raise FormatError("the first entry is no genesis")
    else:
        record = _continued(state.record, entry)
        frontier = state.frontier
        _apply_files(entry, tree)
    tree.put(numbered(ENTRIES, entry.sequence), data)
    frontier = frontier.append(leaf_hash(data))
    record = record._replace(size=frontier.size, frontier=tuple(part.hex() for part in frontier.hashes))
    tree.put(LOG, record_bytes(record))
    return LogState(record, frontier)


def read_state(tree: Tree) -> LogState:
    """Return where a log stands, as its tree says; raise FormatError where it is no log's tree."""
    data = tree.get(LOG)
    if data is None:
        raise FormatError("no log.json")
    record = read_record(LogRecord, data)
    try:
        frontier = Frontier(record.size, tuple(bytes.fromhex(part) for part in record.frontier))
    except ValueError:
        raise FormatError("a frontier that is no hex") from None
    if not frontier.sound():
        raise FormatError("a frontier that does not fit the size")
    return LogState(record, frontier)


def read_file(tree: Tree, environment: str, unit: str) -> FileRecord | None:
    """Return what stands of an environment's file."""
    data = tree.get((*directory(environment, unit), "file.json"))
    return None if data is None else _read(FileRecord, data)


def read_files(tree: Tree) -> Iterator[FileRecord]:
    """Return what stands of every file that was ever recorded, in the order of their names on the branch."""
    for name in tree.names((ENVIRONMENTS,)):
        data = tree.get((ENVIRONMENTS, name, "file.json"))
        if data is not None:
            yield read_record(FileRecord, data)


def read_variable(tree: Tree, environment: str, unit: str, variable: str) -> VariableRecord | None:
    """Return what stands of a variable."""
    data = tree.get(_variable(environment, unit, variable))
    return None if data is None else _read(VariableRecord, data)


def read_variables(tree: Tree, environment: str, unit: str) -> Iterator[VariableRecord]:
    """Return what stands of every variable that a file ever had, removed ones too."""
    folder = (*directory(environment, unit), "variables")
    for name in tree.names(folder):
        data = tree.get((*folder, name))
        if data is not None:
            yield read_record(VariableRecord, data)


def read_supplements(tree: Tree, sequence: int) -> tuple[int, ...]:
    """Return the sequences of the entries that supplement an entry, oldest first."""
    data = tree.get(numbered(SUPPLEMENTS, sequence))
    found = decode(data) if data is not None else []
    if not isinstance(found, list) or not all(isinstance(number, int) for number in found):
        raise FormatError("supplements that are no list of sequences")
    return tuple(found)


def key_records(file: FileChange, sequence: int) -> Iterator[KeyRecord]:
    """Return the fingerprint keys that a file's events bring; each counts from entry `sequence`."""
    for event in file.events:
        if event.kind is EventKind.FINGERPRINT_KEY and event.id is not None:
            yield KeyRecord(event.id, event.recipients, event.wrapped, sequence, event.threshold)


def _begun(entry: Entry, body: Genesis) -> LogRecord:
    return LogRecord(
        origin=entry.origin,
        size=0,
        frontier=(),
        began_at=entry.recorded_at,
        start=body.source.start,
        source_commit=None,
        config=body.config,
        signers=body.signers,
    )


def _continued(record: LogRecord, entry: Entry) -> LogRecord:
    match entry.body:
        case ChangeBody(source=source):
            return record._replace(source_commit=source.commit)
        case RewriteBody(to=commit):
            return record._replace(source_commit=commit)
        case ConfigBody(source=source, config=config, in_force=in_force):
            record = record._replace(source_commit=source.commit)
            if config is None:
                return record
            if not in_force:
                return record._replace(config_pending=entry.sequence)
            return record._replace(config=config, config_pending=None)
        case SignersBody(signers=signers):
            return record._replace(signers=signers, keysets=(*record.keysets, entry.sequence))
        case AnchorBody(type=kind):
            others = (known for known in record.anchors if known.type is not kind)
            return record._replace(anchors=tuple(sorted((*others, Anchored(kind, entry.sequence)))))
    return record


def _apply_files(entry: Entry, tree: Tree) -> None:
    body = entry.body
    if isinstance(body, SupplementBody):
        place = numbered(SUPPLEMENTS, body.of)
        known = decode(tree.get(place) or b"[]")
        tree.put(place, encode([*(known if isinstance(known, list) else ()), entry.sequence]))
        for file in body.files:
            _supplement_file(body.of, file, tree)
    elif isinstance(body, ChangeBody | ConfigBody | RewriteBody):
        for file in body.files:
            _apply_file(entry.sequence, file, tree)


def _apply_file(sequence: int, file: FileChange, tree: Tree) -> None:
    record = read_file(tree, file.environment, file.unit)
    events = {event.kind: event for event in file.events}
    key = next(key_records(file, sequence), record.key if record else None)
    unreadable = events.get(EventKind.UNREADABLE)
    gone = file.after is None
    put_file(
        tree,
        FileRecord(
            environment=file.environment,
            unit=file.unit,
            path=None if gone else file.path,
            digest=file.after,
            state=file.state,
            entry=sequence,
            recipients=() if gone else _recipients(record, file.events),
            key=None if gone else key,
            access=(record.access if record else 0) + _changed_access(events),
            reason=unreadable.reason if unreadable else None,
            released=EventKind.RELEASED in events,
        ),
    )
    _once(file)
    for change in file.changes:
        _apply_change(sequence, file, change, tree)
    if record is not None and EventKind.FINGERPRINT_KEY in events:
        _restate(sequence, file, tree)


def _once(file: FileChange) -> None:
    if len({change.variable for change in file.changes}) != len(file.changes):
        raise FormatError("a variable that changes twice in one entry")


def _recipients(record: FileRecord | None, events: tuple[Event, ...]) -> tuple[str, ...]:
    found = set(record.recipients) if record else set()
    found |= {event.recipient for event in events if event.kind is EventKind.ACCESS_GRANTED}
    found -= {event.recipient for event in events if event.kind is EventKind.ACCESS_REVOKED}
    return tuple(sorted(found))


def _changed_access(events: dict[EventKind, Event]) -> int:
    """Count an entry as one change of access, however many it named; who a new file is for is no change."""
    return int(EventKind.CREATED not in events and any(kind in events for kind in _ACCESS))


def _apply_change(sequence: int, file: FileChange, change: Change, tree: Tree) -> None:
    place = (file.environment, file.unit)
    known = read_variable(tree, *place, change.variable)
    if change.kind is ChangeKind.REENCRYPTED:
        if known is None or known.removed:
            raise FormatError("a re-encrypted variable that was not there")
        _put(tree, place, known._replace(reencrypted=known.reencrypted + 1))
        return
    removed = change.kind is ChangeKind.REMOVED
    _put(
        tree,
        place,
        VariableRecord(
            variable=change.variable,
            type=change.type,
            fingerprint=None if removed else change.after,
            entry=sequence,
            clear=change.clear and not removed,
            reencrypted=known.reencrypted if known else 0,
            removed=removed,
        ),
    )
    if change.kind is ChangeKind.RENAMED:
        old = read_variable(tree, *place, change.from_)
        _put(
            tree,
            place,
            VariableRecord(change.from_, change.type, None, sequence, False, old.reencrypted if old else 0, True),
        )


def _restate(sequence: int, file: FileChange, tree: Tree) -> None:
    """Put every fingerprint under the new key; one that is not restated is unknown from now on."""
    said = {restated.variable: restated for event in file.events for restated in event.variables}
    for known in tuple(read_variables(tree, file.environment, file.unit)):
        again = said.get(known.variable)
        if known.removed or (again is None and (known.entry == sequence or known.fingerprint is None)):
            continue
        mark = again.fingerprint if again else None
        record = known._replace(fingerprint=mark, type=again.type if again else known.type)
        _put(tree, (file.environment, file.unit), record)


def _supplement_file(of: int, file: FileChange, tree: Tree) -> None:
    """Fill in what an earlier entry could not tell, where nothing newer has been said since."""
    _once(file)
    record = read_file(tree, file.environment, file.unit)
    if record is None or record.path is None:
        return
    key = next(key_records(file, of), None)
    if key is not None and (record.key is None or record.key.entry <= of):
        record = record._replace(key=key)
    if record.entry == of:
        unread = any(event.kind is EventKind.UNREADABLE for event in file.events)
        record = record._replace(state=file.state, reason=record.reason if unread else None)
    put_file(tree, record)
    if record.key is None or record.key.id != file.key:
        return  # fingerprints under another key than the file's are for the entry alone
    place = (file.environment, file.unit)
    for change in file.changes:
        known = read_variable(tree, *place, change.variable)
        if known is not None and known.entry == of and not known.removed:
            _put(tree, place, _completed(known, change))
    for event in file.events:
        for said in event.variables:
            known = read_variable(tree, *place, said.variable)
            if known is not None and known.entry <= of and known.fingerprint is None and not known.removed:
                _put(tree, place, known._replace(fingerprint=said.fingerprint))


def _completed(known: VariableRecord, change: Change) -> VariableRecord:
    if change.kind is ChangeKind.REENCRYPTED:
        # It was no change at all: blame goes back to the one before, whose fingerprint the supplement restates.
        entry = known.entry if change.previous is None else change.previous
        return known._replace(entry=entry, fingerprint=change.after, reencrypted=known.reencrypted + 1)
    return known._replace(fingerprint=change.after, type=change.type, clear=change.clear)


def put_file(tree: Tree, record: FileRecord) -> None:
    """Put an environment's file record where it belongs."""
    tree.put((*directory(record.environment, record.unit), "file.json"), _written(record))


def _put(tree: Tree, place: tuple[str, str], record: VariableRecord) -> None:
    tree.put(_variable(*place, record.variable), _written(record))


def _variable(environment: str, unit: str, variable: str) -> Path:
    return (*directory(environment, unit), "variables", f"{escape(variable)}.json")


def _read(cls: type[_Record], data: bytes) -> _Record:
    known = _memory.get(data)
    if not isinstance(known, cls):
        known = read_record(cls, data)
        _remember(data, known)
    return known


def _written(record: FileRecord | VariableRecord) -> bytes:
    data = record_bytes(record)
    _remember(data, record)
    return data


def _remember(data: bytes, record: FileRecord | VariableRecord) -> None:
    if len(_memory) >= _REMEMBERED:
        _memory.clear()
    _memory[data] = record
