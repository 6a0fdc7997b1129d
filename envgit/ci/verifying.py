"""Own the scheduled check of the log: the whole of it, against the whole source branch, with an issue while it fails."""

from __future__ import annotations

from datetime import UTC, datetime

from envgit.ci.alarm import alarmed, relieved
from envgit.ci.job import Job
from envgit.errors import CannotTell, EnvgitError
from envgit.git.remote import fetch_branch
from envgit.github.runner import Annotation
from envgit.log.verdict import Verification, Wanted
from envgit.log.verification import verification
from envgit.render import Draft
from envgit.views import verify as view
from envgit.words import moment


def verified(job: Job) -> int:
    """Verify the log; return the exit status of `envgit verify`."""
    try:
        found = _verification(job)
    except EnvgitError as error:
        alarmed(job, "verify", "the log cannot be verified", str(error))
        raise
    for line in view.lines(found) if found.ok else view.errors(found):
        job.outlet.log(line)
    job.outlet.output(
        {"report": job.outlet.document("report.json", view.document(found), view.TYPED), "changed": "false"}
    )
    job.outlet.summary(Draft(f"**envgit**: {'the log is as signed' if found.ok else 'the log is NOT OK'}.\n\n", ()))
    if not found.ok:
        first = next(iter(view.errors(found)), "")
        job.outlet.annotate(Annotation("error", "envgit: the log is not as it was signed", first))
        alarmed(job, "verify", "the log is not as it was signed, or not whole", first)
        return 1
    oldest = moment(job.inputs.max_age, datetime.now(UTC))
    status, said = view.incomplete(found, None, oldest.timestamp() if oldest else None)
    if status:
        job.outlet.annotate(Annotation("warning", "envgit: verify", said))
        job.outlet.log(said)
        alarmed(job, "verify", "the log does not have everything", said)
        return status
    relieved(job, "verify")
    return 0


def _verification(job: Job) -> Verification:
    run = job.session()
    remote = run.required_remote()
    unshallow = ("--unshallow",) if run.repo.is_shallow else ()
    if fetch_branch(run.repo, remote, run.audit_branch, *unshallow) is None:
        raise CannotTell(
            f"{remote} has no branch {run.audit_branch}: there is no log to verify, or somebody deleted it; "
            "docs/runbook.md#missing"
        )
    run = job.session()
    fetch_branch(run.repo, remote, run.source_branch)
    return verification(job.session(), Wanted())
