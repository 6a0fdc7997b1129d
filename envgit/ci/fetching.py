"""Own what a job fetches before it can work: the log in one request, and history where a checkout is too shallow for the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from envgit.audit.names import ENTRIES
from envgit.ci.job import Job
from envgit.git.remote import fetch, fetch_branch, tracking
from envgit.git.repository import Absent
from envgit.log.session import Session
from envgit.log.trust import check_given

Found = TypeVar("Found")


def fetch_log(run: Session, *, entries: bool) -> bool:
    """Fetch the newest entry and its tree, which holds the whole log; with `entries` also what they say. False where there is no log.

    In a partial clone all that will be read comes in one request, not each file in one of its own. Raise LogError where it is not the
    log that the trust root names.
    """
    remote, branch = run.required_remote(), run.audit_branch
    here = any(map(run.repo.ref, (f"refs/heads/{branch}", tracking(remote, branch))))
    # Where some of it is here, to cut the rest off would make a whole clone a shallow one.
    tip = fetch_branch(run.repo, remote, branch, *([] if here else ["--depth=1"]))
    if tip is None:
        return False
    if run.repo.is_partial:
        files = run.repo.files(run.repo.tree_of(tip), lambda folder: entries or not folder.startswith(ENTRIES))
        run.repo.prefetch(file.id for file in files)
    check_given(run.environ, run.repo, run.named, run.require_log().genesis)
    return True


def with_history(job: Job, refspecs: list[str], work: Callable[[Session], Found]) -> Found:
    """Do `work`; where a checkout is too shallow for it, fetch the history without the files' contents, and do it anew."""
    run = job.session()
    try:
        return work(run)
    except Absent:
        if not run.repo.is_shallow:
            raise
        job.outlet.log(
            "this checkout is shallow: fetching the history (fetch-depth: 0 in actions/checkout does that at once)"
        )
        fetch(run.repo, run.required_remote(), refspecs, "--unshallow", "--filter=blob:none")
    return work(job.session())
