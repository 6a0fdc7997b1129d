"""Own a witness's run: another owner's log is looked at, and what was seen goes into this repository before anybody can rely on it."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from envgit.ci.job import Job
from envgit.errors import CannotTell, Incomplete, UsageError
from envgit.git.program import complaint, git
from envgit.git.remote import PushStatus, push
from envgit.git.repository import Repository
from envgit.github.runner import Annotation
from envgit.log.signer import SIGNER_EMAIL
from envgit.log.trust import parse
from envgit.log.witness import Witness
from envgit.log.witness import witnessed as log_witnessed
from envgit.signing import WITNESS, load
from envgit.words import count

STORE = "logs"
_AS = ("-c", "user.name=envgit witness", "-c", f"user.email={SIGNER_EMAIL}", "-c", "commit.gpgSign=false")


def witnessed(job: Job) -> int:
    """Verify and cosign a log; return 1 where it is not sound, or not the one that was seen."""
    run = job.session()
    key = load(job.environ, None, WITNESS)
    given = job.environ.get("ENVGIT_TRUST_ROOT", "")
    if key is None or not job.inputs.log or not given:
        raise UsageError("a witness needs the inputs log, trust-root and witness-key; docs/witness.md")
    top = run.repo.work_dir
    if top is None:
        raise UsageError("a witness needs its repository checked out; actions/checkout comes first")
    name = f"{urlsplit(job.environ.get('GITHUB_SERVER_URL', 'https://github.com')).netloc}/{job.run.repository}"
    (top / STORE).mkdir(exist_ok=True)
    branch = job.inputs.audit_branch or "envgit-audit"
    now = int(datetime.now(UTC).timestamp())
    found = log_witnessed(job.inputs.log, branch, parse(given, "trust-root"), top / STORE, Witness(name, key[0]), now)
    for problem in found.problems:
        job.outlet.log(f"error: {problem.detail} [{problem.code}]")
        job.outlet.annotate(Annotation("error", "envgit witness: not cosigned", problem.detail))
    if not found.problems and found.newer_from is None:
        job.outlet.log(f"{count(found.size, 'entry')} verified and cosigned")
    _kept(run.repo, run.required_remote(), f"See {count(found.size, 'entry')}")
    return 1 if found.problems else 4 if found.newer_from is not None else 0


def _kept(repo: Repository, remote: str, message: str) -> None:
    """Commit what was seen, and push it without force: a cosignature that is not kept here is given to nobody."""
    tree = f"--work-tree={repo.work_dir}"
    for arguments in (
        ["add", "--force", "--", f"{repo.work_dir}/{STORE}", f":(exclude){repo.work_dir}/{STORE}/.lock"],
        ["diff", "--cached", "--quiet"],
    ):
        done = git(repo.git_dir, [tree, *arguments])
        if arguments[0] == "diff" and done.returncode == 0:
            return
        if arguments[0] == "add" and done.returncode:
            raise CannotTell(f"cannot keep what was seen: {complaint(done.stderr)}")
    done = git(repo.git_dir, [tree, *_AS, "commit", "--quiet", "-m", message])
    head, branch = repo.resolve("HEAD"), repo.head_branch()
    if done.returncode or branch is None:
        raise CannotTell(f"cannot keep what was seen: {complaint(done.stderr)}")
    result = push(repo, remote, head, f"refs/heads/{branch}")
    if result.status in (PushStatus.STALE, PushStatus.REFUSED):
        raise Incomplete(
            f"what was seen could not be pushed ({result.reason or result.status}): nothing is cosigned for anybody"
        )
