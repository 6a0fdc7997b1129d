"""Own the one issue that stands open while recording or verifying fails, so that a red run which nobody looks at is not the end of it."""

from __future__ import annotations

from collections.abc import Callable

from envgit.ci.job import Job
from envgit.gate import Leak
from envgit.github import issues
from envgit.github.api import Api, ApiError, NotAllowed
from envgit.github.comments import Comments
from envgit.github.runner import Annotation
from envgit.log.clock import now
from envgit.render import Bare, Link, Ours, render

PERMISSION = "issues: write"


def alarmed(job: Job, kind: str, what: str, detail: str) -> None:
    """Have an issue of a kind, `record` or `verify`, that says what fails; where GitHub does not let us, a warning says so."""
    values = {
        "what": Ours(what),
        "since": Bare(now()),
        "detail": detail,
        "run_link": Link(f"run {job.run.number}", job.run.url),
    }
    try:
        text = job.outlet.cleared("the issue", render("issue.md.j2", values))
    except Leak:
        # An alarm that says less is better than none.
        text = f"See {job.run.url}; what it says would show a value.\n"
    _with_api(job, lambda api, login: issues.keep_open(api, login, kind, f"envgit: {what}", text))


def relieved(job: Job, kind: str) -> None:
    """Close the issue of a kind, where one is open."""
    text = f"All is well again since {job.run.url}.\n"
    _with_api(job, lambda api, login: issues.close(api, login, kind, text))


def _with_api(job: Job, work: Callable[[Api, str], None]) -> None:
    api = job.open_api()
    if api is None:
        return
    try:
        work(api, Comments(api, own_token=job.own_token).login)
    except NotAllowed as error:
        text = f"{error}; the job needs the permission {PERMISSION} to keep an issue open while something fails"
        job.outlet.annotate(Annotation("warning", "envgit: no issue", text))
    except ApiError as error:
        job.outlet.annotate(Annotation("warning", "envgit: no issue", str(error)))
