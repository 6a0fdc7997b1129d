"""Own the demonstration: a repository with a history, made in a temporary directory, for the other commands to be shown on."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from envgit.git.remote import environment, program
from envgit.sops.identities import generate
from envgit.sops.writer import encrypt

BEGINNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

PRODUCTION = {
    "DATABASE_URL": "postgres://app:tulip-17@db.internal/app",
    "DEBUG": "false",
    "LOG_LEVEL": "info",
    "SMTP_PASS": "carrier-pigeon-4711",
    "STRIPE_SECRET_KEY": "demo-stripe-key-one",
}
STAGING = {"DATABASE_URL": "postgres://app:rose-3@staging.internal/app", "DEBUG": "true", "LOG_LEVEL": "debug"}


@dataclass(frozen=True, slots=True)
class Stage:
    """The repository of the demonstration, and the environment in which commands are run there."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)

    def git(self, *arguments: str, author: str = "alice", when: datetime = BEGINNING) -> str:
        """Run git in the repository as one of its people, and return what it printed."""
        stamp = when.isoformat()
        person = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", author), ("EMAIL", f"{author}@acme.example"), ("DATE", stamp))
        }
        done = subprocess.run(
            [program(), *arguments],
            cwd=self.directory,
            env={**self.environ, **person},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def stage(directory: Path) -> Stage:
    """Make a repository whose history has a change of each kind that people ask about."""
    home = directory / "home"
    repo = directory / "platform"
    home.mkdir()
    repo.mkdir()
    alice, alice_public = generate()
    _bob, bob_public = generate()
    kept = {
        name: value
        for name, value in environment().items()
        if not name.startswith(("GIT_", "SOPS_", "ENVGIT_", "XDG_"))
    }
    made = Stage(repo, {**kept, "HOME": str(home), "SOPS_AGE_KEY": alice, "TZ": "UTC", "GIT_CONFIG_NOSYSTEM": "1"})
    made.git("init", "-q", "-b", "main")
    _history(made, alice_public, bob_public)
    return made


def _history(made: Stage, alice: str, bob: str) -> None:
    production, staging = dict(PRODUCTION), dict(STAGING)

    def commit(day: int, author: str, subject: str, recipients: tuple[str, ...] = (alice, bob)) -> None:
        when = BEGINNING + timedelta(days=day, hours=day % 5)
        for name, values in (("production", production), ("staging", staging)):
            _write(made.directory / "envs" / f"{name}.yaml", values, recipients, when)
        made.git("add", "-A", author=author, when=when)
        made.git("commit", "-q", "-m", subject, author=author, when=when)

    commit(0, "carol", "Environments for production and staging")
    commit(2, "alice", "Bob has left: take his key away", (alice,))
    production["DATABASE_URL"] = "postgres://app:orchid-9@db.internal/app"
    commit(3, "dave", "Rotate the database password", (alice,))
    commit(5, "renovate", "Encrypt all files again with a newer sops", (alice,))
    production["STRIPE_SECRET_KEY"] = "demo-stripe-key-two"
    production["DATABASE_URL"] = "postgres://app:lilac-21@db.internal/app"
    production["LOG_LEVEL"] = "debug"
    commit(8, "dave", "Find out why checkout is slow", (alice,))
    production["SMTP_PASSWORD"] = production.pop("SMTP_PASS")
    staging["REDIS_TLS_URL"] = "rediss://staging.internal:6380"
    commit(11, "alice", "Name the mail password as the library wants it", (alice,))
    production["DATABASE_URL"] = "postgres://app:orchid-9@db.internal/app"
    production["LOG_LEVEL"] = "info"
    commit(18, "alice", "Move checkout to the new cluster (#412)", (alice,))


def _write(path: Path, values: Mapping[str, str], recipients: tuple[str, ...], when: datetime) -> None:
    path.parent.mkdir(exist_ok=True)
    text = "".join(f"{name}: {_quoted(value)}\n" for name, value in values.items())
    path.write_text(encrypt(text, recipients, now=when))


def _quoted(value: str) -> str:
    return value if value in ("true", "false") else f'"{value}"'
