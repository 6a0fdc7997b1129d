"""What a pull request gets: the comment, the summary, annotations and outputs, from real repositories over HTTP."""

from __future__ import annotations

from tests.kit.actions import Actions
from tests.kit.repo import Repo

CONFIG = "version: 1\nenvironments: envs/{environment}.yaml\nreveal: [DEBUG]\n"


def begun(actions: Actions) -> Repo:
    """A repository with one environment and a configuration, pushed."""
    repo = actions.clone_empty("alice")
    repo.write(".envgit.yaml", CONFIG)
    repo.env(
        "envs/production.yaml", {"DATABASE_URL": "postgres://canary-1/db", "DEBUG": False, "API_KEY": "canary-key-1"}
    )
    repo.commit("Begin")
    repo.git("push", "-q", "origin", "main")
    actions.secrets["SOPS_AGE_KEY"] = repo.key.identity
    return repo


def test_one(actions: Actions) -> None:
    """Try."""
    repo = begun(actions)
    repo.git("switch", "-qc", "feature")
    repo.env(
        "envs/production.yaml", {"DATABASE_URL": "postgres://canary-2/db", "DEBUG": True, "API_KEY": "canary-key-1"}
    )
    repo.commit("Change")
    repo.git("push", "-q", "origin", "feature")
    step = actions.review(repo, "feature")
    print(step)
    print(actions.github.comments)
    assert 0
