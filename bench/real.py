"""Figures of three years of a real project's env files: recording, signatures, `blame` and `diff`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, faster, pairs, within
from bench.stage import DATA, ENVGIT, SOPS, Stage

_SIGNATURES = """
import time
from pathlib import Path
from envgit.audit import commit, sshsig
from envgit.git.repository import Repository
from envgit.signing import verified
repo = Repository.open(Path("."))
began, oid, number = time.perf_counter(), repo.ref("refs/heads/envgit-audit"), 0
while oid:
    raw = repo.raw(oid)[1]
    plain, armor = commit.detach(raw)
    public, signature = sshsig.dearmor(armor)
    assert verified(public, sshsig.signed_data(plain), signature)
    oid, number = (commit.parents(raw) or (None,))[0], number + 1
assert number == 107
print((time.perf_counter() - began) / number)
"""


class Real:
    """A clone of the real history, with its log."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        identity = (DATA / "ci.agekey").read_text().splitlines()[-1]
        self.environ = stage.with_key(identity)
        self.number = 0
        stage.forget()
        self.path = self._clone()
        self._run(*ENVGIT, "init", "--no-workflows")
        self._run(*ENVGIT, "record")

    def figures(self) -> Iterator[Figure]:
        """Yield all of them."""
        yield self._record()
        yield self._signatures()
        yield self._blame()
        yield self._diff()

    def _run(self, *command: str) -> bytes:
        return self.stage.run(*command, cwd=self.path, environ=self.environ)

    def _clone(self) -> Path:
        self.number += 1
        path = self.stage.fresh(f"real{self.number}")
        subprocess.run(["git", "clone", "-q", "-b", "main", str(DATA / "history.bundle"), str(path)], check=True)
        return path

    def _record(self) -> Figure:
        sides = self._sides()

        def ours() -> float:
            path = self._clone()
            self.stage.run(*ENVGIT, "init", "--no-workflows", cwd=path, environ=self.environ)
            took = self.stage.timed(*ENVGIT, "record", cwd=path, environ=self.environ)
            assert len(self.stage.run("git", "rev-list", "envgit-audit", cwd=path).split()) == 107
            return took

        def theirs() -> float:
            return sum(self.stage.timed(SOPS, "decrypt", name, cwd=self.path, environ=self.environ) for name in sides)

        a, b = pairs(ours, theirs, 3)
        return faster("record of 106 commits", f"sops decrypt of {len(sides)} sides", a, b, 20)

    def _sides(self) -> list[str]:
        """Write both sides of every changed file to disk, as one would for sops, and return their paths."""
        found: list[str] = []
        folder = self.stage.directory / "sides"
        folder.mkdir(exist_ok=True)
        for commit in self._run("git", "rev-list", "main").decode().split():
            rows = self._run("git", "diff-tree", "--root", "-r", "--no-commit-id", commit, "--", "envs").decode()
            for row in rows.splitlines():
                for blob in row.split()[2:4]:
                    if blob.strip("0"):
                        path = folder / f"{len(found)}.yaml"
                        path.write_bytes(self._run("git", "cat-file", "blob", blob))
                        found.append(str(path))
        return found

    def _signatures(self) -> Figure:
        log = json.loads(self._run("git", "show", "envgit-audit:log.json"))
        signer = log["signers"]["signers"][0]
        allowed = self.stage.directory / "allowed_signers"
        allowed.write_text(f"{signer['email']} {signer['key']}\n")
        options = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}")
        command = ("git", *options, "log", "--format=%G?", "envgit-audit")
        assert self._run(*command).split() == [b"G"] * 107
        a, b = pairs(
            lambda: float(self._run(sys.executable, "-c", _SIGNATURES)),
            lambda: self.stage.timed(*command, cwd=self.path) / 107,
        )
        return faster("the signatures alone, each", "git log --format=%G?", a, b, 30)

    def _blame(self) -> Figure:
        a, b = pairs(
            lambda: self.stage.timed(*ENVGIT, "blame", "DATABASE_URL", cwd=self.path),
            lambda: self.stage.timed(sys.executable, "-c", "import pygit2", cwd=self.path),
            15,
        )
        return within("blame DATABASE_URL", "python -c 'import pygit2'", a, b, 1.5)

    def _diff(self) -> Figure:
        sides = []
        for number, revision in enumerate(("HEAD~20", "HEAD")):
            path = self.stage.directory / f"real-side{number}.yaml"
            path.write_bytes(self._run("git", "show", f"{revision}:envs/development.yaml"))
            sides.append(str(path))
        command = (*ENVGIT, "diff", "HEAD~20", "HEAD", "--", "envs/development.yaml")
        a, b = pairs(
            lambda: self.stage.timed(*command, cwd=self.path, environ=self.environ),
            lambda: sum(self.stage.timed(SOPS, "decrypt", side, cwd=self.path, environ=self.environ) for side in sides),
        )
        return faster("diff of one file, 66 variables", "sops decrypt of both sides", a, b, None)
