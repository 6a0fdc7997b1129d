"""Own where answers come from: the log, or where there is none yet, git history read as if it were one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from envgit.git.repository import Absent, Repository
from envgit.log.branch import Log
from envgit.log.session import Session
from envgit.model import CommitId

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
