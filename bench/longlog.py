"""Make a long log in no time that matters: entries by the recorder's own pen, over files that hold no secret.

`python -m bench.longlog DIRECTORY ENTRIES` makes a repository with 1,000 variables in each of 5 environments, and one environment more,
`live`, whose file is a real one; each entry changes one variable, and every hundredth the one that is called BUSY.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.envfile import EnvFile
from envgit.audit.entry import Change, ChangeBody, Event, FileChange, GenesisSource, Signer, Signers, Source
from envgit.audit.objects import ObjectWrite, tree_row, written
from envgit.fingerprint import FingerprintKey, digest
from envgit.git.repository import Repository
from envgit.log.append import Appender, Pen, genesis_entry, this_tool
from envgit.log.signer import KINDS
from envgit.model import (
    ChangeKind,
    CommitId,
    Config,
    Digest,
    EnvironmentPattern,
    EventKind,
    Fingerprint,
    ObjectId,
    Person,
    Secret,
    ValueType,
)
from envgit.signing import SigningKey
from envgit.sops.identities import generate

VARIABLES, ENVIRONMENTS, LIVE = 1_000, 5, 60
FLUSH = 2_000
TIME = "2026-01-01T00:00:00Z"


class LongLog:
    """A repository whose source branch and log grow together."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        self.path, self.repo, self.key = path, Repository.open(path), SigningKey.generate()
        key_file = path / ".git" / "bench-signing-key"  # named by whoever records on; this place is not the last
        key_file.touch(0o600)
        key_file.write_text(self.key.to_openssh())
        for setting, value in (
            ("envgit.signingKey", str(key_file)),
            ("gpg.ssh.allowedSignersFile", str(path / ".git" / "allowed")),
        ):
            subprocess.run(["git", "-C", str(path), "config", setting, value], check=True)
        (path / ".git" / "allowed").write_text(f"envgit@envgit.invalid {self.key.public_line}\n")
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
        (path / ".git" / "genesis").write_text(f"sha256:{self.log.leaf.hex()}\n")
        self.fingerprints = FingerprintKey.of(bytes(range(32)))
        self.commits: list[CommitId] = []
        self.last: dict[tuple[int, str], tuple[int, Fingerprint]] = {}
        self.held: dict[int, Digest] = {}
        self.rows: dict[str, ObjectId] = {}
        self.waiting: list[ObjectWrite] = []

    def grow(self, number: int) -> None:
        """Let so many commits land, each with its entry."""
        for _one in range(number):
            self._one(len(self.commits))
            if self.log.waiting >= FLUSH:
                self._flush()
        self._flush()

    def _flush(self) -> None:
        self.repo.write(self.waiting)
        self.waiting.clear()
        self.log.flush()
        subprocess.run(["git", "-C", str(self.path), "update-ref", "refs/heads/main", self.commits[-1]], check=True)

    def _one(self, number: int) -> None:
        where = number % ENVIRONMENTS
        data = b"stands for a file, version %d\n" % number
        self._commit(f"env{where}.yaml", data)
        name = "BUSY" if number % 100 == 0 else f"VARIABLE_{number // ENVIRONMENTS % VARIABLES}"
        mark = self.fingerprints.fingerprint(name, ValueType.STR, Secret(data))
        known = self.last.get((where, name))
        first = where not in self.held
        kind = ChangeKind.CHANGED if known else ChangeKind.ADDED
        change = Change(name, kind, ValueType.STR, before=known and known[1], after=mark, previous=known and known[0])
        key = Event(EventKind.FINGERPRINT_KEY, id=self.fingerprints.id)
        after = digest(data)
        file = FileChange(
            f"env{where}", f"envs/env{where}.yaml", self.held.get(where), after, after, key=self.fingerprints.id,
            events=(Event(EventKind.CREATED), key) if first else (), changes=(change,),
        )  # fmt: skip
        self.last[where, name], self.held[where] = (self.log.log.size, mark), after
        previous = self.commits[-2] if number else None
        person = Person("a", "a@bench.invalid", TIME)
        self.log.append("change", ChangeBody(Source("main", self.commits[-1], previous, person, TIME), (file,)))

    def _commit(self, name: str, data: bytes) -> None:
        blob = written("blob", data)
        self.rows[name] = blob.id
        envs = written("tree", b"".join(tree_row(b"100644", one.encode(), self.rows[one]) for one in sorted(self.rows)))
        root = written("tree", tree_row(b"40000", b"envs", envs.id))
        parent = f"parent {self.commits[-1]}\n" if self.commits else ""
        who = f"a <a@bench.invalid> {1_767_225_600 + len(self.commits)} +0000"
        commit = written("commit", f"tree {root.id}\n{parent}author {who}\ncommitter {who}\n\nchange\n".encode())
        self.commits.append(CommitId(commit.id))
        self.waiting += (blob, envs, root, commit)


class Live:
    """The environment of a long log whose file is real: `change` commits, for `envgit record` to find."""

    def __init__(self, path: Path) -> None:
        self._path = path
        identity, recipient = generate()
        (path / ".git" / "bench.agekey").write_text(f"{identity}\n")
        self._file = EnvFile(LIVE, recipient)
        subprocess.run(["git", "-C", str(path), "reset", "-q", "--hard"], check=True)
        self._land(self._file.anew())
        self._number = 0

    def change(self) -> None:
        """Commit a change of one variable."""
        self._number += 1
        self._land(self._file.change("VARIABLE_7", f"value {self._number}", self._number))

    def _land(self, data: bytes) -> None:
        (self._path / "envs" / "live.yaml").write_bytes(data)
        who = ("-c", "user.name=a", "-c", "user.email=a@bench.invalid")
        for words in (("add", "-A"), (*who, "commit", "-q", "-m", "change")):
            subprocess.run(["git", "-C", str(self._path), *words], check=True)


def main(directory: str, entries: str) -> None:
    """Make a log of so many entries, the genesis one of them."""
    LongLog(Path(directory)).grow(int(entries) - 1)
    # One pack, as a clone has it.
    subprocess.run(["git", "-C", directory, "repack", "-adq"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
