"""Own the review of a proposal: compare, comment, summary, annotations, outputs, and whether the job is red."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import NamedTuple

from envgit.ci.fetching import fetch_log, with_history
from envgit.ci.inputs import CommentWhen, FailOn
from envgit.ci.job import Job
from envgit.errors import CannotTell, ConfigError, LogError, UsageError
from envgit.escape import terminal
from envgit.git.remote import fetch, fetch_branch
from envgit.github.api import ApiError, NotAllowed
from envgit.github.comments import Comments, Marker
from envgit.github.runner import Annotation
from envgit.log.selection import config_at
from envgit.log.session import Session
from envgit.model import CommitId, Config
from envgit.render import Bare, Draft, Ours, render
from envgit.review.build import Proposal, review, shown_by
from envgit.review.report import Gravity, Review
from envgit.views.annotations import annotated
from envgit.views.comment import Page, comment, job_summary
from envgit.views.review import SHOWN, TYPED, document
from envgit.words import count, plural, short

PERMISSION = "pull-requests: write"


class Target(NamedTuple):
    """What is to be reviewed: `pull_request` None where there is none to comment on, `source` the ref that has the head."""

    head: CommitId
    base_ref: str
    base: CommitId | None
    pull_request: int | None
    comments: bool
    source: str = ""


def reviewed(job: Job, target: Target) -> int:
    """Review and say so everywhere; return the exit status."""
    found = with_history(job, [target.base_ref, target.source or target.head], lambda run: _review(job, run, target))
    _tell(job, found, target)
    for annotation in annotated(found):
        job.outlet.annotate(annotation)
    red = {FailOn.ERROR: (Gravity.ERROR,), FailOn.WARNING: (Gravity.ERROR, Gravity.WARNING), FailOn.NEVER: ()}
    return 1 if found.gravity in red[job.inputs.fail_on] else 0


def _review(job: Job, run: Session, target: Target) -> Review:
    # Before anything is read of it: what lies in the work tree is the proposal's, and would choose configuration and log.
    run.ruling, run.default_branch = _tip(run, target), target.base_ref
    proposal = _proposal(job, run, target, run.ruling)
    ruling = _ruling(job, run, proposal.tip)
    _log(job, run)
    job.outlet.config = shown_by(ruling, run.log)
    return review(run, proposal, ruling, datetime.now(UTC), job.outlet.holds_value)


def _ruling(job: Job, run: Session, tip: CommitId) -> Config | None:
    """Return the base's configuration; a wrong one is said, and counts as none."""
    try:
        return config_at(run.repo, tip, run.default_branch, job.inputs.config)
    except ConfigError as error:
        job.outlet.annotate(Annotation("warning", "envgit: wrong configuration on the base branch", str(error)))
        return None


def _log(job: Job, run: Session) -> None:
    """Fetch the log; where there is none, where it is no log or not the one that was named, the review does without."""
    try:
        there = fetch_log(run, entries=True)
    except LogError as error:
        job.outlet.annotate(Annotation("warning", "envgit: the log is not believed", str(error)))
        there = False
    if not there:
        run.log = None


def _tip(run: Session, target: Target) -> CommitId:
    """Fetch the base branch and return where it stands; raise CannotTell where it is gone and the event names no commit of it."""
    remote = run.required_remote()
    tip = fetch_branch(run.repo, remote, target.base_ref) or target.base
    if tip is None:
        raise CannotTell(f"{remote} has no branch {terminal(target.base_ref)!r} any more; nothing to compare with")
    return tip


