"""Own what a job starts from: the run, its event, the inputs, the repository, and GitHub's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envgit.ci.credentials import TOKEN
from envgit.ci.inputs import Inputs, inputs_of
from envgit.ci.outlet import Outlet
from envgit.github.api import Api
from envgit.github.event import Event, Run, event_of, run_of
from envgit.github.runner import Runner
from envgit.log.session import Session

JOB_TOKEN = "ENVGIT_JOB_TOKEN"  # noqa: S105 -- the name of a variable


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

    def open_api(self) -> Api | None:
        """Begin with GitHub's API, None without a token."""
        return Api(self.run.api, self.run.repository, self.token) if self.token else None

    def session(self) -> Session:
        """Begin anew in the repository: what was fetched since the last time is seen."""
        made = Session(self.directory, self.environ)
        made.trusted = True
        made.required_remote()
        made.watch = self.outlet.watch
        if self.inputs.audit_branch:
            made.audit_branch = self.inputs.audit_branch
        return made


def job_of(directory: Path, environ: Mapping[str, str], runner: Runner) -> Job:
    """Return the job; raise UsageError where the event or an input is wrong."""
    run = run_of(environ)
    return Job(directory, environ, run, event_of(run, environ), inputs_of(environ), Outlet(runner))
