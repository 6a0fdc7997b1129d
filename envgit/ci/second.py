"""Own the second stage for forks and bots: their own run may not comment, so this one does, in the base repository, without their help.

Nothing of theirs is run or believed. The first run only starts this one; what it found, an artifact it left, its very verdict are not
looked at. The head is fetched as data and compared here, so that a fork cannot make our comment say what it likes.
"""

from __future__ import annotations

from typing import Any

from envgit.ci.job import Job
from envgit.ci.reviewing import Target, reviewed
from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.github.api import at
from envgit.github.event import WorkflowRun

BOTS = ("dependabot[bot]",)  # their heads lie in the repository itself, and their runs get a token that only reads


def second_stage(job: Job, event: WorkflowRun) -> int:
    """Review the pull request whose run has ended, where that run could not comment itself."""
    if event.event != "pull_request":
        job.outlet.log(f"the run was started by {terminal(event.event)}, not by a pull request: nothing to do")
        return 0
    api = job.open_api()
    if api is None:
        raise UsageError("the second stage comments, and the input github-token is empty")
    head = f"{event.head_owner}:{event.head_branch}"
    for item in api.pages(api.of("/pulls"), state="open", head=head):
        number = item.get("number") if isinstance(item, dict) else None
        if isinstance(number, int) and at(item, "head", "sha") == event.head:
            return _review(job, item, number, event)
    job.outlet.log(f"no open pull request has the head {event.head[:7]}: it was closed, or its next run is on the way")
    return 0


def _review(job: Job, item: Any, number: int, event: WorkflowRun) -> int:
    own = at(item, "head", "repo", "full_name") == job.run.repository
    if own and at(item, "user", "login") not in BOTS:
        job.outlet.log(f"PR {number} is of this repository: its own run comments")
        return 0
    base_ref = at(item, "base", "ref")
    if not isinstance(base_ref, str) or not base_ref.isprintable():
        raise UsageError(f"GitHub names no base branch for PR {number}")
    source = f"refs/pull/{number}/head"
    return reviewed(job, Target(event.head, base_ref, None, number, comments=True, source=source))
