"""Own recording in a job: catch the log up, push it, and tell the pull requests whose merge it recorded.

What is missing is told by the log, not by the event: a run that was cancelled, skipped or overtaken is caught up with by the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, FileChange, Review
from envgit.ci.alarm import alarmed, relieved
from envgit.ci.fetching import fetch_log, with_history
from envgit.ci.job import Job
from envgit.errors import EnvgitError
from envgit.escape import terminal
from envgit.gate import Leak
from envgit.github.api import ApiError
from envgit.github.comments import Comments, Marker
from envgit.github.event import Push
from envgit.github.reviews import Reviews
from envgit.github.runner import Annotation
from envgit.log.clock import now
from envgit.log.record import Told
from envgit.log.recording import Recording, record
from envgit.log.session import Session
from envgit.model import CommitId
from envgit.render import Bare, Digest, Draft, render
from envgit.views.blame import approver
from envgit.words import count, label, short

# A job that catches up with more merges than this leaves their comments as they are: the log has all that matters.
COMMENTS_AT_MOST = 20
# What is added to a comment of full length has to fit.
APPROVALS_AT_MOST = 10


def recorded(job: Job) -> int:
    """Record what is missing and push it; return the exit status. Where there is no log yet, say so and end well."""
    try:
        found = with_history(job, [], lambda run: _record(job, run))
    except EnvgitError as error:
        alarmed(job, "record", "recording fails", str(error))
        raise
    if found is None:
        return 0
    for warning in found.warnings:
        job.outlet.annotate(Annotation("warning", "envgit: record", warning))
        job.outlet.log(f"warning: {warning}")
    job.outlet.log(found.summary)
    entries = [found.log.entry(number) for number in range(found.first or 0, found.entries)] if found.recorded else []
    job.outlet.output(
        {
            "changed": "true" if entries else "false",
            "entries": json.dumps([entry.sequence for entry in entries]),
            "audit-commit": found.tip or "",
            "state": json.dumps({label((file.environment, file.unit)): file.state for file in _files(entries)}),
        }
    )
    job.outlet.summary(_summary(found))
    _tell_pull_requests(job, entries, found)
    relieved(job, "record")
    return 0


def _record(job: Job, run: Session) -> Recording | None:
    """Record in one session; None where there is nothing to do."""
    remote, branch = run.remote, run.audit_branch
    if not fetch_log(run, entries=False):
        said = f"no log yet: {remote} has no branch {branch}; envgit init and envgit record --push begin one, from a person's machine"
        job.outlet.annotate(Annotation("notice", "envgit: no log yet", said))
        job.outlet.log(said)
        return None
    log = run.require_log()
    job.outlet.config = log.state.config
    source, event = log.state.config.branch, job.event
    if isinstance(event, Push) and event.ref != f"refs/heads/{source}":
        job.outlet.log(f"{terminal(event.ref)} is not the source branch, {source}: nothing to record")
        return None
    if isinstance(event, Push) and event.after is None:
        said = f"{source} was deleted: nothing to record; what was recorded of it stays"
        job.outlet.annotate(Annotation("warning", "envgit: the source branch was deleted", said))
        job.outlet.log(said)
        return None
    return record(run, _told(job, run, source), push=True)


def _told(job: Job, run: Session, source: str) -> Told:
    api = job.open_api()
    told = Told(job.run.actor, f"{job.run.number}.{job.run.attempt}", _pushers(job, run))
    if api is None:
        reason = Review(at=now(), unavailable="no token for GitHub")
        return replace(told, review=lambda _commit: reason)
    return replace(told, review=Reviews(api, source, now()).of)


def _pushers(job: Job, run: Session) -> Callable[[CommitId], str]:
    """Return who pushed a commit, as far as this event tells: of what other pushes brought nothing is known here."""
    event = job.event
    if not isinstance(event, Push) or event.after is None:
        return lambda _commit: ""

    @lru_cache(maxsize=1)
    def brought(push: Push) -> frozenset[str]:
        before, after = push.before, CommitId(push.after or "")
        if before is None or push.forced or not run.repo.has(before) or not run.repo.has(after):
            return frozenset({after})
        return frozenset(run.repo.between(before, after))

    return lambda commit: event.pusher if commit in brought(event) else ""


def _summary(found: Recording) -> Draft:
    said = f"{count(found.recorded, 'entry')} recorded, {count(found.entries, 'entry')} in the log"
    return Draft(f"**envgit**: {said}.\n\n", ())


def _files(entries: list[Entry]) -> Iterator[FileChange]:
    for entry in entries:
        yield from getattr(entry.body, "files", ())


def _tell_pull_requests(job: Job, entries: list[Entry], found: Recording) -> None:
    """Give each pull request's comment its last word: which entry its merge became. Failing to is a warning."""
    api = job.open_api()
    merged = {review.pull_request: review for _entry, review, _commit in _reviewed(entries)}
    if api is None or not merged or len(merged) > COMMENTS_AT_MOST:
        return
    comments = Comments(api, own_token=job.own_token)
    for number in merged:
        ours = [
            (entry, review, commit) for entry, review, commit in _reviewed(entries) if review.pull_request == number
        ]
        try:
            _tell(job, comments, ours, found)
        except (ApiError, Leak) as error:
            job.outlet.annotate(Annotation("warning", "envgit: the comment was not brought up to date", str(error)))


def _reviewed(entries: list[Entry]) -> Iterator[tuple[Entry, Review, CommitId]]:
    for entry in entries:
        body = entry.body
        if (
            isinstance(body, ChangeBody | ConfigBody)
            and body.review is not None
            and body.review.pull_request is not None
        ):
            yield entry, body.review, body.source.commit


def _tell(job: Job, comments: Comments, ours: list[tuple[Entry, Review, CommitId]], found: Recording) -> None:
    _entry, review, commit = ours[0]
    number = review.pull_request or 0
    known = comments.of(number)
    for comment in known:
        if comment.marker.entry is not None:
            continue
        numbers = [entry.sequence for entry, _review, _commit in ours]
        marker = Marker(comment.marker.key, comment.marker.base, comment.marker.head, comment.marker.run, numbers[-1])
        draft = render("merged.md.j2", {
            "commit": Digest(short(commit)),
            "entries": [Bare(one) for one in numbers],
            "approvals": [{"login": Bare(approver(one)), "commit": Digest(short(one.commit))} for one in review.approvals[:APPROVALS_AT_MOST]],
            "merged_by": Bare(review.merged_by),
            "audit": Digest(short(found.tip or "")),
        })  # fmt: skip
        _first, _newline, rest = comment.body.partition("\n")
        whole = f"{marker}\n{job.outlet.cleared('the comment', draft)}\n{rest}"
        comments.write(number, whole, comment)
