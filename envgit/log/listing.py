"""Own which entries of a log a person asks for: by variable, environment, author, kind and time."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, FileChange, RewriteBody
from envgit.log.branch import Log


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; what is empty asks for nothing."""

    variable: str = ""
    environment: str = ""
    actor: str = ""
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry is asked for."""
        return self._in_time(entry) and self._by_actor(entry) and self._of_kind(entry) and self._in_files(entry)

    def _in_time(self, entry: Entry) -> bool:
        landed = datetime.fromisoformat(landed_at(entry))
        return (self.since is None or landed >= self.since) and (self.until is None or landed <= self.until)

    def _by_actor(self, entry: Entry) -> bool:
        if not self.actor:
            return True
        body = entry.body
        people = (
            [body.source.author, *(side.author for side in body.source.merged)]
            if isinstance(body, ChangeBody | ConfigBody)
            else []
        )
        return any(self.actor.lower() in f"{person.name} <{person.email}>".lower() for person in people)

    def _of_kind(self, entry: Entry) -> bool:
        if not self.kinds:
            return True
        files = self._files(entry)
        inside = {str(event.kind) for file in files for event in file.events}
        inside |= {str(change.kind) for file in files for change in file.changes}
        return bool(self.kinds & {entry.kind, *inside})

    def _in_files(self, entry: Entry) -> bool:
        if not self.variable and not self.environment:
            return True
        return any(not self.variable or self._names(file) for file in self._files(entry))

    def _files(self, entry: Entry) -> list[FileChange]:
        return [file for file in getattr(entry.body, "files", ()) if self._environment(file)]

    def _environment(self, file: FileChange) -> bool:
        names = [file.environment] + ([f"{file.environment}/{file.unit}"] if file.unit else [])
        return not self.environment or any(fnmatch.fnmatchcase(name, self.environment) for name in names)

    def _names(self, file: FileChange) -> bool:
        return any(self.variable in (change.variable, change.from_) for change in file.changes)


def listed(log: Log, wanted: Filter, first: int = 0) -> Iterator[Entry]:
    """Return the entries that match, newest first, down to `first`: nobody wrote the genesis of git history alone."""
    for sequence in range(log.size - 1, first - 1, -1):
        entry = log.entry(sequence)
        if wanted.matches(entry):
            yield entry


def landed_at(entry: Entry) -> str:
    """Return when what an entry tells of landed; where it tells of nothing that lands, when it was recorded."""
    body = entry.body
    if isinstance(body, ChangeBody | ConfigBody):
        return body.source.landed_at
    return body.landed_at if isinstance(body, RewriteBody) else entry.recorded_at
