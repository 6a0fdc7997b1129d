"""Write events as a workflow finds them in GITHUB_EVENT_PATH: what GitHub requires, and what is asked for.

tests/test_github_standin.py holds each builder to GitHub's own description, tests/data/github/webhooks.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tests.kit.github import Json, as_described, filled, number_of, overlaid, repository, smallest, user

DESCRIPTION = Path(__file__).parents[1] / "data" / "github" / "webhooks.json"
NOBODY = "0" * 40
WHEN = "2026-11-20T10:00:00Z"


@cache
def description() -> Json:
    """The description, read once a run."""
    document: Json = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return document


def violation(name: str, payload: Json) -> str:
    """Return what is wrong with a payload, by the description's schema of a webhook; nothing where it is right."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    whole = {**description()["webhooks"][name], "components": description()["components"]}
    told = {field: as_described(value) for field, value in payload.items()}
    error = best_match(Draft202012Validator(whole).iter_errors(told))
    return f"{error.json_path}: {error.message[:300]}" if error else ""


def pull_request(
    number: int,
    action: str,
    base_sha: str,
    head_sha: str,
    *,
    author: str = "alice",
    head_repo: str | None = "acme/platform",
    base_ref: str = "main",
    head_ref: str = "feature",
    merged: bool = False,
    merge_commit_sha: str | None = None,
    merged_by: str = "bob",
    sender: str = "",
    before: str = "f" * 40,
    repo: str = "acme/platform",
) -> Json:
    """Return the payload of `pull_request` and `pull_request_target`; `head_repo` is None once a fork is deleted."""
    closed = action == "closed"
    page = f"https://github.com/{repo}/pull/{number}"
    pull: Json = {
        "id": number_of(page),
        "number": number,
        "title": f"Pull request {number}",
        "body": None,
        "state": "closed" if closed else "open",
        "draft": False,
        "html_url": page,
        "url": f"https://api.github.com/repos/{repo}/pulls/{number}",
        "user": user(author),
        "head": _end(head_repo, head_ref, head_sha, repo, author),
        "base": _end(repo, base_ref, base_sha, repo, author),
        "created_at": WHEN,
        "updated_at": WHEN,
        "closed_at": WHEN if closed else None,
        "merged": merged,
        "merged_at": WHEN if merged else None,
        "merged_by": user(merged_by) if merged else None,
        "merge_commit_sha": merge_commit_sha,
        "author_association": "CONTRIBUTOR",
    }
    ours: Json = {"action": action, "number": number, "pull_request": pull}
    if action == "synchronize":
        ours |= {"before": before, "after": head_sha}
    who = sender or (merged_by if closed and merged else author)
    return _payload(f"pull-request-{action}", {**ours, **_about(repo, who)})


def push(
    before: str,
    after: str,
    ref: str = "refs/heads/main",
    pusher: str = "alice",
    forced: bool = False,
    deleted: bool = False,
    *,
    repo: str = "acme/platform",
) -> Json:
    """Return the payload of `push`; a branch that is new comes from zeros, and one that is deleted goes to them."""
    after = NOBODY if deleted else after
    person = {"name": pusher, "email": f"{pusher}@example.com", "username": pusher}
    commit: Json = {
        "id": after,
        "tree_id": "e" * 40,
        "distinct": True,
        "message": "Change what is deployed",
        "timestamp": "2026-11-20T10:00:00+00:00",
        "url": f"https://github.com/{repo}/commit/{after}",
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": [],
    }
    ours: Json = {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == NOBODY,
        "deleted": deleted,
        "forced": forced,
        "base_ref": None,
        "compare": f"https://github.com/{repo}/compare/{before[:12]}...{after[:12]}",
        "commits": [] if deleted else [commit],
        "head_commit": None if deleted else commit,
        "pusher": {"name": pusher, "email": f"{pusher}@example.com"},
    }
    made = _payload("push", {**ours, **_about(repo, pusher)})
    # This event alone tells a repository's times as numbers.
    made["repository"] |= {"created_at": 1763632800, "pushed_at": 1763632800}
    return made


