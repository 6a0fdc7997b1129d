"""Own `record`: catch the log up with the source branch under a lock, and where asked, with the remote's.

The branch moves only when everything it will point to is written, and only from where it was read: whoever is killed, refused or too
late leaves it as it was.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from envgit import ui
from envgit.errors import CannotTell, ConfigError, Incomplete, LogError, RepositoryError
from envgit.git.lock import locked
from envgit.git.remote import PushStatus, fetch, push
from envgit.log.append import Appender, Pen, this_tool
from envgit.log.branch import Log, opened
from envgit.log.clock import now
from envgit.log.continuity import check_continues
from envgit.log.files import Keys
from envgit.log.parted import told_anew
from envgit.log.pins import Pins, worth_pinning
from envgit.log.record import Planned, Recorder, Told
from envgit.log.session import Session, readable_config
from envgit.log.signer import required_key
from envgit.log.snapshots import Snapshots
from envgit.log.supplement import supplements
from envgit.log.tip import check_tip
from envgit.log.trust import check_given
from envgit.model import CommitId, ObjectId
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.words import count

# Another writer wins at most once a round; eight at once are through long before.
PUSH_ATTEMPTS = 24
LONGEST_PAUSE = 2.0

# A killed backfill keeps what it had: the branch moves after so many entries, or bytes of theirs, not only at the end.
BATCH = 1_000
BATCH_BYTES = 24 * 1024 * 1024


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
    log: Log


Source = Callable[[Recorder, CommitId], Iterator[Planned]]


def record(run: Session, told: Told, *, push: bool = False) -> Recording:
    """Append the missing entries. Raise LogError where there is no log or nothing may be built on it."""
    return _recorded(run, _steps, told, to_remote=push)


def supplement(run: Session, told: Told, *, push: bool = False) -> Recording:
    """Append supplements for what earlier entries could not tell and the identities at hand, or the forge, can."""
    return _recorded(run, lambda recorder, _head: supplements(recorder), told, to_remote=push)


def appended(run: Session, source: Source, *, push: bool = False) -> Recording:
    """Append what `source` makes of the log as it then is; with `push`, on top of the remote's."""
    return _recorded(run, source, Told(), to_remote=push)


def _steps(recorder: Recorder, head: CommitId) -> Iterator[Planned]:
    with ui.progress("recording", recorder.distance(head)) as advance:
        for step in recorder.missing(head, advance):
            yield from recorder.describe(step)


def _recorded(run: Session, source: Source, told: Told, *, to_remote: bool) -> Recording:
    if not to_remote:
        run.require_log()
    began = time.monotonic()
    with locked(run.repo, run.audit_branch):
        appender, first, pushed = _pushed(run, source, told) if to_remote else _locally(run, source, told)
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
        tuple(dict.fromkeys((*appender.warnings, *((warning,) if warning else ())))),
        _summary(run, log, number, took, pushed=pushed),
        log,
    )


def _locally(run: Session, source: Source, told: Told) -> tuple[Appender, int, bool]:
    log = run.require_log()
    head, odd = _local_head(run, log)
    appender = _attempt(run, log, source, head, told)
    appender.warnings += odd
    return appender, appender.began, False


def _local_head(run: Session, log: Log) -> tuple[CommitId, list[str]]:
    """Return the source branch's head here; where it is merely behind what was recorded, and the remote's is not, that is no rewrite.

    Raise LogError where it parted from the remote's, which still has what was recorded: nobody force-pushed that.
    """
    branch, last = log.state.config.branch, log.state.source_commit
    head = run.source_head(branch)
    there = run.repo.ref(f"refs/remotes/{run.remote}/{branch}") if run.remote else None
    if last is None or there is None or head == last or not run.repo.has(last):
        return head, []
    kept = run.repo.is_ancestor(last, CommitId(there))
    behind = kept and run.repo.is_ancestor(head, last)
    if kept and not behind and not run.repo.is_ancestor(last, head):
        raise LogError(
            f"{branch} here and at {run.remote} have parted: {last[:7]}, which was recorded last, is only there; "
            "git pull --rebase first, or push what is to take its place"
        )
    return (last, [f"{branch} here is behind what is recorded; git pull brings it up"]) if behind else (head, [])


def _odd_here(run: Session, log: Log) -> Iterator[str]:
    """Return what is odd in the configuration here, and where it names another source branch than the one that is audited."""
    try:
        yield from run.parsed.warnings
    except ConfigError as error:
        yield str(error)
    asked, audited = readable_config(run).branch, log.state.config.branch
    if asked != audited:
        yield (
            f"the configuration here names the branch {asked!r}, and the log audits {audited!r} "
            f"until a commit on {audited!r} says so; docs/troubleshooting.md"
        )


def _attempt(run: Session, log: Log, source: Source, head: CommitId, told: Told) -> Appender:
    """Append everything that is missing up to `head` to the log as it was read, and move the local branch."""
    check_sound(run, log)
    key, _where = required_key(run)
    keyring = Keyring.discover(run.environ, run.home)
    appender = Appender(
        log, Pen(key, now(), this_tool(told.actor, told.run)), run.repo, f"refs/heads/{run.audit_branch}"
    )
    appender.warnings += _odd_here(run, log)
    recorder = Recorder(run.repo, Snapshots(run.repo, Reader(keyring), run.watch), Keys(keyring), appender.log, told)
    try:
        for planned in source(recorder, head):
            appender.append(planned.kind, planned.body)
            if appender.waiting >= BATCH or appender.weight >= BATCH_BYTES:
                appender.hand_over()
    except BaseException:
        appender.settle()
        raise
    appender.flush()
    if recorder.unopened:
        recorder.warnings.append(
            f"no identity here opened {count(recorder.unopened, 'file revision')}: recorded without values; "
            "envgit record --supplement, by one who has a key, completes them"
        )
    appender.warnings += recorder.warnings
    return appender


