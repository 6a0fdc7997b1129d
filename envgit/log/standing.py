"""Own how an environment stood: at a revision, at an entry, or at a time, with who gave each value as far as the log tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from envgit.audit.entry import ChangeBody, ConfigBody, RewriteBody
from envgit.config import revealed
from envgit.diff import compare, readable
from envgit.errors import ConfigError, EnvgitError, Incomplete, UsageError
from envgit.log.asked import NO_HISTORY, matching
from envgit.log.blame import Blamed, line
from envgit.log.branch import Log
from envgit.log.difference import recipient_names
from envgit.log.files import Keys
from envgit.log.selection import Selection, config_at
from envgit.log.session import Session
from envgit.log.snapshots import Snapshots
from envgit.model import ChangeKind, CommitId, Config, Digest, EnvFile, Snapshot, Unit, Value
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader

Moment = Callable[[str], datetime | None]

# A chain longer than this is followed no further for one variable: show is about many.
FOLLOWED = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """One environment's file: `blamed` gives each variable's last change by then, `shown` says that its value may be seen.

    `recorded` says that the bytes are those at the commit of the entry, so that nothing was done since of which the log does not know.
    Where they are others, a variable has no `blamed` if its value is another.
    """

    file: EnvFile
    snapshot: Snapshot
    blamed: Mapping[str, Blamed]
    shown: frozenset[str]
    state: Digest | None
    recorded: bool

    def text(self, value: Value) -> str | None:
        """Return a value as text, None where it is unknown; whoever calls this has asked whether it may be seen."""
        return None if value.secret is None else value.secret.reveal().decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Stood:
    """What stood at `commit`, named `what` by the person who asked.

    `since` is the newest entry by then, None without a log; `entry` is that where all that is shown stands as it tells, else None.
    """

    what: str
    commit: CommitId
    landed_at: str
    since: int | None
    files: tuple[Standing, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry(self) -> int | None:
        """The entry that tells of all that is shown."""
        return self.since if all(file.recorded for file in self.files) else None


def standing(run: Session, what: str, environment: str, moment: Moment) -> Stood:
    """Return how the selected environments stood; raise UsageError where WHAT names nothing, Incomplete where there was none."""
    log = run.log
    commit, entry = _where(run, log, what, moment)
    keyring = Keyring.discover(run.environ, run.home)
    snapshots = Snapshots(run.repo, Reader(keyring), run.watch)
    config = _config(run, log, commit)
    reveal = _in_force(run, log)
    units = Selection(run.repo, snapshots, config).files(run.repo.commit(commit).tree)
    if not units:
        raise Incomplete(f"{NO_HISTORY} at {commit[:7]}" if what or log is not None else NO_HISTORY)
    chosen = matching(units, environment, f" at {commit[:7]}")
    keys = Keys(keyring)
    files = tuple(_standing(log, snapshots, keys, reveal, commit, entry, unit, units[unit][0]) for unit in chosen)
    return Stood(what or "HEAD", commit, run.repo.commit(commit).committer.time, entry, files, recipient_names(run))


def _where(run: Session, log: Log | None, what: str, moment: Moment) -> tuple[CommitId, int | None]:
    if found := re.fullmatch(r"entry:(\d{1,9})", what):
        number = int(found[1])
        if log is None or number >= log.size:
            raise UsageError(f"there is no entry {number}; the log has {log.size if log else 0}")
        return _commit_of(log, number), number
    if not what or run.repo.is_revision(what):
        commit = run.repo.resolve(what or "HEAD")
        return commit, _entry_of(run, log, commit)
    try:
        asked = moment(what)
    except UsageError:
        raise UsageError(
            f"{what!r} is neither a revision, nor entry:NUMBER, nor a time such as '2026-11-21 03:00'"
        ) from None
    if asked is None:
        raise UsageError("name a revision, entry:NUMBER or a time")
    return _at_time(run, log, what, asked)


def _at_time(run: Session, log: Log | None, what: str, asked: datetime) -> tuple[CommitId, int | None]:
    """Return the commit that the source branch stood at, by when commits landed on it."""
    branch = log.state.config.branch if log else run.config.branch
    commit: CommitId | None = run.source_head(branch)
    while commit is not None:
        known = run.repo.commit(commit)
        if datetime.fromisoformat(known.committer.time) <= asked:
            return commit, _entry_of(run, log, commit)
        commit = known.parents[0] if known.parents else None
    raise UsageError(f"{branch} had no commit yet at {what}")


def _commit_of(log: Log, number: int) -> CommitId:
    """Return the commit of an entry, or of the one before it where it has none of its own."""
    while number >= 0:
        match log.entry(number).body:
            case ChangeBody(source=source) | ConfigBody(source=source):
                return source.commit
            case RewriteBody(to=commit):
                return commit
        number -= 1
    raise UsageError("no entry before that one speaks of a commit; name a revision")


def _entry_of(run: Session, log: Log | None, commit: CommitId) -> int | None:
    """Return the newest entry of a commit that is `commit` or lies behind it."""
    if log is None:
        return None
    for number in range(log.size - 1, -1, -1):
        match log.entry(number).body:
            case ChangeBody(source=source) | ConfigBody(source=source) if run.repo.is_ancestor(source.commit, commit):
                return number
            case RewriteBody(to=there) if run.repo.is_ancestor(there, commit):
                return number
    return None


def _config(run: Session, log: Log | None, commit: CommitId) -> Config:
    try:
        found = config_at(run.repo, commit, run.default_branch)
    except ConfigError:
        found = None
    return found or (log.state.config if log else run.config)


def _in_force(run: Session, log: Log | None) -> Config:
    """Return the configuration that says what may be shown: the log's, else the source branch's; never that of what is shown."""
    if log is not None:
        return log.state.config
    try:
        head = run.source_head(run.default_branch)
        return config_at(run.repo, head, run.default_branch) or Config()
    except EnvgitError:
        return Config()


def _standing(
    log: Log | None,
    snapshots: Snapshots,
    keys: Keys,
    reveal: Config,
    commit: CommitId,
    entry: int | None,
    unit: Unit,
    file: EnvFile,
) -> Standing:
    snapshot = snapshots.at(commit, file.path)
    if snapshot is None:
        raise UsageError(f"{file.path} is not at {commit[:7]}")
    told = snapshots.at(_commit_of(log, entry), file.path) if log is not None and entry is not None else None
    blamed = {}
    if log is not None and entry is not None and told is not None and readable(told):
        others = {
            change.name for change in compare(told, snapshot).changes if change.kind is not ChangeKind.REENCRYPTED
        }
        for value in snapshot.values:
            found = _by_then(log, unit, value.name, entry) if value.name not in others else None
            if found is not None:
                blamed[value.name] = found
    shown = frozenset(value.name for value in snapshot.values if revealed(reveal, value.name))
    record = log.file(unit) if log else None
    # The key of a later entry would name the same content otherwise.
    in_force = record is not None and record.key is not None and entry is not None and record.key.entry <= entry
    key = keys.open(record.key) if record and in_force else None
    state = key.state(snapshot.values) if key and snapshot.reason is None else None
    return Standing(file, snapshot, blamed, shown, state, _same(told, snapshot))


def _same(told: Snapshot | None, snapshot: Snapshot) -> bool:
    return told is not None and (told.digest, told.reason) == (snapshot.digest, snapshot.reason)


def _by_then(log: Log, unit: Unit, name: str, entry: int) -> Blamed | None:
    return next((found for found in islice(line(log, unit, name), FOLLOWED) if found.sequence <= entry), None)