def merge_group(
    base_sha: str, head_sha: str, base_ref: str = "refs/heads/main", *, number: int = 7, repo: str = "acme/platform"
) -> Json:
    """Return the payload of `merge_group`, as the queue asks for checks of a pull request."""
    branch = base_ref.removeprefix("refs/heads/")
    group: Json = {
        "head_sha": head_sha,
        "head_ref": f"refs/heads/gh-readonly-queue/{branch}/pr-{number}-{base_sha}",
        "base_sha": base_sha,
        "base_ref": base_ref,
        "head_commit": {
            "id": head_sha,
            "tree_id": "e" * 40,
            "message": f"Merge pull request #{number}",
            "timestamp": WHEN,
            "author": {"name": "alice", "email": "alice@example.com"},
            "committer": {"name": "GitHub", "email": "noreply@github.com"},
        },
    }
    about = _about(repo, "github-merge-queue[bot]")
    return _payload("merge-group-checks-requested", {"action": "checks_requested", "merge_group": group, **about})


def workflow_run(
    head_sha: str,
    head_branch: str,
    head_repo: str,
    event: str = "pull_request",
    conclusion: str = "success",
    pull_requests: Iterable[int | Json] = (),
    *,
    actor: str = "alice",
    repo: str = "acme/platform",
) -> Json:
    """Return the payload of `workflow_run` that completed; GitHub names no pull request that came from a fork."""
    run: Json = {
        "id": 30433642,
        "name": "envgit",
        "event": event,
        "status": "completed",
        "conclusion": conclusion,
        "head_sha": head_sha,
        "head_branch": head_branch,
        "head_repository": repository(head_repo, home=repo),
        "repository": repository(repo, home=repo),
        "actor": user(actor),
        "triggering_actor": user(actor),
        "path": ".github/workflows/envgit.yml",
        "run_attempt": 1,
        "run_number": 1,
        "created_at": WHEN,
        "updated_at": WHEN,
        "run_started_at": WHEN,
        "head_commit": {
            "id": head_sha,
            "tree_id": "e" * 40,
            "message": "Change what is deployed",
            "timestamp": WHEN,
            "author": {"name": actor, "email": f"{actor}@example.com"},
            "committer": {"name": actor, "email": f"{actor}@example.com"},
        },
        "pull_requests": [
            each if isinstance(each, dict) else _short_pull(each, head_sha, head_branch, repo) for each in pull_requests
        ],
    }
    ours = {"action": "completed", "workflow_run": run, **_about(repo, actor)}
    workflow = filled(description(), "webhooks_workflow", {"name": "envgit", "path": run["path"], "state": "active"})
    return _payload("workflow-run-completed", {**ours, "workflow": workflow})


def schedule(cron: str = "17 4 * * *", *, repo: str = "acme/platform") -> Json:
    """Return the payload of `schedule`, which is no webhook: GitHub describes it nowhere."""
    path = ".github/workflows/envgit.yml"
    return {"schedule": cron, "workflow": path, "repository": repository(repo, home=repo)}


def workflow_dispatch(
    inputs: Json | None = None, *, ref: str = "refs/heads/main", actor: str = "alice", repo: str = "acme/platform"
) -> Json:
    """Return the payload of `workflow_dispatch`: every input is text there, and none at all is null."""
    ours = {"inputs": inputs, "ref": ref, "workflow": ".github/workflows/envgit.yml", **_about(repo, actor)}
    return _payload("workflow-dispatch", ours)


def _payload(name: str, ours: Json) -> Json:
    made: Json = overlaid(smallest(description(), description()["webhooks"][name]), ours)
    return made


def _about(repo: str, sender: str) -> Json:
    return {"repository": repository(repo, home=repo), "sender": user(sender)}


def _end(full_name: str | None, ref: str, sha: str, home: str, author: str) -> Json:
    owner = full_name.partition("/")[0] if full_name else author
    repo = repository(full_name, home=home) if full_name else None
    return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "repo": repo, "user": user(owner)}


def _short_pull(number: int, head_sha: str, head_branch: str, repo: str) -> Any:
    address = f"https://api.github.com/repos/{repo}"
    short = {"id": number_of(repo), "name": repo.partition("/")[2], "url": address}
    return {
        "id": number_of(f"{repo}#{number}"),
        "number": number,
        "url": f"{address}/pulls/{number}",
        "head": {"ref": head_branch, "sha": head_sha, "repo": short},
        "base": {"ref": "main", "sha": "b" * 40, "repo": short},
    }
