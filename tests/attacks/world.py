"""Own the good log that is attacked: made by the real commands, then settled under keys and times that are known.

The recorder's own entries are signed anew with two persons as roots and with times that are fixed, so that a case can speak of both.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envgit.audit.codec import decode_entry
from envgit.audit.entry import Entry, Root, Signer, Signers
from envgit.audit.names import ENTRIES, numbered
from envgit.git.repository import Repository
from envgit.log.readme import TEXT
from envgit.signing import SigningKey
from tests.audit.chain import KEY, KINDS
from tests.kit.cli import process
from tests.kit.repo import Repo
from tests.kit.sops import Key
from tests.kit.values import replace

from .line import AUDIT, Line

ALICE, DESKTOP, BOB, MALLORY = (
    SigningKey(Ed25519PrivateKey.from_private_bytes(name.ljust(32, b".")))
    for name in (b"alice", b"alice, desktop", b"bob", b"mallory")
)
ROOTS = (
    Root("alice", ALICE.public_line),
    Root("alice", DESKTOP.public_line),
    Root("bob", BOB.public_line),
)
SIGNER = Signer("envgit", "envgit@envgit.invalid", KEY.public_line, KINDS, 0)
SIGNERS = Signers(1, 2, ROOTS, (SIGNER,))
PATH = "envs/production.yaml"
REMOTE = "https://git.example/acme/platform.git"
CONFIG = "version: 1\nenvironments: envs/{environment}.yaml\nreveal: [DEBUG]\n"


def at(hours: int) -> str:
    """Return the time of the entry that stands `hours` hours after the first."""
    return f"2026-01-{6 + hours // 24:02}T{hours % 24:02}:00:00Z"


@dataclass(frozen=True, slots=True)
class World:
    """A repository with a good log of these entries; `commits` are those of its source branch by a name."""

    path: Path
    key: Key
    entries: tuple[Entry, ...]
    commits: dict[str, str]


def built(folder: Path) -> World:
    """Make it."""
    repo = Repo(folder / "repo")
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "SOPS_", "ENVGIT_", "XDG_"))]:
            patch.delenv(name)
        for name, value in {"HOME": str(home), "TZ": "UTC", "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}.items():
            patch.setenv(name, value)
        commits = _story(repo)
        _run(repo, "record")
    entries = settled(_entries(repo))
    line = Line(repo.path, TEXT)
    for entry in entries:
        line.put(entry)
    (repo.path / ".git" / AUDIT).write_text(f"{line.tip}\n")
    repo.git("reflog", "expire", "--all", "--expire=now")
    return World(repo.path, repo.key, entries, commits)


def _story(repo: Repo) -> dict[str, str]:
    """Make a source branch with a value that changes back, a merge, and a second environment."""
    commits = {}
    repo.write(".envgit.yaml", CONFIG)
    production(repo, "blue")
    commits["begin"] = repo.commit("Begin")
    repo.git("remote", "add", "origin", REMOTE)
    _run(repo, "init", "--no-workflows")
    for name in ("green", "blue"):
        production(repo, name)
        commits[name] = repo.commit(f"Make it {name}", author="bob")
    repo.env("envs/staging.yaml", {"TOKEN": "token-of-staging"})
    commits["staging"] = repo.commit("Add staging", author="carol")
    repo.git("switch", "-q", "-c", "feature")
    production(repo, "feature")
    commits["feature"] = repo.commit("Change on a branch", author="carol")
    repo.git("switch", "-q", "main")
    commits["merge"] = repo.merge("feature")
    repo.env("envs/staging.yaml", {"TOKEN": "token-of-staging-2"})
    commits["last"] = repo.commit("Change staging", author="bob")
    repo.git("branch", "-q", "-D", "feature")
    return commits


def production(repo: Repo, name: str) -> None:
    """Write the production environment's file."""
    repo.env(PATH, {"TOKEN": f"token-{name}", "DEBUG": False, "API_KEY": "key-1"})


def _run(repo: Repo, *words: str) -> None:
    done: subprocess.CompletedProcess[str] = process(repo.path, *words, SOPS_AGE_KEY=repo.key.identity)
    assert done.returncode == 0, done.stdout + done.stderr


def _entries(repo: Repo) -> list[Entry]:
    found = Repository.open(repo.path)
    size = int(repo.git("rev-list", "--count", AUDIT))
    return [decode_entry(found.raw(repo.ref(f"{AUDIT}:{'/'.join(numbered(ENTRIES, n))}"))[1]) for n in range(size)]


def settled(entries: list[Entry]) -> tuple[Entry, ...]:
    """Return the entries with roots, the test key as signer, and fixed times."""
    first = replace(entries[0], body=replace(entries[0].body, signers=SIGNERS))
    return tuple(replace(entry, recorded_at=at(entry.sequence)) for entry in (first, *entries[1:]))
