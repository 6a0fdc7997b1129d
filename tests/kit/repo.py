"""Make real git repositories by the git program, with fixed people and times, and env files that envgit's own writer encrypts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from envgit.model import Rules
from envgit.sops.writer import encrypt
from tests.kit.sops import Key, new_key

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Repo:
    """A repository; every commit is an hour after the one before it."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.path = path
        self.key: Key = new_key()
        self.hours = 0
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *arguments)

    @classmethod
    def clone(cls, source: Path | str, path: Path, *arguments: str) -> Repo:
        """Clone a repository or a bundle."""
        made = cls.__new__(cls)
        made.path, made.key, made.hours = path, new_key(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["git", "clone", "-q", "-b", "main", *arguments, str(source), str(path)], check=True, capture_output=True
        )
        return made

    def git(self, *arguments: str, author: str = "alice", check: bool = True, data: bytes | None = None) -> str:
        """Run git here as one of the people, and return what it printed."""
        stamp = (BEGINNING + timedelta(hours=self.hours)).isoformat()
        person = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", author), ("EMAIL", f"{author}@acme.example"), ("DATE", stamp))
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **person},
            input=data,
            capture_output=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, path: str, data: bytes | str) -> None:
        """Write a file of the work tree."""
        full = self.path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data.encode() if isinstance(data, str) else data)

    def env(
        self,
        path: str,
        values: Mapping[str, object] | str,
        *keys: Key,
        rules: Rules | None = None,
        data_key: bytes | None = None,
    ) -> None:
        """Write an encrypted env file, for the repository's own key where none is named; its data key stays the same."""
        text = (
            values
            if isinstance(values, str)
            else "".join(f"{name}: {_yaml(value)}\n" for name, value in values.items())
        )
        recipients = [key.recipient for key in keys or (self.key,)]
        known = data_key or sha256(path.encode()).digest()
        when = BEGINNING + timedelta(hours=self.hours)
        self.write(path, encrypt(text, recipients, rules=rules or Rules(), now=when, data_key=known))

    def commit(self, subject: str = "Change", *, author: str = "alice") -> str:
        """Commit everything and return the commit's id."""
        self.hours += 1
        self.git("add", "-A", author=author)
        self.git("commit", "-q", "--allow-empty", "-m", subject, author=author)
        return self.head

    @property
    def head(self) -> str:
        """The commit that HEAD is at."""
        return self.git("rev-parse", "HEAD")

    def ref(self, name: str) -> str:
        """Return where a ref is, empty where it is not."""
        return self.git("rev-parse", "-q", "--verify", name, check=False)

    def merge(self, branch: str, *arguments: str, author: str = "alice") -> str:
        """Merge a branch into the one that is checked out."""
        self.hours += 1
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", *arguments, branch, author=author)
        return self.head


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
