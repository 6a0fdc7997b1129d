"""Figures of a long log: tracing a variable, one more entry, all that verify checks, and what they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.figures import Figure, bound, faster, pairs, within
from bench.longlog import ENVIRONMENTS, Live
from bench.stage import ENVGIT, Stage

SAMPLE = 200
DAILY = 5
SMALL = 100
LOG = ("git", "log", "--format=%h")
IMPORT = (sys.executable, "-c", "import pygit2")
MEMORY = 250
PACKED = 2048

_SIGNATURES = """
import sys, time
from envgit.signing import SigningKey, verified
key = SigningKey.generate()
public, signature = key.public, key.sign(b"x" * 100)
began = time.perf_counter()
for _ in range(2000):
    assert verified(public, b"x" * 100, signature)
print((time.perf_counter() - began) / 2000)
"""


class Long:
    """A repository with a log of so many entries, packed as a clone has it."""

    def __init__(self, stage: Stage, entries: int) -> None:
        self.stage, self.entries = stage, entries
        self.path = stage.made(
            "longlog", stage.directory / f"log{entries}", str(stage.directory / f"log{entries}"), str(entries)
        )
        self.root = (self.path / ".git" / "genesis").read_text().strip()

    def trace(self) -> Iterator[Figure]:
        """Yield what `blame` takes: the last change in each environment, and every change of the variable that changes most."""
        for words, name, times in ((("blame",), "VARIABLE_7", 1.5), (("blame", "--all"), "BUSY", 2.5)):
            command = (*ENVGIT, *words, name)
            lines = len(self.stage.run(*command, cwd=self.path).splitlines())
            assert lines == (ENVIRONMENTS if name != "BUSY" else self.entries // 100), lines
            what = f"{' '.join(words)} {name}: {lines:,} changes in {self.entries:,} entries"
            path = f"environments/env0/variables/{name}.json"
            ours, imported = pairs(partial(self._timed, *command), partial(self._timed, *IMPORT), 9)
            yield within(what, "python -c 'import pygit2'", ours, imported, times)
            again, git = pairs(
                partial(self._timed, *command), partial(self._timed, *LOG, "envgit-audit", "--", path), 3
            )
            wanted = 8 if self.entries >= 100_000 else None
            points = ((" ".join(words), self.entries, again), ("git log -- path", self.entries, git))
            yield replace(faster(what, "git log -- path, of one environment", again, git, wanted), points=points)
        sample = min(SAMPLE, self.entries - 1)
        sought = self._timed(*LOG, "-SVARIABLE_7", f"envgit-audit~{sample}..envgit-audit") / sample * self.entries
        yield faster(what, f"git log -S, {sample} commits, extrapolated", again, sought, None)

    def _timed(self, *command: str) -> float:
        return self.stage.timed(*command, cwd=self.path)

    def checked(self) -> Iterator[Figure]:
        """Yield what `verify` of all of it takes, in time and in memory."""
        yield from self.whole()
        yield from self.memory()

    def memory(self) -> Iterator[Figure]:
        """Yield the most memory that `verify` of all of it has."""
        self.stage.forget()
        peak = self.stage.peak(*ENVGIT, "verify", "--all", "--trust-root", self.root, cwd=self.path)
        yield bound(f"memory of verify --all, {self.entries:,} entries, all processes", peak, MEMORY, "MiB")

    def packed(self) -> Iterator[Figure]:
        """Yield what an entry takes in the repository, as it was recorded and after `git gc`."""
        yield bound(f"an entry of {self.entries:,} as recorded", self._bytes(self.path) / self.entries, PACKED, "bytes")
        copy = self.stage.copy(self.path, "collected")
        subprocess.run(["git", "-C", str(copy), "gc", "-q"], check=True)
        yield bound(f"an entry of {self.entries:,} after git gc", self._bytes(copy) / self.entries, PACKED, "bytes")

    @staticmethod
    def _bytes(path: Path) -> int:
        listed = subprocess.run(
            ["git", "-C", str(path), "rev-list", "--objects", "--no-object-names", "envgit-audit"],
            check=True,
            capture_output=True,
        )
        command = ["git", "-C", str(path), "cat-file", "--batch-check=%(objectsize:disk)"]
        return sum(
            map(int, subprocess.run(command, check=True, capture_output=True, input=listed.stdout).stdout.split())
        )


class Growing:
    """A log of so many entries that goes on: each call commits a change of one of 60 variables, and records it."""

    def __init__(self, stage: Stage, long: Long) -> None:
        self.stage = stage
        self.path = stage.copy(long.path, f"growing{long.entries}")
        stage.run("git", "config", "envgit.signingKey", str(self.path / ".git" / "bench-signing-key"), cwd=self.path)
        self.live = Live(self.path)
        self.environ = stage.with_key((self.path / ".git" / "bench.agekey").read_text().strip())
        self.root = long.root
        self.record()
        stage.run("git", "gc", "-q", cwd=self.path)

    def record(self) -> float:
        """Return how long recording took."""
        return self.stage.timed(*ENVGIT, "record", cwd=self.path, environ=self.environ)

    def one(self) -> float:
        """Commit a change and record it."""
        self.live.change()
        return self.record()

    def daily(self) -> float:
        """Let a few commits land with their entries, and verify from what this machine saw before."""
        for _one in range(DAILY):
            self.one()
        said = self.stage.run(*ENVGIT, "verify", "--trust-root", self.root, cwd=self.path)
        assert b"OK, level" in said, said
        for _one in range(DAILY):
            self.one()
        return self.stage.timed(*ENVGIT, "verify", "--trust-root", self.root, cwd=self.path)


def one_more(stage: Stage, small: Long, longer: list[Long]) -> Iterator[Figure]:
    """Yield what one more entry costs in a long log beside a short one, the daily check, and the memory of recording."""
    stage.forget()
    first = Growing(stage, small)
    for long in longer:
        last = Growing(stage, long)
        a, b = pairs(last.one, first.one, 9)
        points = (("record of one commit", long.entries, a), ("record of one commit", small.entries, b))
        yield replace(
            within(f"record of one commit at {long.entries:,} entries", f"at {small.entries:,} entries", a, b, 1.3),
            points=points,
        )
        yield bound(f"memory of record at {long.entries:,} entries", _peak_of_one(last), MEMORY, "MiB")
        a, b = pairs(last.daily, lambda at=last.path: stage.timed(*ENVGIT, "--version", cwd=at), 3)  # type: ignore[misc]
        yield within(
            f"verify, {DAILY} new entries of {long.entries:,} since it last ran here", "envgit --version", a, b, None
        )


def _peak_of_one(growing: Growing) -> float:
    growing.live.change()
    return growing.stage.peak(*ENVGIT, "record", cwd=growing.path, environ=growing.environ)
