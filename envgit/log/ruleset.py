"""Own the ruleset that protects the log's branch at GitHub: the body of POST /repos/{owner}/{repo}/rulesets."""

from __future__ import annotations

import re

from envgit.errors import UsageError

_APP = re.compile(r"app:([1-9][0-9]{0,15})")


def ruleset(audit_branch: str, writer: str = "") -> dict[str, object]:
    """Return the ruleset: nobody deletes or rewrites the branch.

    With a `writer`, `deploy-key` or `app:ID`, nobody else pushes to it either: GitHub lets pass a deploy key or an App, and never a
    workflow's own token. Raise UsageError for any other.
    """
    rules = ["deletion", "non_fast_forward", "required_linear_history"]
    bypass: list[dict[str, object]] = []
    if writer:
        # A rule that the writer passes would let it rewrite, too: those who bypass are bound by the second ruleset, which has no bypass.
        rules = ["creation", "update"]
        bypass = [_bypass(writer)]
    return {
        "name": "envgit: who writes the log" if writer else "envgit: the log is only added to",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{audit_branch}"], "exclude": []}},
        "rules": [{"type": rule} for rule in rules],
        "bypass_actors": bypass,
    }


def _bypass(writer: str) -> dict[str, object]:
    if writer == "deploy-key":
        return {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}
    if found := _APP.fullmatch(writer):
        return {"actor_id": int(found[1]), "actor_type": "Integration", "bypass_mode": "always"}
    raise UsageError(f"{writer!r} can write no log: name it as deploy-key or app:ID")
