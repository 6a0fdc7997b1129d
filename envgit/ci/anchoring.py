"""Own the weekly sign of life: a note of the log's own, and what authorities and witnesses say; who is down stops nothing."""

from __future__ import annotations

from envgit.ci.job import Job
from envgit.errors import CannotTell
from envgit.git.remote import fetch_branch
from envgit.github.runner import Annotation
from envgit.log.anchoring import Asked
from envgit.log.anchoring import anchored as log_anchored
from envgit.words import count


def anchored(job: Job) -> int:
    """Append anchors and push them; return 0 also where somebody who was asked is down: it is said."""
    run = job.session()
    remote = run.required_remote()
    if fetch_branch(run.repo, remote, run.audit_branch) is None:
        raise CannotTell(
            f"{remote} has no branch {run.audit_branch}: there is no log to anchor; docs/runbook.md#missing"
        )
    done, failed = log_anchored(job.session(), Asked(job.inputs.tsa, job.inputs.witnesses), push=True)
    job.outlet.log(f"{count(done.recorded, 'anchor')}, {count(done.entries, 'entry')} now")
    for line in failed:
        job.outlet.annotate(Annotation("warning", "envgit: anchor", f"not had from {line}"))
        job.outlet.log(f"not had from {line}")
    return 0