def _proposal(job: Job, run: Session, target: Target, tip: CommitId) -> Proposal:
    """Fetch what is needed and return the three commits; raise CannotTell where one is not to be had."""
    remote, repo = run.required_remote(), run.repo
    for commit, source in ((tip, tip), (target.head, target.source or target.head)):
        if not repo.has(commit) and not fetch(repo, remote, [source]):
            raise CannotTell(
                f"{commit[:7]} is neither here nor at {remote}: the branch was force-pushed or deleted since"
            )
    if not repo.has(target.head):
        raise CannotTell(
            f"{target.head[:7]} is not at {remote} any more: the branch was pushed to since, and its own run reviews it"
        )
    head = repo.resolve(job.inputs.head) if job.inputs.head else target.head
    if job.inputs.base:
        return Proposal(repo.resolve(job.inputs.base), head, repo.resolve(job.inputs.base), target.base_ref)
    base = repo.merge_base(tip, head)
    if base is None:
        raise UsageError(f"{head[:7]} and {target.base_ref} have no common ancestor; name one by the input base")
    return Proposal(base, head, tip, target.base_ref)


def _tell(job: Job, found: Review, target: Target) -> None:
    speaks = found.changed or bool(found.notes) or job.inputs.comment is CommentWhen.ALWAYS
    marker = Marker(_key(job), short(found.base), short(found.head), job.run.order)
    page = Page(job.run.number, job.run.url, str(marker) if speaks else "", target.pull_request)
    draft = comment(found, page)
    outputs = {
        "changed": "true" if found.changed else "false",
        "counts": json.dumps(Counter(str(row.kind) for file in found.files for row in file.rows), sort_keys=True),
        "state": json.dumps({file.label: file.state for file in found.files}, sort_keys=True),
        "report": job.outlet.document("report.json", document(found), TYPED, SHOWN),
        "markdown": job.outlet.file("comment.md", draft),
    }
    if speaks:
        job.outlet.summary(job_summary(found, page._replace(marker="")))
    if target.pull_request is not None and target.comments and job.inputs.comment is not CommentWhen.OFF:
        written = _comment(job, target.pull_request, marker, draft if speaks else None)
        outputs["comment-id"] = str(written) if written is not None else ""
    job.outlet.log(_said(found))
    job.outlet.output(outputs)


def _said(found: Review) -> str:
    number = sum(len(file.rows) for file in found.files)
    if not found.files:
        return f"no environment changes between {short(found.base)} and {short(found.head)}"
    changes = f"{count(number, 'variable')} in {count(len(found.files), 'file')}"
    return f"{changes} {plural(number, 'changes', 'change')} between {short(found.base)} and {short(found.head)}"


def _key(job: Job) -> str:
    """Return what tells comments of two configurations apart."""
    text = f"{job.inputs.config or 'envgit'}-{job.inputs.audit_branch or 'audit'}"
    return "".join(char if char.isalnum() or char in "_.-" else "-" for char in PurePosixPath(text).as_posix())[:100]


def _comment(job: Job, pull_request: int, marker: Marker, draft: Draft | None) -> int | None:
    """Write the comment and return its id. None instead of a draft means that there is nothing to say any more.

    Where GitHub refuses, that is a warning, and the job goes on.
    """
    api = job.open_api()
    if api is None:
        job.outlet.annotate(Annotation("warning", "envgit: no comment", "the input github-token is empty"))
        return None
    comments = Comments(api, own_token=job.own_token)
    try:
        known = comments.find(pull_request, marker.key)
        if known is not None and (known.marker.run > marker.run or known.marker.entry is not None):
            job.outlet.log("the comment is a newer run's, or tells of the merge already: left as it is")
            return known.id
        if draft is None and known is None:
            return None
        said = draft or render("clean.md.j2", {"marker": Ours(str(marker)), "head": Bare(marker.head)})
        return comments.write(pull_request, job.outlet.cleared("the comment", said), known)
    except NotAllowed as error:
        hint = f"the job needs the permission {PERMISSION}" if error.status == 403 else "look at the input github-token"
        job.outlet.annotate(
            Annotation("warning", "envgit: no comment", f"{error}; {hint}; the job's summary has the same text")
        )
    except ApiError as error:
        job.outlet.annotate(
            Annotation("warning", "envgit: no comment", f"{error}; the job's summary has the same text")
        )
    return None
