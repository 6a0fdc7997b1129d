"""Own `verify --deep`: what the entries say of values, held against the values, as far as the identities at hand open them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, FileChange, Genesis, RewriteBody, SupplementBody
from envgit.audit.records import KeyRecord
from envgit.audit.state import key_records
from envgit.audit.verify import Code, Problem
from envgit.diff import VariableChange, compare, readable
from envgit.fingerprint import FingerprintKey
from envgit.git.repository import Repository
from envgit.log.files import Keys, lacks
from envgit.log.selection import Selection, Touched
from envgit.log.snapshots import Snapshots
from envgit.model import ChangeKind, CommitId, Config, EventKind, ObjectId, Reason, Snapshot, Unit


@dataclass
class Deep:
    """What came of it: `compared` and `unopened` count revisions of files, `gone` commits that are not here any more."""

    problems: list[Problem] = field(default_factory=list)
    compared: int = 0
    unopened: int = 0
    gone: int = 0


_ACCESS = (EventKind.ACCESS_GRANTED, EventKind.ACCESS_REVOKED)


def commit_of(entry: Entry) -> str:
    """Return the short id of the commit that an entry speaks of."""
    match entry.body:
        case ChangeBody(source=source) | ConfigBody(source=source):
            return source.commit[:7]
        case RewriteBody(to=commit):
            return commit[:7]
    return "its commit"


class Comparison:
    """Hold entries, in order, against the files that they speak of."""

    def __init__(self, repo: Repository, snapshots: Snapshots, keys: Keys) -> None:
        self.repo = repo
        self.snapshots = snapshots
        self.keys = keys
        self.found = Deep()
        self._records: dict[str, KeyRecord] = {}
        self._steps: dict[int, tuple[CommitId, CommitId | None]] = {}
        self._config = Config()
        self._unopened: set[tuple[int, str, str]] = set()  # what no supplement tells either

    def run(self, entries: Iterable[Entry]) -> Deep:
        """Compare every entry and return what came of it."""
        for entry in entries:
            if isinstance(entry.body, Genesis):
                self._config = entry.body.config
            step = self._step(entry)
            if step is None:
                continue
            self._steps[entry.sequence] = step
            self._whole(entry, *step)
            for file in getattr(entry.body, "files", ()):
                self._records.update((record.id, record) for record in key_records(file, entry.sequence))
                self._file(entry, file, *step)
            if isinstance(entry.body, ConfigBody) and entry.body.in_force and entry.body.config:
                self._config = entry.body.config
        self.found.unopened = len(self._unopened)
        return self.found

    def _whole(self, entry: Entry, commit: CommitId, previous: CommitId | None) -> None:
        """Check what needs no identity: that the entry names its commit's author and time, and every file that the step touched."""
        body = entry.body
        if isinstance(body, RewriteBody) and self.repo.has(body.from_) and self.repo.has(commit):
            if self.repo.is_ancestor(body.from_, commit):
                self._problem(
                    Code.FALSE_REWRITE,
                    entry,
                    f"says that {body.from_[:7]} was rewritten, and {commit[:7]} continues it",
                )
            return
        if isinstance(body, ChangeBody | ConfigBody) and self.repo.has(commit):
            self._people(entry, body)
        if not isinstance(body, ChangeBody) or not self.repo.has(commit) or (previous and not self.repo.has(previous)):
            return
        known = self.repo.commit(commit)
        selection = Selection(self.repo, self.snapshots, self._config)
        old = self.repo.commit(previous).tree if previous else None
        said = {(file.environment, file.unit) for file in body.files}
        for touched in selection.touched(old, known.tree):
            unit = (touched.file.environment, touched.file.unit)
            if unit not in said and not self._same(touched) and unit not in self._doubled(known.tree, selection):
                self._problem(
                    Code.FALSE_CHANGE, entry, f"says nothing of {touched.file.path}, which {commit[:7]} touches"
                )

    def _same(self, touched: Touched) -> bool:
        old, new = self.snapshots.of(touched.old), self.snapshots.of(touched.new)
        return old is not None and new is not None and (old.digest, readable(old)) == (new.digest, readable(new))

    def _people(self, entry: Entry, body: ChangeBody | ConfigBody) -> None:
        """Check that everyone whom the entry can blame is who the commits say: the step's author, and those of its side commits."""
        source = body.source
        known = self.repo.commit(source.commit)
        if (source.author, source.landed_at) != (known.author, known.committer.time):
            self._problem(Code.FALSE_SOURCE, entry, f"names another author or time than {source.commit[:7]} has")
        sides = {merged.commit: merged.author for merged in source.merged}
        for commit, author in sides.items():
            if self.repo.has(commit) and self.repo.commit(commit).author != author:
                self._problem(Code.FALSE_SOURCE, entry, f"names another author than {commit[:7]} has")
        blamed = {change.by for file in body.files for change in file.changes if change.by}
        for commit in sorted(blamed - sides.keys()):
            self._problem(Code.FALSE_SOURCE, entry, f"blames {commit[:7]}, which it does not bring in")

    def _doubled(self, tree: ObjectId, selection: Selection) -> set[Unit]:
        """Return the environments that several files claim: of those the recorder takes one."""
        return {unit for unit, files in selection.files(tree).items() if len(files) > 1}

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
        if not self.repo.has(commit):
            self.found.gone += 1
            return
        after = self.snapshots.at(commit, file.path)
        released = any(event.kind is EventKind.RELEASED for event in file.events)
        if (after.digest if after else None) != file.after and not released:
            self._problem(Code.FALSE_DIGEST, entry, f"has another digest for {file.path} than {commit[:7]} holds")
            return
        if after is None or released:
            return
        self._claims(entry, file, after, previous)
        key = self.keys.open(self._records.get(file.key or ""))
        if after.reason is not None or key is None:
            if after.reason in (None, Reason.NO_IDENTITY):
                self._unopened.add((entry.sequence, file.environment, file.unit))
            return
        self.found.compared += 1
        if isinstance(entry.body, SupplementBody):
            self._unopened.discard((entry.body.of, file.environment, file.unit))
        if file.state is not None and key.state(after.values) != file.state:
            self._problem(Code.FALSE_STATE, entry, f"names another state of {file.environment} than {commit[:7]} holds")
        before = self._before(file, previous)
        if (before is None) == (file.before is None):
            self._changes(entry, file, before, after, key)

    def _claims(self, entry: Entry, file: FileChange, after: Snapshot, previous: CommitId | None) -> None:
        """Check the events that the file itself shows: who is let in or out, and whether it could be read."""
        if isinstance(entry.body, SupplementBody):
            return
        reasons = {event.reason for event in file.events if event.kind is EventKind.UNREADABLE}
        true = after.reason if after.reason is not Reason.NO_IDENTITY else None
        if reasons - {Reason.NO_IDENTITY} != ({true} if true else set()):
            self._problem(Code.FALSE_STATE, entry, f"is wrong on whether {file.path} at {commit_of(entry)} can be read")
        before = self._before(file, previous, opened=False)
        if true is not None or (before is None) != (file.before is None) or (before and not readable(before)):
            return
        said = {(event.kind, event.recipient) for event in file.events if event.kind in _ACCESS}
        events = compare(before, after).events
        if said != {(event.kind, event.recipient) for event in events if event.kind in _ACCESS}:
            self._problem(Code.FALSE_CHANGE, entry, f"names other changes of access to {file.path} than the files show")

    def _before(self, file: FileChange, previous: CommitId | None, *, opened: bool = True) -> Snapshot | None:
        moved = next((event.from_ for event in file.events if event.kind is EventKind.MOVED), file.path)
        if file.before is None or previous is None or not self.repo.has(previous):
            return None
        found = self.snapshots.at(previous, moved)
        if found is None or found.digest != file.before:
            return None
        return found if found.reason is None or not opened else None

    def _changes(
        self, entry: Entry, file: FileChange, before: Snapshot | None, after: Snapshot, key: FingerprintKey
    ) -> None:
        changes = compare(before, after).changes
        truth = {change.name: (change.kind, key.of_value(change.after) if change.after else None) for change in changes}
        said = {change.variable: (change.kind, change.after) for change in file.changes}
        if lacks(file):
            # Without an identity a rename is one name gone and one that came, and no value has a fingerprint.
            truth = {name: (kind, None) for change in changes for name, kind in _unopened(change)}
            said = {name: (kind, None) for name, (kind, _mark) in said.items()}
        for name in sorted({*truth, *said}):
            true, claimed = truth.get(name, (None, None)), said.get(name, (None, None))
            if claimed[0] is ChangeKind.OPAQUE or (true[0] is ChangeKind.REENCRYPTED and claimed == (true[0], None)):
                continue
            if true != claimed:
                self._problem(
                    Code.FALSE_CHANGE,
                    entry,
                    f"says {claimed[0] or 'nothing'} of {file.environment} {name}, the files say {true[0] or 'nothing'}",
                )

    def _problem(self, code: Code, entry: Entry, what: str) -> None:
        self.found.problems.append(Problem(code, entry.sequence, f"entry {entry.sequence} {what}"))


def _unopened(change: VariableChange) -> Iterator[tuple[str, ChangeKind]]:
    """Return what is known of a change by one who sees no value."""
    if change.kind is ChangeKind.RENAMED and change.before is not None:
        yield change.before.name, ChangeKind.REMOVED
        yield change.name, ChangeKind.ADDED
    else:
        yield change.name, change.kind
