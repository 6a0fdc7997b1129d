"""Own supplements: what an entry could not tell for want of an identity, told later by somebody who has one.

The files are compared again as they were at the entry, and only what was missing is said: each file of each entry once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envgit.audit.entry import Change, ChangeBody, ConfigBody, Entry, FileChange, Review, RewriteBody, SupplementBody
from envgit.audit.records import FileRecord, KeyRecord, VariableRecord
from envgit.audit.state import key_records
from envgit.log.files import FileStep, describe, lacks
from envgit.log.record import Planned, Recorder
from envgit.model import ChangeKind, CommitId, EnvFile, EventKind, Snapshot, Unit


@dataclass
class _Known:
    """What an environment's file was when the walk had come to an entry: its key then, and its fingerprints under it."""

    key: KeyRecord | None = None
    variables: dict[str, VariableRecord] | None = None


def supplements(recorder: Recorder) -> Iterator[Planned]:
    """Return a supplement for every entry with files that this run can open and the recorder then could not."""
    log = recorder.log
    known: dict[Unit, _Known] = {}
    size = log.size
    told = {number: _told(recorder, number) for number in range(size)}
    for sequence in range(size):
        entry = log.entry(sequence)
        step = _step(entry)
        if step is None:
            continue
        files = []
        for file in getattr(entry.body, "files", ()):
            place = known.setdefault((file.environment, file.unit), _Known())
            if lacks(file) and (file.environment, file.unit) not in told[sequence]:
                made = _completed(recorder, file, step, place, merged=isinstance(entry.body, ChangeBody))
                if made is not None:
                    files.append(made)
            _advance(place, sequence, file, told[sequence].get((file.environment, file.unit)), files)
        review = _review(recorder, entry)
        if files or review is not None:
            yield Planned("supplement", SupplementBody(sequence, tuple(files), review))


def _review(recorder: Recorder, entry: Entry) -> Review | None:
    """Return what the forge says now of an entry's commit, where neither the entry nor a supplement has it."""
    body = entry.body
    if not isinstance(body, ChangeBody | ConfigBody) or (body.review is not None and not body.review.unavailable):
        return None
    if any(
        getattr(recorder.log.entry(number).body, "review", None) for number in recorder.log.supplements(entry.sequence)
    ):
        return None
    found = recorder.told.review(body.source.commit)
    if found is not None and found.unavailable:
        recorder.warnings.append(f"the review of {body.source.commit[:7]} is not known: {found.unavailable}")
        return None
    return found


_OPAQUE = ChangeKind.OPAQUE


def _told(recorder: Recorder, sequence: int) -> dict[Unit, FileChange]:
    found: dict[Unit, FileChange] = {}
    for number in recorder.log.supplements(sequence):
        body = recorder.log.entry(number).body
        if isinstance(body, SupplementBody):
            found.update({(file.environment, file.unit): file for file in body.files})
    return found


def _step(entry: Entry) -> tuple[CommitId, CommitId | None] | None:
    match entry.body:
        case ChangeBody(source=source):
            return source.commit, source.previous
        case ConfigBody(source=source):
            return source.commit, source.commit
        case RewriteBody(from_=old, to=new):
            return new, old
    return None


def _completed(
    recorder: Recorder, file: FileChange, step: tuple[CommitId, CommitId | None], place: _Known, *, merged: bool
) -> FileChange | None:
    commit, previous = step
    after = _opened(recorder, commit, file.path)
    moved = next((event.from_ for event in file.events if event.kind is EventKind.MOVED), file.path)
    before = _opened(recorder, previous, moved) if previous and file.before else None
    if after is None or after.digest != file.after:
        return None
    unit = (file.environment, file.unit)
    variables = place.variables or {}
    record = _record(file, place, moved) if file.before else None
    found = FileStep(EnvFile(*unit, file.path), record, variables.get, lambda: tuple(variables), before, after)
    # The entry could follow ciphertexts alone, which lead to whoever rotated last.
    side = recorder.side(previous, commit) if merged and (previous is None or recorder.repo.has(previous)) else None
    made = describe(found, recorder.keys, recorder.selection.config, recorder.giver(found, moved, side))
    if made is None:
        return None
    said = {change.variable: change for change in file.changes}
    # What the ciphertext could not tell and what turns out to be unchanged was encrypted again, and no more.
    told = {change.variable for change in made.changes} | {change.from_ for change in made.changes}
    same = (
        Change(name, ChangeKind.REENCRYPTED) for name, old in said.items() if old.kind is _OPAQUE and name not in told
    )
    changes = tuple(_linked(change, said, after, made, recorder) for change in (*made.changes, *same))
    events = tuple(event for event in made.events if event.kind in (EventKind.FINGERPRINT_KEY, EventKind.MAC_INVALID))
    return made._replace(events=events, changes=changes)


def _record(file: FileChange, place: _Known, path: str) -> FileRecord:
    """Return what the log knew of the file before: where that revision cannot be read, its fingerprints are compared instead."""
    recipients = place.key.recipients if place.key else ()
    return FileRecord(file.environment, file.unit, path, file.before, None, 0, recipients, place.key)


def _linked(change: Change, said: dict[str, Change], after: Snapshot, made: FileChange, recorder: Recorder) -> Change:
    """Give a change the links of the one that it completes; a re-encryption says its fingerprint, so that it can be put back."""
    old = said.get(change.variable)
    # What a keyless entry calls added may be a rename: then the line goes on under the old name.
    previous = change.previous if change.kind is ChangeKind.RENAMED or old is None else old.previous
    mark = change.after
    if change.kind is ChangeKind.REENCRYPTED and made.key is not None:
        value = next(value for value in after.values if value.name == change.variable)
        key = recorder.keys.known(made.key)
        mark = key.of_value(value) if key else None
    return change._replace(previous=previous, after=mark)


def _opened(recorder: Recorder, commit: CommitId | None, path: str) -> Snapshot | None:
    if commit is None or not recorder.repo.has(commit):
        return None
    found = recorder.snapshots.at(commit, path)
    return found if found is not None and found.reason is None else None


def _advance(place: _Known, sequence: int, file: FileChange, told: FileChange | None, made: list[FileChange]) -> None:
    """Move on to where the file stood after the entry, by what it and its supplement say."""
    mine = next((one for one in made if (one.environment, one.unit) == (file.environment, file.unit)), None)
    variables = place.variables = place.variables if place.variables is not None else {}
    for part in filter(None, (file, told, mine)):
        place.key = next(key_records(part, sequence), place.key)
        for change in part.changes:
            _advance_variable(variables, sequence, change)
        for event in part.events:
            for said in event.variables:
                if said.variable in variables:
                    variables[said.variable] = variables[said.variable]._replace(fingerprint=said.fingerprint)
    if file.after is None:
        place.key, place.variables = None, {}


def _advance_variable(variables: dict[str, VariableRecord], sequence: int, change: Change) -> None:
    if change.kind in (ChangeKind.REMOVED, ChangeKind.RENAMED):
        variables.pop(change.from_ or change.variable, None)
    if change.kind is ChangeKind.REENCRYPTED:
        if change.variable in variables and change.after is not None:
            variables[change.variable] = variables[change.variable]._replace(fingerprint=change.after)
    elif change.kind is not ChangeKind.REMOVED:
        variables[change.variable] = VariableRecord(change.variable, change.type, change.after, sequence, change.clear)
