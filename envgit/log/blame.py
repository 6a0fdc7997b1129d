"""Own the answer to "who changed this variable, and when": the last change, or the whole line of them, from a log.

A variable's record names the entry that changed it last, and each change the one before: the cost is that of the answer, whatever the
length of the log. Signatures are verify's business.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from envgit.audit.entry import Change, ChangeBody, ConfigBody, Entry, FileChange, Review, RewriteBody, SupplementBody
from envgit.errors import LogError
from envgit.log.branch import Log
from envgit.model import ChangeKind, CommitId, EventKind, Person, Unit


class Blamed(NamedTuple):
    """One change of one variable, as the log has it.

    `commit` gave the value and `author` made it; `landed` is the commit of the source branch with which it came, at `landed_at`.
    `author` is None for a force-push, which nobody is blamed for. `boundary`: the file begins here, so that what was before is not
    known. `completed_by` is the sequence of the supplement that told what the entry itself could not.
    """

    environment: str
    unit: str
    change: Change
    sequence: int
    commit: CommitId
    landed: CommitId
    landed_at: str
    author: Person | None
    recorded_at: str
    boundary: bool
    review: Review | None = None
    completed_by: int | None = None


def selected(units: Iterable[Unit], pattern: str) -> list[Unit]:
    """Return the environments that a GLOB selects, by name or by "name/unit"; an empty one selects all."""
    return [
        unit
        for unit in units
        if not pattern
        or fnmatch.fnmatchcase(unit[0], pattern)
        or (unit[1] and fnmatch.fnmatchcase(f"{unit[0]}/{unit[1]}", pattern))
    ]


def last(log: Log, unit: Unit, variable: str) -> Blamed | None:
    """Return the last change of a variable, None where the environment never had it."""
    return next(line(log, unit, variable), None)


def line(log: Log, unit: Unit, variable: str) -> Iterator[Blamed]:
    """Return every change of a variable, newest first, through renames; re-encryptions are none."""
    record = log.variable(unit, variable)
    sequence = record.entry if record else None
    while sequence is not None:
        found = _at(log, unit, variable, sequence)
        if found is None:
            return
        if found.change.kind is not ChangeKind.REENCRYPTED:
            yield found
        if found.change.kind is ChangeKind.RENAMED and found.change.variable == variable:
            variable = found.change.from_
        if found.change.previous is not None and found.change.previous >= sequence:
            raise LogError(f"entry {sequence} names a last change that is not before it; envgit verify says more")
        sequence = found.change.previous


def every(log: Log, unit: Unit) -> Iterator[Blamed]:
    """Return the last change of every variable that the environment has now."""
    for variable in log.names(unit):
        if (found := last(log, unit, variable)) is not None:
            yield found


def _at(log: Log, unit: Unit, variable: str, sequence: int) -> Blamed | None:
    entry = log.entry(sequence)
    file, change = _find(entry, unit, variable)
    found = None if file is None or change is None else _blamed(entry, file, change)
    if found is None or file is None:
        return None
    # What supplements say takes the place of what the entry could not tell.
    for number in log.supplements(sequence):
        told = log.entry(number)
        if not isinstance(told.body, SupplementBody):
            continue
        _file, change = _find(told, unit, variable)
        if change is not None:
            found = (_blamed(entry, file, change) or found)._replace(completed_by=number, review=found.review)
        if told.body.review is not None:
            found = found._replace(review=told.body.review)
    return found


def _find(entry: Entry, unit: Unit, variable: str) -> tuple[FileChange | None, Change | None]:
    for file in getattr(entry.body, "files", ()):
        if (file.environment, file.unit) == unit:
            for change in file.changes:
                renamed_away = change.kind is ChangeKind.RENAMED and change.from_ == variable
                if change.variable == variable or renamed_away:
                    return file, change
    return None, None


def _blamed(entry: Entry, file: FileChange, change: Change) -> Blamed | None:
    body = entry.body
    # A file that came back has a past that the log knows.
    boundary = any(event.kind is EventKind.CREATED for event in file.events) and change.previous is None
    if isinstance(body, RewriteBody):
        return Blamed(
            file.environment, file.unit, change, entry.sequence, body.to, body.to, body.landed_at, None,
            entry.recorded_at, boundary,
        )  # fmt: skip
    if not isinstance(body, ChangeBody | ConfigBody):
        return None
    source = body.source
    authors = {merged.commit: merged.author for merged in source.merged}
    return Blamed(
        environment=file.environment,
        unit=file.unit,
        change=change,
        sequence=entry.sequence,
        commit=change.by or source.commit,
        landed=source.commit,
        landed_at=source.landed_at,
        author=authors.get(change.by, source.author) if change.by else source.author,
        recorded_at=entry.recorded_at,
        boundary=boundary,
        review=body.review,
    )
