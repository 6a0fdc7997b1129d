"""Own what `init --check` looks at: which steps of the set-up are done, as far as this machine can see."""

from __future__ import annotations

from dataclasses import dataclass

from envgit import config as configuration
from envgit.errors import EnvgitError
from envgit.log.pins import Pins
from envgit.log.session import Session
from envgit.log.signer import signing_key
from envgit.log.trust import Basis, resolve


@dataclass(frozen=True, slots=True)
class Check:
    """One step: `done` None where it does not apply; `hint` is the command that does it."""

    what: str
    done: bool | None
    hint: str = ""


def looked_over(run: Session) -> list[Check]:
    """Look at every step and return them in the order in which one does them."""
    return [_config(run), _key(run), _log(run), _recorded(run), _pushed(run), _trust(run)]


def _config(run: Session) -> Check:
    head = None if run.repo.is_empty else run.repo.resolve("HEAD")
    for path in configuration.PATHS:
        if head is not None and run.repo.entry_at(head, path) is not None:
            return Check(f"{path} is committed", True)
    there = next((path for path in configuration.PATHS if run.repo.work_file(path) is not None), None)
    hint = f"git add {there} && git commit -m 'Audit the environments with envgit'" if there else "envgit init"
    return Check("the configuration is committed", False, hint)


def _key(run: Session) -> Check:
    try:
        found = signing_key(run)
    except EnvgitError as error:
        return Check("a signing key is here", False, str(error))
    return Check(
        "a signing key is here", found is not None, "envgit init makes one; in CI it is the secret ENVGIT_SIGNING_KEY"
    )


def _log(run: Session) -> Check:
    return Check(f"{run.audit_branch} is here", run.log is not None, "envgit init, or git fetch it")


def _recorded(run: Session) -> Check:
    what = "all of the source branch is recorded"
    if run.log is None:
        return Check(what, None)
    try:
        head = run.source_head(run.log.state.config.branch)
    except EnvgitError as error:
        return Check(what, False, str(error))
    # A head that touches nothing is not recorded itself: whether commits wait is what verify tells exactly.
    done = run.log.state.source_commit is not None and (
        head == run.log.state.source_commit or run.repo.is_ancestor(run.log.state.source_commit, head)
    )
    return Check("the history is recorded", done, "envgit record")


def _pushed(run: Session) -> Check:
    if run.remote is None or run.log is None:
        return Check("the log is shared (there is no remote)", None)
    tracking = run.repo.ref(f"refs/remotes/{run.remote}/{run.audit_branch}")
    return Check(
        f"the log is at {run.remote}", tracking is not None and str(tracking) == run.log.tip, "envgit record --push"
    )


def _trust(run: Session) -> Check:
    pin = Pins(run.environ, run.home, run.named).read()
    given = resolve("", run.environ, run.repo, run.named, pin).basis is Basis.GIVEN
    hint = f"git config --global envgit.{run.named}.trustRoot HASH, as envgit init printed it; in CI ENVGIT_TRUST_ROOT"
    return Check("the trust root is given from outside the repository", given, hint)
