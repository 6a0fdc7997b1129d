"""Own `verify --deep`: what the entries say of values, held against the values, as far as the identities at hand open them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, FileChange, RewriteBody, SupplementBody
from envgit.audit.records import KeyRecord
from envgit.audit.state import key_records
from envgit.audit.verify import Code, Problem
from envgit.diff import compare
from envgit.fingerprint import FingerprintKey
from envgit.git.repository import Repository
from envgit.log.files import Keys
from envgit.log.snapshots import Snapshots
from envgit.model import ChangeKind, CommitId, EventKind, Snapshot


@dataclass
class Deep:
    """What came of it: `compared` and `unopened` count revisions of files, `gone` commits that are not here any more."""

    problems: list[Problem] = field(default_factory=list)
    compared: int = 0
    unopened: int = 0
    gone: int = 0


class Comparison:
    """Hold entries, in order, against the files that they speak of."""

    def __init__(self, repo: Repository, snapshots: Snapshots, keys: Keys) -> None:
        self.repo = repo
        self.snapshots = snapshots
        self.keys = keys
        self.found = Deep()
        self._records: dict[str, KeyRecord] = {}
        self._steps: dict[int, tuple[CommitId, CommitId | None]] = {}

    def run(self, entries: Iterable[Entry]) -> Deep:
        """Compare every entry and return what came of it."""
        for entry in entries:
            step = self._step(entry)
            if step is None:
                continue
            self._steps[entry.sequence] = step
            for file in getattr(entry.body, "files", ()):
                self._records.update((record.id, record) for record in key_records(file, entry.sequence))
                self._file(entry, file, *step)
        return self.found

    def _step(self, entry: Entry) -> tuple[CommitId, CommitId | None] | None:
        match entry.body:
            case ChangeBody(source=source) | ConfigBody(source=source):
                return source.commit, source.previous
            case RewriteBody(from_=old, to=new):
                return new, old
            case SupplementBody(of=number):
                return self._steps.get(number)
        return None

    def _file(self, entry: Entry, file: FileChange, commit: CommitId, previous: CommitId | None) -> None:
        if file.after is None:
            return
        if not self.repo.has(commit):
            self.found.gone += 1
            return
        after = self.snapshots.at(commit, file.path)
        if after is None or after.digest != file.after:
            self._problem(Code.FALSE_DIGEST, entry, f"has another digest for {file.path} than {commit[:7]} holds")
            return
        record = self._records.get(file.key or "")
        key = self.keys.open(record)
        if after.reason is not None or key is None:
            self.found.unopened += 1
            return
        self.found.compared += 1
        if file.state is not None and key.state(after.values) != file.state:
            self._problem(Code.FALSE_STATE, entry, f"names another state of {file.environment} than {commit[:7]} holds")
        before = self._before(file, previous)
        if (before is None) == (file.before is None):
            self._changes(entry, file, before, after, key)

    def _before(self, file: FileChange, previous: CommitId | None) -> Snapshot | None:
        moved = next((event.from_ for event in file.events if event.kind is EventKind.MOVED), file.path)
        if file.before is None or previous is None or not self.repo.has(previous):
            return None
        found = self.snapshots.at(previous, moved)
        return found if found is not None and found.digest == file.before and found.reason is None else None

    def _changes(
        self, entry: Entry, file: FileChange, before: Snapshot | None, after: Snapshot, key: FingerprintKey
    ) -> None:
        truth = {
            change.name: (change.kind, key.of_value(change.after) if change.after else None)
            for change in compare(before, after).changes
        }
        said = {change.variable: (change.kind, change.after) for change in file.changes}
        for name in sorted({*truth, *said}):
            true, claimed = truth.get(name, (None, None)), said.get(name, (None, None))
            if claimed[0] is ChangeKind.OPAQUE or true[0] is ChangeKind.REENCRYPTED and claimed == (true[0], None):
                continue
            if true != claimed:
                self._problem(
                    Code.FALSE_CHANGE,
                    entry,
                    f"says {claimed[0] or 'nothing'} of {file.environment} {name}, the files say {true[0] or 'nothing'}",
                )

    def _problem(self, code: Code, entry: Entry, what: str) -> None:
        self.found.problems.append(Problem(code, entry.sequence, f"entry {entry.sequence} {what}"))
