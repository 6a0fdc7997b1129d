"""Figures of a long log: `verify` of all of it, and the daily check that goes on from what was verified, beside what git does."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from envgit.audit.entry import Change, ChangeBody, Event, FileChange, GenesisSource, Signer, Signers, Source
from envgit.audit.objects import ObjectWrite, object_id
from envgit.fingerprint import FingerprintKey, digest
from envgit.git.repository import Repository
from envgit.log.append import Appender, Pen, genesis_entry, this_tool
from envgit.log.signer import KINDS
from envgit.model import (
    ChangeKind,
    CommitId,
    Config,
    EnvironmentPattern,
    EventKind,
    ObjectId,
    Person,
    Secret,
    ValueType,
)
from envgit.signing import SigningKey

ENTRIES = int(os.environ.get("ENVGIT_BENCH_ENTRIES", "4000"))
DAILY = 5
SAMPLE = 100
VARIABLES, ENVIRONMENTS = 200, 5
FLUSH = 5_000
TIME = "2026-01-01T00:00:00Z"
EMPTY = object_id("tree", b"")

Timed = Callable[[], float]
Row = tuple[str, float, float, str, str]


def long_log(stage, pairs) -> list[Row]:
    """`verify` of a log of ENTRIES entries, whole and from a pin, an entry beside `git log --format=%G?`."""
    made = _Made(stage.directory / "long")
    made.grow(ENTRIES)
    stage.run("git", "config", "gpg.ssh.allowedSignersFile", str(made.allowed), cwd=made.path)
    envgit = stage.envgit

    def verify(*words: str) -> float:
        began = time.perf_counter()
        said = stage.run(*envgit, "verify", "--trust-root", made.genesis, *words, cwd=made.path)
        took = time.perf_counter() - began
        assert b"OK, level" in said, said
        return took

    def theirs() -> float:
        command = ("git", "log", f"-{SAMPLE}", "--format=%G?", "envgit-audit")
        began = time.perf_counter()
        assert set(stage.run(*command, cwd=made.path).split()) == {b"G"}
        return time.perf_counter() - began

    whole, git = pairs(lambda: verify("--all"), theirs, 3)
    made.grow(DAILY)
    pinned = stage.directory / "home" / ".local" / "state"
    aside = stage.directory / "state-then"
    subprocess.run(["cp", "-a", str(pinned), str(aside)], check=True)

    def daily() -> float:
        subprocess.run(["rm", "-rf", str(pinned)], check=True)
        subprocess.run(["cp", "-a", str(aside), str(pinned)], check=True)
        return verify()

    begun, start = pairs(daily, lambda: stage.timed(*envgit, "--version"), 5)
    each, beside = whole / ENTRIES, git / SAMPLE
    return [
        (
            f"verify, whole process, an entry of {ENTRIES:,}",
            each,
            beside,
            f"{beside / each:.0f} x",
            "4,000 entries/s: 0.25 ms",
        ),
        (
            f"verify from the pin, {DAILY} new of {ENTRIES:,} (envgit --version)",
            begun,
            start,
            f"{begun / start:.1f} x",
            "0.5 s",
        ),
    ]


class _Made:
    """A repository whose source branch and log grow together; its commits hold no file, so that only the log is measured."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        self.path, self.repo, self.key = path, Repository.open(path), SigningKey.generate()
        self.repo.write([ObjectWrite(EMPTY, "tree", b"")])
        self.commits: list[CommitId] = []
        self.allowed = path / "allowed"
        self.allowed.write_text(f"envgit@envgit.invalid {self.key.public_line}\n")
        signer = Signer("envgit", "envgit@envgit.invalid", self.key.public_line, KINDS, 0)
        config = Config(environments=(EnvironmentPattern("envs/{environment}.yaml"),))
        pen = Pen(self.key, TIME, this_tool())
        genesis = genesis_entry(
            "bench/log",
            GenesisSource("main", None, None),
            config,
            pen,
            nonce="bench",
            signers=Signers(1, 0, (), (signer,)),
        )
        self.log = Appender.begin(genesis, pen, self.repo, "refs/heads/envgit-audit")
        self.genesis = f"sha256:{self.log.leaf.hex()}"
        self.fingerprints = FingerprintKey.of(bytes(range(32)))
        self.last: dict[tuple[int, int], tuple[int, str]] = {}
        self.held: dict[int, str] = {}

    def grow(self, number: int) -> None:
        """Let so many commits land, each with its entry."""
        waiting: list[ObjectWrite] = []
        for _one in range(number):
            waiting.append(self._commit())
            self.log.append("change", self._change(len(self.commits) - 1))
            if self.log.waiting >= FLUSH:
                self.repo.write(waiting)
                self.log.flush()
                waiting.clear()
        self.repo.write(waiting)
        self.log.flush()
        subprocess.run(["git", "-C", str(self.path), "update-ref", "refs/heads/main", self.commits[-1]], check=True)

    def _commit(self) -> ObjectWrite:
        parent = f"parent {self.commits[-1]}\n" if self.commits else ""
        who = f"a <a@bench.invalid> {1_767_225_600 + len(self.commits)} +0000"
        raw = f"tree {EMPTY}\n{parent}author {who}\ncommitter {who}\n\nchange\n".encode()
        self.commits.append(CommitId(object_id("commit", raw)))
        return ObjectWrite(ObjectId(self.commits[-1]), "commit", raw)

    def _change(self, number: int) -> ChangeBody:
        where, which = number % ENVIRONMENTS, number // ENVIRONMENTS % VARIABLES
        name, after = f"VARIABLE_{which}", digest(str(number).encode())
        mark = self.fingerprints.fingerprint(name, ValueType.STR, Secret(str(number).encode()))
        known = self.last.get((where, which))
        first = where not in self.held
        change = Change(
            name,
            ChangeKind.CHANGED if known else ChangeKind.ADDED,
            ValueType.STR,
            before=known[1] if known else None,
            after=mark,
            previous=known[0] if known else None,
        )
        events = (Event(EventKind.CREATED), Event(EventKind.FINGERPRINT_KEY, id=self.fingerprints.id)) if first else ()
        file = FileChange(
            f"env{where}", f"envs/env{where}.yaml", self.held.get(where), after, after, key=self.fingerprints.id,
            events=events, changes=(change,),
        )  # fmt: skip
        self.last[where, which], self.held[where] = (self.log.log.size, mark), after
        previous = self.commits[-2] if number else None
        return ChangeBody(
            Source("main", self.commits[-1], previous, Person("a", "a@bench.invalid", TIME), TIME), (file,)
        )
