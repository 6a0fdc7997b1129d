"""Own which event does what: a proposal is reviewed, a push recorded, a schedule verifies; an input may say otherwise."""

from __future__ import annotations

from envgit.ci.anchoring import anchored
from envgit.ci.inputs import Command
from envgit.ci.job import Job
from envgit.ci.recording import recorded
from envgit.ci.reviewing import Target, reviewed
from envgit.ci.second import second_stage
from envgit.ci.verifying import verified
from envgit.ci.witnessing import witnessed
from envgit.errors import UsageError
from envgit.github.event import Bare, MergeGroup, PullRequest, Push, WorkflowRun
from envgit.github.runner import Annotation

# Of a pull request's activities those after which there is something to compare.
_REVIEWED = ("opened", "synchronize", "reopened", "ready_for_review", "edited")


def done(job: Job) -> int:
    """Do what the event or the input asks for; return the exit status."""
    match job.inputs.command:
        case Command.VERIFY:
            return verified(job)
        case Command.RECORD:
            return _record(job)
        case Command.REVIEW:
            return _review(job)
        case Command.ANCHOR:
            return anchored(job)
        case Command.WITNESS:
            return witnessed(job)
    match job.event:
        case Push():
            return _record(job)
        case Bare(name="schedule"):
            return verified(job)
        case Bare():
            return _record(job)
    return _review(job)


def _record(job: Job) -> int:
    if isinstance(job.event, PullRequest | MergeGroup | WorkflowRun):
        raise UsageError(
            f"the event {job.run.event} is of a proposal, and only what has landed is recorded; record on push"
        )
    return recorded(job)


def _review(job: Job) -> int:
    match job.event:
        case PullRequest() as event:
            return _pull_request(job, event)
        case MergeGroup() as event:
            return reviewed(job, Target(event.head, event.base_ref, event.base, None, comments=False))
        case WorkflowRun() as event:
            return second_stage(job, event)
        case Push() as event if event.after is not None:
            branch = event.ref.removeprefix("refs/heads/")
            return reviewed(job, Target(event.after, branch, event.before, None, comments=False))
    raise UsageError(
        f"the event {job.run.event} names no proposal to review; use review on pull_request or merge_group"
    )


def _pull_request(job: Job, event: PullRequest) -> int:
    if event.action not in _REVIEWED:
        job.outlet.log(f"a pull request was {event.action}: nothing to review")
        return 0
    if event.fork:
        said = "the head lies in a fork, whose run may not comment: the comment is the second workflow's (docs/action.md#forks)"
        job.outlet.annotate(Annotation("notice", "envgit: a fork", said))
    source = f"refs/pull/{event.number}/head"
    return reviewed(
        job, Target(event.head, event.base_ref, event.base, event.number, comments=not event.fork, source=source)
    )
