"""Figures of a long log: tracing a variable, one more entry, all that verify checks, and what they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, bound, faster, pairs, rate, within
from bench.longlog import Live
from bench.stage import ENVGIT, Stage

SAMPLE = 200
DAILY = 5
SMALL = 100
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
        log = ("git", "log", "--format=%h", "envgit-audit", "--")
        path = "environments/env0/variables"
        for what, words, file, least in (
            ("blame VARIABLE", ("VARIABLE_7",), f"{path}/VARIABLE_7.json", 1.5),
            ("blame --all, all of its changes", ("--all", "BUSY"), f"{path}/BUSY.json", 2.5),
        ):
            command = (*ENVGIT, "blame", *words)
            lines = self.stage.run(*command, cwd=self.path).splitlines()
            of = f"{what} ({len(lines)}) in {self.entries:,} entries"
            a, b = pairs(
                lambda c=command: self.stage.timed(*c, cwd=self.path),
                lambda: self.stage.timed(*IMPORT, cwd=self.path),
                9,
            )  # type: ignore[misc]
            yield within(of, "python -c 'import pygit2'", a, b, least)
            a, b = pairs(
                lambda c=command: self.stage.timed(*c, cwd=self.path),
                lambda f=file: self.stage.timed(*log, f, cwd=self.path),
                3,
            )  # type: ignore[misc]
            yield faster(of, "git log -- path (one environment)", a, b, 8 if self.entries >= 100_000 else None)
        sought = ("git", "log", "--format=%h", f"-{SAMPLE}", "-SVARIABLE_7", "envgit-audit")
        searched = self.stage.timed("git", "rev-list", "--count", f"-{SAMPLE}", "envgit-audit", cwd=self.path)
        took = (
            self.stage.timed(*sought, f"envgit-audit~{SAMPLE}..envgit-audit", cwd=self.path)
            if self.entries > SAMPLE
            else searched
        )
        yield faster(
            f"blame VARIABLE in {self.entries:,} entries",
            f"git log -S, {SAMPLE} commits, extrapolated",
            a,
            took / SAMPLE * self.entries,
            None,
        )

    def whole(self) -> Iterator[Figure]:
        """Yield what `verify` of all of it takes, as a whole process, beside git and beside the signatures alone."""
        command = (*ENVGIT, "verify", "--all", "--trust-root", self.root)

        def ours() -> float:
            self.stage.forget()
            said = self.stage.run(*command, cwd=self.path)
            assert b"OK, level A" in said, said
            assert f"{self.entries:,} entries".encode() in said, said
            self.stage.forget()
            return self.stage.timed(*command, cwd=self.path)

        def theirs() -> float:
            words = ("git", "log", f"-{SAMPLE}", "--format=%G?", "envgit-audit")
            assert set(self.stage.run(*words, cwd=self.path).split()) == {b"G"}
            return self.stage.timed(*words, cwd=self.path)

        def signatures() -> float:
            return float(self.stage.run(sys.executable, "-c", _SIGNATURES, cwd=self.path))

        a, b = pairs(ours, theirs, 3)
        alone = sorted(signatures() for _ in range(5))[2]
        each = a / self.entries
        yield rate(f"verify --all of {self.entries:,} entries", each, 4_000)
        yield faster(
            f"verify --all of {self.entries:,} entries, each",
            f"git log --format=%G?, {SAMPLE} entries",
            each,
            b / SAMPLE,
            40,
        )
        yield within(
            f"verify --all of {self.entries:,} entries, each",
            "one Ed25519 verification, one processor",
            each,
            alone,
            None,
        )

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
        said = self.stage.run(*ENVGIT, "verify", "--json", "--trust-root", self.root, cwd=self.path)
        assert b'"OK' in said or b'"ok": true' in said or said, said
        for _one in range(DAILY):
            self.one()
        return self.stage.timed(*ENVGIT, "verify", "--trust-root", self.root, cwd=self.path)


def one_more(stage: Stage, small: Long, large: Long) -> Iterator[Figure]:
    """Yield what one more entry costs in a long log beside a short one, the daily check, and the memory of recording."""
    first, last = Growing(stage, small), Growing(stage, large)
    a, b = pairs(last.one, first.one, 9)
    yield within(f"record of one commit at {large.entries:,} entries", f"at {small.entries:,} entries", a, b, 1.3)
    peak = _peak_of_one(last)
    yield bound(f"memory of record at {large.entries:,} entries", peak, MEMORY, "MiB")
    a, b = pairs(last.daily, lambda: stage.timed(*ENVGIT, "--version", cwd=last.path), 5)
    yield within(
        f"verify, {DAILY} new entries of {large.entries:,} since it last ran here", "envgit --version", a, b, None
    )


def _peak_of_one(growing: Growing) -> float:
    growing.live.change()
    return growing.stage.peak(*ENVGIT, "record", cwd=growing.path, environ=growing.environ)
