"""Own what `init --check` looks at on GitHub: the workflows, the environment that keeps the keys, the rules, the trust root's variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from envgit.errors import EnvgitError
from envgit.escape import terminal
from envgit.github import settings
from envgit.github.api import Api, ApiError
from envgit.log.forge import api_of, token_of
from envgit.log.session import Session
from envgit.log.setup import Check
from envgit.log.workflows import FOLDER, NAMES, pinned, wanted

ENVIRONMENT = "envgit"
SIGNING_KEY = "ENVGIT_SIGNING_KEY"
TRUST_ROOT = "ENVGIT_TRUST_ROOT"
NEEDED_RULES = frozenset({"deletion", "non_fast_forward"})


def looked_over_there(run: Session) -> Iterator[Check]:
    """Look at the workflows here and at the settings on GitHub; what cannot be seen is said, and is neither done nor left to do."""
    if not wanted(run.named) or run.remote is None:
        return
    yield from _workflows(run)
    if not token_of(run.environ):
        yield Check("what is set on GitHub", None, "GH_TOKEN=$(gh auth token) envgit init --check looks at it")
        return
    try:
        api = api_of(run)
    except EnvgitError as error:
        yield Check("what is set on GitHub", None, str(error))
        return
    branch = run.source_branch
    for check in (_environment, _secret, _rules, _trust):
        yield _seen(check, _There(run, api, branch))


class _There(NamedTuple):
    """What is looked at: a repository here, the same at GitHub, and the branch that is audited."""

    run: Session
    api: Api
    branch: str


def _seen(look: Callable[[_There], Check], there: _There) -> Check:
    try:
        return look(there)
    except ApiError as error:
        return Check(f"{(look.__doc__ or '').rstrip('.')}: cannot be seen", None, str(error))


def _workflows(run: Session) -> Iterator[Check]:
    head = None if run.repo.is_empty else run.source_or_head()
    for name in NAMES:
        path = f"{FOLDER}/{name}"
        data = run.file_at(head, path)
        if data is None:
            there = run.repo.work_file(path) is not None
            hint = (
                f"git add {path} && git commit"
                if there
                else "envgit init writes it where it is missing; docs/action.md has its text"
            )
            yield Check(f"{path} is committed", False, hint)
            continue
        uses = [
            line.split("uses:", 1)[1].strip() for line in data.decode(errors="replace").splitlines() if "uses:" in line
        ]
        loose = [terminal(text[:100]) for text in uses if "@" in text and not pinned(text)]
        yield Check(
            f"{path} is committed, its actions pinned to commits", not loose, f"pin {', '.join(loose)}" if loose else ""
        )


def _environment(there: _There) -> Check:
    """The environment that keeps the keys."""
    what = f"the environment {ENVIRONMENT} is limited to {there.branch}"
    found = settings.deployment_branches(there.api, ENVIRONMENT)
    put = f"gh api -X PUT repos/{there.api.repository}/environments/{ENVIRONMENT}"
    limit = "-F 'deployment_branch_policy[protected_branches]=false' -F 'deployment_branch_policy[custom_branch_policies]=true'"
    then = f"gh api -X POST repos/{there.api.repository}/environments/{ENVIRONMENT}/deployment-branch-policies -f name={there.branch}"
    return Check(what, found == frozenset({there.branch}), f"{put} {limit} && {then}")


def _secret(there: _There) -> Check:
    """The signing key's secret."""
    what = f"the secret {SIGNING_KEY} is in the environment {ENVIRONMENT}, and only there"
    hint = f"gh secret set {SIGNING_KEY} --env {ENVIRONMENT} < {there.run.repo.config('envgit.signingKey') or 'the key that envgit init made'}"
    if SIGNING_KEY in settings.repository_secrets(there.api):
        return Check(
            what, False, f"gh secret delete {SIGNING_KEY}: every job of the repository can have it; then {hint}"
        )
    exists = settings.deployment_branches(there.api, ENVIRONMENT) is not None
    return Check(what, exists and SIGNING_KEY in settings.environment_secrets(there.api, ENVIRONMENT), hint)


def _rules(there: _There) -> Check:
    """The rules of the log's branch."""
    what = f"{there.run.audit_branch} cannot be deleted or rewritten"
    found = settings.branch_rules(there.api, there.run.audit_branch)
    if "required_signatures" in found:
        return Check(
            what,
            False,
            f"a rule demands verified signatures on {there.run.audit_branch}; docs/action.md#verified says what that needs",
        )
    hint = f"envgit init --print-ruleset | gh api -X POST repos/{there.api.repository}/rulesets --input -"
    return Check(what, found >= NEEDED_RULES, hint)


def _trust(there: _There) -> Check:
    """The trust root's variable."""
    what = f"the variable {TRUST_ROOT} of the organisation is this log's"
    log = there.run.log
    if log is None:
        return Check(what, None, "there is no log yet")
    genesis = log.genesis
    found = settings.variable(there.api, TRUST_ROOT)
    owner = there.api.repository.partition("/")[0]
    hint = f"gh variable set {TRUST_ROOT} --org {owner} --visibility all --body {genesis}"
    if found is not None and found[0].strip() != genesis:
        return Check(
            what,
            False,
            f"it is {terminal(found[0][:80])}, and the log begins with {genesis}; docs/runbook.md#wrong-genesis",
        )
    if found is not None and not found[1]:
        return Check(
            f"the variable {TRUST_ROOT} is this log's (of the repository: who administers it can change it)", True
        )
    return Check(what, found is not None, hint)
