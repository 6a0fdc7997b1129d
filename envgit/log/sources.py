"""Own where answers come from: the log, or where there is none yet, git history read as if it were one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from envgit.errors import EnvgitError
from envgit.git.repository import Absent, Repository
from envgit.log.branch import Log
from envgit.log.session import Session
from envgit.model import CommitId
from envgit.words import count, since

# Counting what is unrecorded is a courtesy of blame and log, and must not cost more than the answer.
LOOKED_AT = 50

UNSIGNED = "from git history alone: nobody signed this; envgit init begins a log"


def log_or_history(run: Session) -> tuple[Log, bool]:
    """Return the log and True, or what git history alone tells in the same form and False.

    The second way reads and compares the whole history in memory and writes nothing.
    """
    if run.log is not None:
        return run.log, True
    # Only this path decrypts: blame over a log must not pay for its imports.
    from envgit.log.history import unsigned

    return unsigned(run), False


def subjects(repo: Repository, commits: Iterable[CommitId]) -> dict[CommitId, str]:
    """Return the first lines of commit messages, of those commits that are here."""
    found = {}
    for commit in set(commits):
        with suppress(Absent):
            found[commit] = repo.commit(commit).subject
    return found


def freshness(run: Session, log: Log) -> str:
    """Say how far the log reaches, and when this machine last verified it."""
    from envgit.log.pins import Pins

    parts = [_reach(run, log)]
    try:
        pin = Pins(run.environ, run.home, run.named).read()
    except EnvgitError:
        pin = None
    if pin is not None and pin.level:
        parts.append(f"last verified here {since(pin.seen_at, datetime.now(UTC))} ago, level {pin.level}")
    else:
        parts.append("never verified here: envgit verify")
    return "; ".join(parts)


def _reach(run: Session, log: Log) -> str:
    branch = log.state.config.branch
    try:
        head = run.source_head(branch)
    except EnvgitError:
        return f"{branch} is not here, so that it is not known whether all of it is recorded"
    last = log.state.source_commit
    if head == last:
        return f"all of {branch} recorded"
    if last is None or not run.repo.has(last):
        return f"{branch} is not recorded from here: envgit record"
    behind = run.repo.count_first_parents(head, last, LOOKED_AT)
    if behind is None:
        return f"{branch} has moved away from what is recorded: envgit record"
    more = f"more than {LOOKED_AT} commits" if behind > LOOKED_AT else count(behind, "commit")
    return f"{branch} is {more} ahead of the last entry"
