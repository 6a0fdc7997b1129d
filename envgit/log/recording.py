"""Own `record`: catch the log up with the source branch under a lock, and where asked, with the remote's.

The branch moves only when everything it will point to is written, and only from where it was read: whoever is killed, refused or too
late leaves it as it was.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envgit import ui
from envgit.errors import CannotTell, Incomplete, LogError
from envgit.git.lock import locked
from envgit.git.remote import PushStatus, fetch, push
from envgit.log.append import Appender, Pen, this_tool
from envgit.log.branch import Log, opened
from envgit.log.clock import now
from envgit.log.continuity import check_continues
from envgit.log.files import Keys
from envgit.log.pins import Pin, Pins, worth_pinning
from envgit.log.record import Planned, Recorder
from envgit.log.session import Session
from envgit.log.signer import required_key
from envgit.log.snapshots import Snapshots
from envgit.log.supplement import supplements
from envgit.log.tip import check_tip
from envgit.model import CommitId
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.words import count

# Another writer wins at most once a round; eight at once are through long before.
PUSH_ATTEMPTS = 24
LONGEST_PAUSE = 2.0

# A killed backfill keeps what it had: the branch moves after so many entries, not only at the end.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: `first` is the sequence of the first new entry, `entries` the size of the log afterwards."""

    recorded: int
    first: int | None
    entries: int
    tip: CommitId | None
    pushed: bool
    warnings: tuple[str, ...]
    summary: str


Source = Callable[["Writer", CommitId], Iterator[Planned]]


@dataclass
class Writer:
    """One attempt: the log as it was read, and what is appended to it."""

    run: Session
    recorder: Recorder
    appender: Appender

    @property
    def log(self) -> Log:
        """The log with what was appended so far."""
        return self.appender.log


def record(run: Session, *, push: bool = False) -> Recording:
    """Append the missing entries. Raise LogError where there is no log or nothing may be built on it."""
    return _recorded(run, _steps, to_remote=push)


def supplement(run: Session, *, push: bool = False) -> Recording:
    """Append supplements for what earlier entries could not tell and the identities at hand can."""
    return _recorded(run, lambda writer, _head: supplements(writer.run, writer.recorder), to_remote=push)


def _steps(writer: Writer, head: CommitId) -> Iterator[Planned]:
    recorder = writer.recorder
    with ui.progress("recording", recorder.distance(head)) as advance:
        for step in recorder.missing(head, advance):
            yield from recorder.describe(step)


def _recorded(run: Session, source: Source, *, to_remote: bool) -> Recording:
    if not to_remote:
        run.require_log()
    began = time.monotonic()
    with locked(run.repo, run.audit_branch):
        appender, first, pushed = _pushed(run, source) if to_remote else _locally(run, source)
    log = appender.log
    number = log.size - first
    warning = pinned(run, log)
    took = time.monotonic() - began
    return Recording(
        number,
        first if number else None,
        log.size,
        log.tip,
        pushed,
        (warning,) if warning else (),
        _summary(run, log, number, took, pushed=pushed),
    )


def _locally(run: Session, source: Source) -> tuple[Appender, int, bool]:
    log = run.require_log()
    head = run.source_head(log.state.config.branch)
    appender = _attempt(run, log, source, head)
    return appender, appender.began, False


def _attempt(run: Session, log: Log, source: Source, head: CommitId) -> Appender:
    """Append everything that is missing up to `head` to the log as it was read, and move the local branch."""
    ref = f"refs/heads/{run.audit_branch}"
    check_tip(run.repo, log)
    check_continues(run.repo, log, Pins(run.environ, run.home, run.named).read())
    key, _where = required_key(run)
    keyring = Keyring.discover(run.environ, run.home)
    appender = Appender(log, Pen(key, now(), this_tool()), run.repo, ref)
    recorder = Recorder(run.repo, Snapshots(run.repo, Reader(keyring)), Keys(keyring), appender.log)
    for planned in source(Writer(run, recorder, appender), head):
        appender.append(planned.kind, planned.body)
        if appender.waiting >= BATCH:
            appender.flush()
    appender.flush()
    for warning in dict.fromkeys(recorder.warnings):
        ui.say(f"warning: {warning}")
    return appender


