"""The story that the tests of the Action tell: a repository with one environment, its log, and a pull request."""

from __future__ import annotations

from tests.kit.actions import Actions
from tests.kit.cli import Cli

CONFIG = "version: 1\nenvironments: envs/{environment}.yaml\nreveal: [DEBUG]\n"
VALUES = {"DATABASE_URL": "postgres://canary-1/db", "DEBUG": False, "API_KEY": "canary-key-1"}
NUMBER = 415


class Story:
    """A repository with one environment on the forge, and a pull request that is yet to be made."""

    def __init__(self, actions: Actions, cli: Cli) -> None:
        self.actions = actions
        self.cli = cli
        self.repo = actions.clone_empty("alice")
        self.repo.write(".envgit.yaml", CONFIG)
        self.env(VALUES)
        self.land("Begin")
        actions.secrets["SOPS_AGE_KEY"] = self.repo.key.identity

    def env(self, values: dict, *keys, name: str = "production", **more) -> None:
        """Write an environment's file."""
        self.repo.env(f"envs/{name}.yaml", values, *keys, **more)

    def land(self, subject: str = "Change") -> str:
        """Commit to main and push."""
        commit = self.repo.commit(subject)
        self.repo.git("push", "-q", "origin", "main")
        return commit

    def log(self) -> None:
        """Begin the log and record what there is, as a person."""
        self.cli.directory = self.repo.path
        self.cli.identity(self.repo.key.identity)
        if not self.repo.ref("envgit-audit"):
            self.cli.ok("init")
            self.repo.git("checkout", "-q", ".")
            self.repo.git("clean", "-fdq")
        self.cli.ok("record", "--push")

    def propose(self, branch: str = "feature", subject: str = "Propose") -> None:
        """Commit what lies in the work tree to a branch and push it."""
        self.repo.git("switch", "-q", "-C", branch)
        head = self.repo.commit(subject)
        self.repo.git("push", "-qf", "origin", branch)
        tip = self.repo.git("rev-parse", "origin/main")
        self.actions.github.pull(NUMBER, head_sha=head, base_sha=tip, head_ref=branch)

    def review(self, branch: str = "feature", **more):
        """Run the review."""
        return self.actions.review(self.repo, branch, number=NUMBER, **more)

    @property
    def comments(self) -> list[str]:
        """The bodies of the pull request's comments."""
        return [comment["body"] for comment in self.actions.github.comments.get(NUMBER, [])]
