"""Own what the log adds to a review: how long a value stood, whether it was there before, and which recorded file a file equals."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from envgit.audit.entry import FileChange
from envgit.log.blame import Blamed, line
from envgit.log.branch import Log
from envgit.model import ChangeKind, Digest, Fingerprint, Unit
from envgit.words import parsed

# A variable that changed more often than this is followed no further: a review says something of many.
FOLLOWED = 200
# How many entries back a file is sought that is the same byte for byte: a revert is seldom of something old.
SOUGHT = 2_000

_GIVES_VALUE = (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.OPAQUE)


class Stood(NamedTuple):
    """Since when a value stands, by the entry that gave it; `at_least`: it may be older, as that entry saw ciphertext alone."""

    entry: int
    since: str
    span: timedelta
    at_least: bool


class Past:
    """The past of variables, as one log has it; without a log nothing is known."""

    def __init__(self, log: Log | None, now: datetime) -> None:
        self._log = log
        self._now = now

    def stood(self, unit: Unit, variable: str) -> Stood | None:
        """Return since when the value that the log knows last stands."""
        for change in self._line(unit, variable):
            if change.change.kind in _GIVES_VALUE:
                opaque = change.change.kind is ChangeKind.OPAQUE
                first = change.boundary or opaque
                span = max(self._now - parsed(change.landed_at), timedelta())
                return Stood(change.sequence, change.landed_at, span, at_least=first)
        return None

    def last(self, unit: Unit, variable: str) -> Blamed | None:
        """Return the last change of a variable."""
        return next(iter(self._line(unit, variable)), None)

    def earlier(self, unit: Unit, variable: str, mark: Fingerprint | None) -> Blamed | None:
        """Return the change that gave a variable this value before, where another value stood since."""
        if mark is None:
            return None
        changes = self._line(unit, variable)
        if not changes or changes[0].change.after == mark:
            return None
        return next((change for change in changes if change.change.after == mark), None)

    def retired(self, unit: Unit, variable: str, found: Blamed) -> Blamed | None:
        """Return the change that put an end to the value that `found` gave."""
        after = [change for change in self._line(unit, variable) if change.sequence > found.sequence]
        return after[-1] if after else None

    def recorded(self, unit: Unit, digest: Digest) -> int | None:
        """Return the newest entry after which a file was exactly this one."""
        log = self._log
        sought = f'"after":"{digest}"'.encode()
        for number in range(log.size - 1, max(log.size - SOUGHT, 0) - 1, -1) if log else ():
            if log and sought in log.bytes_of(number):
                files: tuple[FileChange, ...] = getattr(log.entry(number).body, "files", ())
                if any((file.environment, file.unit, file.after) == (*unit, digest) for file in files):
                    return number
        return None

    def value_then(self, unit: Unit, variable: str, entry: int) -> Blamed | None:
        """Return the change that gave a variable the value that it had after an entry."""
        return next((change for change in self._line(unit, variable) if change.sequence <= entry), None)

    def _line(self, unit: Unit, variable: str) -> list[Blamed]:
        return list(islice(line(self._log, unit, variable), FOLLOWED)) if self._log is not None else []
