"""Own what a job starts from: the run, its event, the inputs, the repository with git's credentials, and GitHub's API."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES
from envgit.ci.inputs import Inputs, inputs_of
from envgit.ci.outlet import Outlet
from envgit.errors import LogError, UsageError
from envgit.git.remote import fetch
from envgit.git.repository import Absent
from envgit.github.api import Api
from envgit.github.event import Event, Run, event_of, run_of
from envgit.github.runner import Runner
from envgit.log.session import Session
from envgit.log.trust import Basis, resolve
from envgit.model import CommitId

Found = TypeVar("Found")

TOKEN = "ENVGIT_GITHUB_TOKEN"  # noqa: S105 -- the name of a variable
JOB_TOKEN = "ENVGIT_JOB_TOKEN"  # noqa: S105 -- likewise


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the Action; `environ` holds secrets, so that no repr shows it."""

    directory: Path
    environ: Mapping[str, str]
    run: Run
    event: Event
    inputs: Inputs
    outlet: Outlet

    def __repr__(self) -> str:
        return f"Job({self.run!r})"

    @property
    def token(self) -> str:
        """The token for GitHub, empty where there is none."""
        return self.environ.get(TOKEN, "")

    @property
    def own_token(self) -> bool:
        """Whether the token is the job's own."""
        return bool(self.token) and self.token == self.environ.get(JOB_TOKEN)

    @property
    def api(self) -> Api | None:
        """GitHub's API, None without a token."""
        return Api(self.run.api, self.run.repository, self.token) if self.token else None

    def session(self) -> Session:
        """Begin anew in the repository: what was fetched since the last time is seen."""
        made = Session(self.directory, self.environ)
        if made.remote is None:
            raise UsageError("the repository has no remote called origin; check it out with actions/checkout first")
        made.watch = self.outlet.watch
        if self.inputs.audit_branch:
            made.audit_branch = self.inputs.audit_branch
        return made


def fetch_log(run: Session, *, entries: bool) -> bool:
    """Fetch the newest entry and its tree, which holds the whole log; with `entries` also what they say. False where there is no log.

    In a partial clone all that will be read comes in one request, not each file in one of its own.
    """
    remote, branch = run.remote or "origin", run.audit_branch
    tracking = f"refs/remotes/{remote}/{branch}"
    if not fetch(run.repo, remote, [f"+refs/heads/{branch}:{tracking}"], "--depth=1"):
        return False
    tip = run.repo.ref(tracking)
    if tip is not None and run.repo.is_partial:
        tree = run.repo.tree_of(CommitId(tip))
        run.repo.prefetch(
            file.id for file in run.repo.files(tree, lambda folder: entries or not folder.startswith(ENTRIES))
        )
    return True


def check_trust(run: Session) -> None:
    """Raise LogError where the log begins with another genesis than the trust root that was given."""
    given = resolve("", run.environ, run.repo, run.named, None)
    genesis = f"sha256:{leaf_hash(run.require_log().bytes_of(0)).hex()}"
    if given.basis is Basis.GIVEN and given.genesis != genesis:
        raise LogError(
            f"{run.audit_branch} begins with {genesis}, and the trust root in {given.source} is {given.genesis}: "
            "nothing is built on it; docs/runbook.md#wrong-genesis"
        )


def job_of(directory: Path, environ: Mapping[str, str], runner: Runner) -> Job:
    """Return the job; raise UsageError where the event or an input is wrong."""
    run = run_of(environ)
    return Job(directory, environ, run, event_of(run, environ), inputs_of(environ), Outlet(runner))


def git_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let git in at the server with the job's token: by a header, so that no argument or address holds it.

    What actions/checkout left for the same server is reset, as two such headers are one too many.
    """
    token, server = environ.get(TOKEN, ""), environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    if not token:
        return {}
    first = int(environ.get("GIT_CONFIG_COUNT", "0") or 0)
    key = f"http.{server}/.extraheader"
    header = f"AUTHORIZATION: basic {basic(token)}"
    return {
        "GIT_CONFIG_COUNT": str(first + 2),
        f"GIT_CONFIG_KEY_{first}": key,
        f"GIT_CONFIG_VALUE_{first}": "",
        f"GIT_CONFIG_KEY_{first + 1}": key,
        f"GIT_CONFIG_VALUE_{first + 1}": header,
    }


def basic(token: str) -> str:
    """Return a token as HTTP's basic authorization has it."""
    return b64encode(f"x-access-token:{token}".encode()).decode()


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
        fetch(run.repo, run.remote or "origin", refspecs, "--unshallow", "--filter=blob:none")
    return work(job.session())
