"""Figures of a long log: tracing a variable, one more entry, all that verify checks, and what they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from statistics import mean

from bench.figures import Figure, bound, faster, pairs, rate, within
from bench.longlog import ENVIRONMENTS, Live
from bench.stage import ENVGIT, Stage, audit_bytes

SAMPLE = 200
DAILY = 5
LOG = ("git", "log", "--format=%h")
IMPORT = (sys.executable, "-c", "import pygit2")
MEMORY = 250  # MiB
PACKED = 2048  # bytes
LARGE = 100_000  # entries, for which the figures are promised

_SIGNATURES = """
import sys, time
from envgit.signing import SigningKey, verified
from envgit.audit.sshsig import public_bytes
key = SigningKey.generate()
public, signature = public_bytes(key.public_line), key.sign(b"x" * 100)
began = time.perf_counter()
for _ in range(2000):
    assert verified(public, b"x" * 100, signature)
print((time.perf_counter() - began) / 2000)
"""


class Long:
    """A repository with a log of so many entries, in one pack, as a clone has it."""

    def __init__(self, stage: Stage, entries: int) -> None:
        self.stage, self.entries = stage, entries
        self.path = stage.made("longlog", f"log{entries}", str(entries))
        stage.run("git", "config", "gpg.ssh.allowedSignersFile", str(self.path / ".git" / "allowed"), cwd=self.path)
        self.root = (self.path / ".git" / "genesis").read_text().strip()
        self._verify = (*ENVGIT, "verify", "--all", "--trust-root", self.root)

    def _timed(self, *command: str, said: bytes = b"") -> float:
        return self.stage.timed(*command, cwd=self.path, said=said)

    def _promised(self, wanted: float) -> float | None:
        return wanted if self.entries >= LARGE else None

    def trace(self) -> Iterator[Figure]:
        """Yield what `blame` takes: the last change in each environment, and every change of the variable that changes most."""
        for words, name, times in ((("blame",), "VARIABLE_7", 1.5), (("blame", "--all"), "BUSY", 2.5)):
            command = (*ENVGIT, *words, name)
            lines = len(self.stage.run(*command, cwd=self.path).splitlines())
            assert lines == (ENVIRONMENTS if name != "BUSY" else -(-(self.entries - 1) // 100)), lines
            what = f"{' '.join(words)} {name}: {lines:,} changes in {self.entries:,} entries"
            path = f"environments/env0/variables/{name}.json"
            ours, imported = pairs(partial(self._timed, *command), partial(self._timed, *IMPORT), 9)
            yield within(what, "python -c 'import pygit2'", ours, imported, times)
            again, git = pairs(
                partial(self._timed, *command), partial(self._timed, *LOG, "envgit-audit", "--", path), 3
            )
            points = ((" ".join(words), self.entries, again), ("git log -- path", self.entries, git))
            figure = faster(what, "git log -- path, of one environment", again, git, self._promised(8))
            yield replace(figure, points=points)
        sample = min(SAMPLE, self.entries - 1)
        sought = self._timed(*LOG, f"-S{name}", f"envgit-audit~{sample}..envgit-audit") / sample * self.entries
        yield faster(what, f"git log -S, {sample} commits, extrapolated", again, sought, None)

    def checked(self) -> Iterator[Figure]:
        """Yield what `verify` of all of it takes as a whole process, beside git and beside the signatures alone, and its memory."""
        sample = min(SAMPLE, self.entries)

        def ours() -> float:
            self.stage.forget()
            return self._timed(*self._verify, said=f"{self.entries:,} entries: every signature good".encode())

        def theirs() -> float:
            return self._timed("git", "log", f"-{sample}", "--format=%G?", "envgit-audit", said=b"G\n" * sample)

        took, git = pairs(ours, theirs, 3)
        alone, both = pairs(partial(self._signature, 1), partial(self._signature, 2))
        each, beside = took / self.entries, git / sample
        what = f"verify --all of {self.entries:,} entries"
        points = (
            ("verify --all", self.entries, took),
            ("git log --format=%G?, extrapolated", self.entries, beside * self.entries),
        )
        yield replace(rate(what, each, self._promised(4_000)), points=points)
        yield faster(f"{what}, each", f"git log --format=%G?, {sample} entries", each, beside, self._promised(40))
        yield within(f"{what}, each", "one Ed25519 verification, one processor", each, alone, None)
        yield within("an Ed25519 verification, two processes at once", "one process alone", both, alone, None)
        self.stage.forget()
        peak = self.stage.peak(*self._verify, cwd=self.path)
        yield bound(f"memory of {what}, both processes", peak, MEMORY, "MiB")

    def _signature(self, processes: int) -> float:
        """Return how long a process takes for one verification while so many do nothing else: processors share what they have."""
        with ThreadPoolExecutor(processes) as pool:
            runs = [
                pool.submit(self.stage.run, sys.executable, "-c", _SIGNATURES, cwd=self.path) for _ in range(processes)
            ]
            return mean(float(run.result()) for run in runs)

    def packed(self) -> Iterator[Figure]:
        """Yield what an entry takes in the repository, as it is in one pack, and after `git gc`."""
        yield bound(
            f"an entry of {self.entries:,}, in one pack", audit_bytes(self.path) / self.entries, PACKED, "bytes"
        )
        copy = self.stage.copy(self.path, "collected")
        subprocess.run(["git", "-C", str(copy), "gc", "-q"], check=True)
        yield bound(f"an entry of {self.entries:,} after git gc", audit_bytes(copy) / self.entries, PACKED, "bytes")


class Growing:
    """A log of so many entries that goes on: each call commits a change of one of 60 variables, and records it."""

    def __init__(self, stage: Stage, long: Long) -> None:
        self.stage, self.root, self.entries = stage, long.root, long.entries
        self.path = stage.copy(long.path, f"growing{long.entries}")
        stage.run("git", "config", "envgit.signingKey", str(self.path / ".git" / "bench-signing-key"), cwd=self.path)
        self.live = Live(self.path)
        self.environ = stage.with_key((self.path / ".git" / "bench.agekey").read_text().strip())
        self._record()

    def _record(self) -> float:
        return self.stage.timed(*ENVGIT, "record", cwd=self.path, environ=self.environ, said=b"1 entry signed")

    def _verify(self) -> float:
        return self.stage.timed(
            *ENVGIT, "verify", "--trust-root", self.root, cwd=self.path, said=b"this log continues the one"
        )

    def one(self) -> float:
        """Commit a change, and return how long recording it took."""
        self.live.change()
        return self._record()

    def peak(self) -> float:
        """Commit a change, and return the memory that recording it took, in MiB."""
        self.live.change()
        return self.stage.peak(*ENVGIT, "record", cwd=self.path, environ=self.environ)

    def daily(self) -> float:
        """Let a few commits land with their entries, and return how long it takes to verify from what this machine saw before."""
        self.stage.run(*ENVGIT, "verify", "--trust-root", self.root, cwd=self.path)
        for _one in range(DAILY):
            self.one()
        return self._verify()


def one_more(stage: Stage, small: Long, longer: list[Long]) -> Iterator[Figure]:
    """Yield what one more entry costs in a long log beside a short one, the daily check, and the memory of recording."""
    stage.forget()
    first = Growing(stage, small)
    for last in (Growing(stage, long) for long in longer):
        ours, theirs = pairs(last.one, first.one, 9)
        what = f"record of one commit at {last.entries:,} entries"
        points = (("record of one commit", last.entries, ours), ("record of one commit", small.entries, theirs))
        yield replace(within(what, f"at {small.entries:,} entries", ours, theirs, 1.3), points=points)
        yield bound(f"memory of {what}", last.peak(), MEMORY, "MiB")
        ours, start = pairs(last.daily, partial(stage.timed, *ENVGIT, "--version", cwd=last.path), 3)
        what = f"verify, {DAILY} new entries of {last.entries:,} since it last ran here"
        yield replace(
            within(what, "envgit --version", ours, start, None), points=(("verify, daily", last.entries, ours),)
        )
