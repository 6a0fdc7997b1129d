"""Own the scene of an attack: a copy of the good repository, what an attacker does to it, and what is then asked of git and envgit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envgit.audit import commit as commits
from envgit.audit.codec import encode_entry
from envgit.audit.entry import Body, Entry
from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.objects import tree_row, tree_rows
from envgit.git.repository import Repository
from envgit.log.readme import TEXT
from envgit.model import ObjectId
from envgit.signing import SigningKey
from tests.audit.chain import SECOND_SIGNER
from tests.kit.cli import Cli, Ran, process
from tests.kit.repo import Repo
from tests.kit.values import replace

from .line import AUDIT, Edit, Line, store
from .world import KEY, ROOTS, World, at


@dataclass(frozen=True, slots=True)
class Said:
    """What a verification came to: the codes it found, its status and its level."""

    code: str
    status: int
    level: str

    @property
    def text(self) -> str:
        """All of it in few words."""
        return ", ".join(filter(None, (str(self.status), self.code, self.level and f"level {self.level}")))


def said(ran: Ran) -> Said:
    """Read what a run of `verify --json` came to."""
    if not ran.out:
        assert ran.exit in (2, 3), ran.err
        return Said("", ran.exit, "")
    found = json.loads(ran.out)
    assert found["ok"] == (ran.exit in (0, 4)), (ran.exit, ran.out)
    assert bool(found["problems"]) == (ran.exit == 1), ran.out
    return Said(" ".join(sorted({one["code"] for one in found["problems"]})), ran.exit, found["level"] or "")


@dataclass
class Scene:
    """A repository under attack; `words` and `environ` are what the reader adds to `verify`, `trust_root` what he knows.

    `apart` is to run it in a process of its own.
    """

    world: World
    folder: Path
    cli: Cli
    words: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    trust_root: str = ""
    apart: bool = False

    def __post_init__(self) -> None:
        """Copy the good repository."""
        shutil.copytree(self.world.path, self.folder / "repo", symlinks=True)
        self.repo = Repo.__new__(Repo)
        self.repo.path, self.repo.hours = self.folder / "repo", 48
        self.entries = list(self.world.entries)
        self.trust_root = f"sha256:{leaf_hash(encode_entry(self.entries[0])).hex()}"
        oids = self.repo.git("rev-list", "--reverse", AUDIT).split()
        self.oids = [ObjectId(oid) for oid in oids]

    # What is there.

    @property
    def path(self) -> Path:
        """Where the repository is."""
        return self.repo.path

    @property
    def tip(self) -> ObjectId:
        """The newest commit of the good log."""
        return self.oids[-1]

    def object(self, oid: str) -> bytes:
        """Return the bytes of an object."""
        return Repository.open(self.path).raw(ObjectId(oid))[1]

    def raw(self, number: int) -> bytes:
        """Return the raw commit of an entry."""
        return self.object(self.oids[number])

    def entry_blob(self, number: int) -> str:
        """Return the id of an entry's blob."""
        return self.repo.git("rev-parse", f"{self.tip}:{'/'.join(numbered(ENTRIES, number))}")

    # What one without the key can do.

    def put(self, kind: str, data: bytes) -> ObjectId:
        """Write an object."""
        return store(self.path, kind, data)

    def point(self, oid: str, ref: str = AUDIT) -> None:
        """Set a ref, whatever it then points to."""
        file = self.path / ".git" / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{oid}\n")

    def stack(self, raws: Iterable[bytes]) -> None:
        """Put raw commits on top of one another, each with the parent that it now has."""
        tip = ""
        for data in raws:
            was = next(iter(commits.parents(data)), "")
            head = data.replace(f"parent {was}\n".encode(), f"parent {tip}\n".encode() if tip else b"", 1)
            if not was and tip:
                head = data.replace(b"\nauthor", f"\nparent {tip}\nauthor".encode(), 1)
            tip = self.put("commit", head)
        self.point(tip)

    def edit(self, change: Edit, number: int = -1) -> None:
        """Change the bytes of a commit, and of those above it only the parent's name."""
        raws = [self.raw(n) for n in range(len(self.oids))]
        changed = change(raws[number])
        assert changed != raws[number]
        raws[number] = changed
        self.stack(raws)

    def swap(self, old: str, new: str, first: int) -> None:
        """Put one object in the place of another in all trees from entry `first` on, and make the commits name them."""
        raws = [self.raw(n) for n in range(len(self.oids))]
        known: dict[str, str] = {}
        for number in range(first, len(raws)):
            tree = commits.tree_of(raws[number])
            other = self._swapped(tree, old, new, known)
            raws[number] = raws[number].replace(tree.encode(), other.encode(), 1)
        self.stack(raws)

    def _swapped(self, tree: str, old: str, new: str, known: dict[str, str]) -> str:
        if tree in known:
            return known[tree]
        rows = []
        for mode, name, oid in tree_rows(self.object(tree)):
            other = new if oid == old else self._swapped(oid, old, new, known) if mode == b"40000" else oid
            rows.append(tree_row(mode, name, ObjectId(other)))
        known[tree] = self.put("tree", b"".join(rows))
        return known[tree]

    def with_row(self, tree: str, mode: bytes, name: bytes, oid: str) -> ObjectId:
        """Return a tree with one more row, or another for a name that it has."""
        rows = {known: tree_row(kind, known, found) for kind, known, found in tree_rows(self.object(tree))}
        rows[name] = tree_row(mode, name, ObjectId(oid))
        return self.put("tree", b"".join(rows[known] for known in sorted(rows)))

    # What one with the key can do.

    def line(self, size: int | None = None, key: SigningKey = KEY) -> Line:
        """Return the log as it stands with its first `size` entries, to go on from there."""
        made = Line(self.path, TEXT, key)
        for entry, oid in zip(self.entries[:size], self.oids, strict=False):
            made.follow(entry, oid)
        return made

    def next(self, body: Body, kind: str, hours: int | None = None, **envelope: object) -> Entry:
        """Return the entry that would follow on the good log."""
        sequence = len(self.entries)
        made = replace(self.entries[-1], sequence=sequence, kind=kind, body=body, recorded_at=at(hours or sequence))
        return replace(made, **envelope)

    def append(self, entry: Entry, **how: Any) -> None:
        """Append an entry, signed by the log's key, and remember it as part of the log."""
        made = self.line()
        self.point(made.put(entry, **how))
        self.entries.append(entry)
        self.oids.append(made.tip)  # type: ignore[arg-type]

    def again(self, entries: Sequence[Entry], first: int = 0, key: SigningKey = KEY) -> None:
        """Sign the log anew with other entries, from entry `first` on."""
        made = self.line(first, key)
        for entry in entries[first:]:
            made.put(entry)
        self.point(made.tip or "")

    # What is asked.

    def allowed(self) -> Path:
        """Write the file of allowed signers: the log's key, and those of the team, who sign their commits."""
        path = self.folder / "allowed-signers"
        keys = [("envgit@envgit.invalid", KEY.public_line), ("next@envgit.invalid", SECOND_SIGNER.public_line)]
        keys += [(f"{root.name}@acme.example", root.key) for root in ROOTS]
        path.write_text("".join(f'{who} namespaces="git" {key}\n' for who, key in keys))
        return path

    def git_says(self) -> str:
        """Return what `git log --format=%G?` says of the branch."""
        options = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={self.allowed()}")
        done = subprocess.run(
            ["git", *options, "log", "--format=%G?", AUDIT.removeprefix("refs/heads/")],
            cwd=self.path,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return "git cannot read it"
        marks = Counter(done.stdout.split())
        good = marks.pop("G", 0)
        others = ", ".join(f"{number} {mark}" for mark, number in sorted(marks.items()))
        if not good and not others:
            return "git sees no commit"
        return f"{'G' if good else 'no G'} but {others}" if others else "all G"

    def verify(self, *words: str) -> Said:
        """Run `envgit verify --json`."""
        self.cli.directory = self.path
        root = ("--trust-root", self.trust_root) if self.trust_root else ()
        asked = ("verify", "--json", *root, *words)
        if not self.apart:
            return said(self.cli.run(*asked))
        done = process(self.path, "-C", str(self.path), *asked, **self.environ)
        assert "Traceback" not in done.stderr
        return said(Ran(done.returncode, done.stdout, done.stderr))