def _pushed(run: Session, source: Source) -> tuple[Appender, int, bool]:
    """Begin from the remote's log, cover the remote's source branch, push; where another writer was first, begin again."""
    remote = run.remote
    if remote is None:
        raise LogError("there is no remote to push to; git remote add origin URL, or record without --push")
    ref = f"refs/heads/{run.audit_branch}"
    for attempt in range(PUSH_ATTEMPTS):
        log, head = _from_remote(run, remote)
        appender = _attempt(run, log, source, head)
        tip = appender.log.tip
        if tip is None:
            raise LogError("the log has no entry")
        result = push(run.repo, remote, tip, ref)
        if result.status is PushStatus.REFUSED:
            raise Incomplete(
                f"{remote} refused {run.audit_branch}: {result.reason!r}; "
                f"{count(appender.log.size - _there(run, remote), 'entry')} wait here for the next push; docs/runbook.md#push"
            )
        if result.status is not PushStatus.STALE:
            _track(run, remote, tip)
            return appender, appender.began, True
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.05 * 2**attempt)))
    raise Incomplete(f"{remote} had another writer {PUSH_ATTEMPTS} times in a row; run envgit record --push again")


def _from_remote(run: Session, remote: str) -> tuple[Log, CommitId]:
    """Fetch the remote's log and source branch; entries that are only here and were not pushed are built anew on top of it."""
    branch = run.audit_branch
    tracking = f"refs/remotes/{remote}/{branch}"
    local = f"refs/heads/{branch}"
    there = fetch(run.repo, remote, [f"+refs/heads/{branch}:{tracking}"])
    tip = run.repo.ref(tracking) if there else None
    mine = run.repo.ref(local)
    log = opened(run.repo, tracking, CommitId(tip)) if tip else run.require_log()
    check_continues(run.repo, log, Pins(run.environ, run.home, run.named).read())
    if tip and mine != tip:
        _follow_remote(run, local, mine, CommitId(tip))
    source = log.state.config.branch
    if not fetch(run.repo, remote, [f"+refs/heads/{source}:refs/remotes/{remote}/{source}"]):
        raise LogError(f"{remote} has no branch {source!r}; git push {remote} {source} first")
    head = run.repo.ref(f"refs/remotes/{remote}/{source}")
    if head is None:
        raise LogError(f"{remote} has no branch {source!r}; git push {remote} {source} first")
    return log, CommitId(head)


def _follow_remote(run: Session, local: str, mine: str | None, tip: CommitId) -> None:
    """Set the local branch to the remote's log, where what is only here can be built again: our own unpushed entries of the same log."""
    if mine is not None and not run.repo.is_ancestor(CommitId(mine), tip):
        ours, theirs = opened(run.repo, local, CommitId(mine)), opened(run.repo, local, tip)
        if ours.state.origin != theirs.state.origin or ours.bytes_of(0) != theirs.bytes_of(0):
            raise LogError(
                f"{run.audit_branch} here ({mine[:7]}) and at the remote ({tip[:7]}) are two logs; docs/runbook.md#forked says what to do"
            )
    run.repo.update_ref(local, tip, CommitId(mine) if mine else None, "envgit: follow the remote's log")


def _track(run: Session, remote: str, tip: CommitId) -> None:
    """Note what the remote has now, as git push does for the branches that it knows."""
    ref = f"refs/remotes/{remote}/{run.audit_branch}"
    known = run.repo.ref(ref)
    if known is None or CommitId(known) != tip:
        run.repo.update_ref(ref, tip, CommitId(known) if known else None, "envgit: pushed")


def _there(run: Session, remote: str) -> int:
    """Return how many entries the remote's log had when it was fetched."""
    ref = f"refs/remotes/{remote}/{run.audit_branch}"
    tip = run.repo.ref(ref)
    return opened(run.repo, ref, CommitId(tip)).size if tip else 0


def pinned(run: Session, log: Log) -> str:
    """Move the pin along, and return what is to be said where that cannot be done: the entries are written all the same."""
    pins = Pins(run.environ, run.home, run.named)
    try:
        known = pins.read()
        if known is not None and worth_pinning(run.repo, run.remote, run.audit_branch, log.tip):
            pins.advance(Pin(known.genesis, log.size, log.state.root.hex(), now(), known.level, known.trust))
    except CannotTell as error:
        return f"recorded, but not remembered: {error}"
    return ""


def _summary(run: Session, log: Log, number: int, took: float, *, pushed: bool) -> str:
    branch = log.state.config.branch
    where = f" and pushed to {run.remote}" if pushed else ""
    if not number:
        return f"{branch}: nothing to record, {count(log.size, 'entry')} on {run.audit_branch}{where}"
    return f"{branch}: {count(number, 'entry')} signed on {run.audit_branch}{where} in {took:.1f} s"