def check_sound(run: Session, log: Log) -> None:
    """Raise LogError where nothing may be built on a log, nor signed for it: it is not the trusted one, or not whole at its end."""
    check_given(run.environ, run.repo, run.named, log.genesis)
    check_tip(run.repo, log)
    check_continues(run.repo, log, Pins(run.environ, run.home, run.named).read())


def _pushed(run: Session, source: Source, told: Told) -> tuple[Appender, int, bool]:
    """Begin from the remote's log, cover the remote's source branch, push; where another writer was first, begin again."""
    remote = run.remote
    if remote is None:
        raise LogError("there is no remote to push to; git remote add origin URL, or record without --push")
    ref = f"refs/heads/{run.audit_branch}"
    until: int | None = None
    for attempt in range(PUSH_ATTEMPTS):
        log, head, odd = _from_remote(run, remote, until)
        appender = _attempt(run, log, source, head, told)
        until = appender.began
        appender.warnings += odd
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
            try:
                _moved(run, ref, tip)
                _moved(run, f"refs/remotes/{remote}/{run.audit_branch}", tip)
            except RepositoryError as error:
                raise RepositoryError(f"{remote} has all entries, but {error}; git fetch {remote} mends it") from None
            return appender, appender.began, True
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.05 * 2**attempt)))
    raise Incomplete(f"{remote} had another writer {PUSH_ATTEMPTS} times in a row; run envgit record --push again")


def _from_remote(run: Session, remote: str, until: int | None) -> tuple[Log, CommitId, list[str]]:
    """Fetch, and return the log to build on, the remote's source head, and what is odd.

    The local log is built on where it continues the remote's and speaks of nothing that the remote's source lacks. Else the remote's is,
    and what only the local one had is told anew; the local branch stays as it was until that is done. Raise Incomplete where that cannot be:
    entries before `until` (all, where None) are not this run's own.
    """
    tracking = f"refs/remotes/{remote}/{run.audit_branch}"
    local = f"refs/heads/{run.audit_branch}"
    known = run.repo.ref(tracking)
    there = fetch(run.repo, remote, [f"+refs/heads/{run.audit_branch}:{tracking}"])
    tip, mine = (run.repo.ref(tracking) if there else None), run.repo.ref(local)
    theirs = opened(run.repo, tracking, CommitId(tip)) if tip else None
    ours = opened(run.repo, local, CommitId(mine)) if mine else None
    log = theirs or ours or run.require_log()
    head, odd = _source_head(run, remote, log.state.config.branch)
    odd += _moved_back(run, remote, known, tip)
    if theirs is None or ours is None or ours.tip == theirs.tip:
        return log, head, odd
    if ours.bytes_of(0) != theirs.bytes_of(0):
        raise LogError(
            f"{run.audit_branch} here ({mine}) and at {remote} ({tip}) are two logs; docs/runbook.md#forked says what to do"
        )
    last = ours.state.source_commit
    continues = run.repo.is_ancestor(CommitId(str(tip)), CommitId(str(mine)))
    if continues and last is not None and run.repo.is_ancestor(last, head):
        return ours, head, odd
    if not run.repo.is_ancestor(CommitId(str(mine)), CommitId(str(tip))):
        lacking = log.state.config.branch if continues else ""
        odd.append(f"{remote} has another continuation: {told_anew(ours, theirs, until, lacking)} (it was at {mine})")
    return theirs, head, odd


def _moved_back(
    run: Session, remote: str, known: CommitId | ObjectId | None, tip: CommitId | ObjectId | None
) -> list[str]:
    """Return what is to be said where the remote's log does not continue what this clone knew of it."""
    if not known or not tip or not run.repo.has(known) or run.repo.is_ancestor(CommitId(known), CommitId(tip)):
        return []
    was = f"{run.audit_branch} at {remote} does not continue what it was ({known[:7]})"
    return [f"{was}: it was moved back or rewritten; docs/runbook.md#rolled-back"]


def _source_head(run: Session, remote: str, source: str) -> tuple[CommitId, list[str]]:
    """Fetch the remote's source branch and return its tip, and a warning where the one here is ahead."""
    lacking = LogError(f"{remote} has no branch {source!r}; git push {remote} {source} first")
    if not fetch(run.repo, remote, [f"+refs/heads/{source}:refs/remotes/{remote}/{source}"]):
        raise lacking
    head, here = run.repo.ref(f"refs/remotes/{remote}/{source}"), run.repo.ref(f"refs/heads/{source}")
    if head is None:
        raise lacking
    ahead = here is not None and head != here and run.repo.is_ancestor(CommitId(head), CommitId(here))
    told = f"{source} here is ahead of {remote}: only what {remote} has is recorded; git push {remote} {source} first"
    return CommitId(head), [told] if ahead else []


def _moved(run: Session, ref: str, tip: CommitId) -> None:
    """Set a ref to what the remote has now, as git push does for the branches that it knows."""
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
            pins.advance(replace(known, size=log.size, root=log.state.root.hex(), seen_at=now()))
    except CannotTell as error:
        return f"recorded, but not remembered: {error}"
    return ""


def _summary(run: Session, log: Log, number: int, took: float, *, pushed: bool) -> str:
    branch = log.state.config.branch
    where = f" and pushed to {run.remote}" if pushed else ""
    if not number:
        return f"{branch}: nothing to record, {count(log.size, 'entry')} on {run.audit_branch}{where}"
    return f"{branch}: {count(number, 'entry')} signed on {run.audit_branch}{where} in {took:.1f} s"
