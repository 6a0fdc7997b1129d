"""Own how far a log reaches: what of the source branch it does not tell yet, so that an answer from it may be out of date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from envgit import ui
from envgit.errors import EnvgitError
from envgit.log.branch import Log
from envgit.log.session import Session
from envgit.log.sources import log_or_history
from envgit.model import CommitId
from envgit.words import count, since


class Reach(NamedTuple):
    """How far a log reaches, in words.

    `pending` counts the commits that await their entry, None where that cannot be told; `stale` says that there is something on the
    branch which the log does not tell.
    """

    said: str
    pending: int | None = None
    stale: bool = False


def source_of_answers(run: Session) -> tuple[Log, bool, Reach]:
    """Return the log and True, or git history and False, with how far it reaches; warn where that is not far enough."""
    log, signed = log_or_history(run)
    reached = reach(run, log, signed=signed)
    if reached.stale:
        ui.say(f"warning: {reached.said}")
    return log, signed, reached


def reach(run: Session, log: Log, *, signed: bool) -> Reach:
    """Hold the source branch against a log; git history alone is read to the branch's tip, and nothing of it is pending."""
    branch, last = log.state.config.branch, log.state.source_commit
    if not signed:
        return Reach(f"all of {branch} was read", 0)
    try:
        head = run.source_head(branch)
        if head == last:
            return Reach(f"all of {branch} recorded", 0)
        if last is None:
            return Reach(f"nothing of {branch} is recorded: envgit record")
        if not run.repo.has(last):
            return Reach(f"{last[:7]}, which was recorded last, is not here: git fetch")
        if run.repo.is_ancestor(head, last):
            return Reach(f"{branch} here is behind what is recorded: git pull", 0)
        return _beyond(run, log, last, head)
    except EnvgitError:
        return Reach(f"{branch} is not here as far as it was recorded, so that it is not known whether all of it is")


def _beyond(run: Session, log: Log, last: CommitId, head: CommitId) -> Reach:
    """Count the steps that `record` would make from `last` to `head`."""
    # Most answers come from a log that tells everything, and must not pay for these.
    from envgit.git.history import steps
    from envgit.log.selection import Selection
    from envgit.log.snapshots import Snapshots
    from envgit.sops.reader import Reader

    branch = log.state.config.branch
    selection = Selection(run.repo, Snapshots(run.repo, Reader(None)), log.state.config)
    found = list(steps(run.repo, last, head, selection.touches))
    stale = "so that this answer may be out of date; envgit record"
    if any(step.rewrite for step in found):
        return Reach(f"{branch} has moved away from what is recorded, {stale}", stale=True)
    if not found:
        return Reach(f"all of {branch} recorded", 0)
    verbs = ("touches", "has") if len(found) == 1 else ("touch", "have")
    return Reach(
        f"{count(len(found), 'commit')} on {branch} {verbs[0]} an environment and {verbs[1]} no entry yet, {stale}",
        len(found),
        stale=True,
    )


def freshness(run: Session, reached: Reach) -> str:
    """Say how far the log reaches, unless a warning said it, and when this machine last verified it."""
    from envgit.log.pins import Pins

    parts = [] if reached.stale else [reached.said]
    try:
        pin = Pins(run.environ, run.home, run.named).read()
    except EnvgitError:
        pin = None
    if pin is not None and pin.level:
        parts.append(f"last verified here {since(pin.seen_at, datetime.now(UTC))} ago, level {pin.level}")
    else:
        parts.append("never verified here: envgit verify")
    return "; ".join(parts)
