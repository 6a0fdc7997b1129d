"""Own how a repository's forge is found from a person's machine or a job: its API, its token, and what it says of reviews."""

from __future__ import annotations

from collections.abc import Mapping

from envgit.errors import UsageError
from envgit.github.api import Api
from envgit.github.reviews import Reviews
from envgit.log.clock import now
from envgit.log.record import Told
from envgit.log.session import Session

TOKENS = ("ENVGIT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")


def token_of(environ: Mapping[str, str]) -> str:
    """Return the first token that the environment has, empty where it has none."""
    return next((environ[name] for name in TOKENS if environ.get(name)), "")


def api_of(run: Session) -> Api:
    """Return the API of the repository's forge; raise UsageError where there is no token, or the remote is not one of GitHub's form."""
    token = token_of(run.environ)
    if not token:
        raise UsageError(f"no token for GitHub: set {TOKENS[1]}, as in GH_TOKEN=$(gh auth token)")
    host, _slash, path = run.named.partition("/")
    repository = run.environ.get("GITHUB_REPOSITORY") or path
    if host.startswith("local") or repository.count("/") != 1:
        raise UsageError(f"{run.named} is no repository on GitHub; reviews are asked for there")
    default = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
    return Api(run.environ.get("GITHUB_API_URL") or default, repository, token)


def asking(run: Session) -> Told:
    """Return what a run is told that asks the forge for reviews and knows nothing else."""
    return Told(review=Reviews(api_of(run), run.source_branch, now()).of)
