"""Own what GitHub says of a repository's settings: rules of a branch, environments, names of secrets, variables."""

from __future__ import annotations

from urllib.parse import quote

from envgit.github.api import Api, ApiError, at


def branch_rules(api: Api, branch: str) -> frozenset[str]:
    """Return the kinds of rules that hold for a branch, of whatever ruleset."""
    return frozenset(str(at(rule, "type")) for rule in api.pages(api.of(f"/rules/branches/{branch}")))


def deployment_branches(api: Api, environment: str) -> frozenset[str] | None:
    """Return the branch patterns that an environment is limited to, None where there is no such environment; empty: any branch."""
    try:
        found = api.get(api.of(f"/environments/{quote(environment, safe='')}"))
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    if at(found, "deployment_branch_policy") is None:
        return frozenset()
    if at(found, "deployment_branch_policy", "protected_branches"):
        return frozenset({"(protected branches)"})
    path = api.of(f"/environments/{quote(environment, safe='')}/deployment-branch-policies")
    return frozenset(str(at(policy, "name")) for policy in api.pages(path, "branch_policies"))


def environment_secrets(api: Api, environment: str) -> frozenset[str]:
    """Return the names of an environment's secrets."""
    path = api.of(f"/environments/{quote(environment, safe='')}/secrets")
    return frozenset(str(at(secret, "name")) for secret in api.pages(path, "secrets"))


def repository_secrets(api: Api) -> frozenset[str]:
    """Return the names of the secrets that every job of the repository can have."""
    return frozenset(str(at(secret, "name")) for secret in api.pages(api.of("/actions/secrets"), "secrets"))


def variable(api: Api, name: str) -> tuple[str, bool] | None:
    """Return a variable's value and whether it is the organisation's, None where there is none."""
    for path, organisation in (("/actions/organization-variables", True), ("/actions/variables", False)):
        for item in api.pages(api.of(path), "variables"):
            if at(item, "name") == name:
                return str(at(item, "value")), organisation
    return None
