"""Make logs in memory, honest ones and others: every object is in a dict, as git would have it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envgit.audit import commit as commits
from envgit.audit.codec import encode_entry
from envgit.audit.entry import (
    AnchorBody,
    Body,
    ChangeBody,
    ConfigBody,
    Entry,
    Genesis,
    GenesisSource,
    Recorder,
    RewriteBody,
    Signer,
    Signers,
    SignersBody,
    SupplementBody,
)
from envgit.audit.merkle import leaf_hash
from envgit.audit.objects import ObjectWrite, object_id, written
from envgit.audit.records import LogState
from envgit.audit.state import apply
from envgit.audit.tree import Tree
from envgit.audit.verify import Report, StoredObjects, verify_log
from envgit.errors import CannotTell
from envgit.model import CommitId, Config, ObjectId
from envgit.signing import SigningKey, verified
from tests.kit.values import replace

# Test keys. They are public: whoever trusts one trusts everybody.
SEED = b"envgit test key, never trust it!"
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(SEED))
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"envgit test key, of an attacker!"))
SECOND_SIGNER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"envgit test key, the next signer"))
HARDWARE = SigningKey(Ed25519PrivateKey.from_private_bytes(b"envgit test key, inside hardware"))

README = b"# A log for tests\n"
ORIGIN = "git.example/acme/platform/envgit-audit"
KINDS = ("anchor", "change", "config", "genesis", "rewrite", "signers", "supplement")
SIGNER = Signer("envgit", "envgit@envgit.invalid", KEY.public_line, KINDS, 0)
_KIND_OF = {
    Genesis: "genesis",
    ChangeBody: "change",
    ConfigBody: "config",
    RewriteBody: "rewrite",
    SupplementBody: "supplement",
    SignersBody: "signers",
    AnchorBody: "anchor",
}


def commit_id(number: int) -> CommitId:
    """Return a commit id that looks like one and tells its number."""
    return CommitId(f"{number:040x}")


def genesis(**other: object) -> Genesis:
    """Return the body of a first entry."""
    source = GenesisSource("main", commit_id(1), None)
    signers = Signers(version=1, threshold=0, roots=(), signers=(SIGNER,))
    body = Genesis("00112233445566778899aabbccddeeff", source, Config(), signers, commits.readme_digest(README))
    return replace(body, **other)  # type: ignore[arg-type]


def at(minutes: int) -> str:
    """Return a time so many minutes after the log began."""
    return f"2026-11-23T{20 + minutes // 60:02}:{minutes % 60:02}:07Z"


@dataclass
class Made:
    """One entry as it was made."""

    entry: Entry
    data: bytes
    leaf: bytes
    tree: ObjectId
    commit: ObjectId
    state: LogState
    objects: list[ObjectWrite]


@dataclass
class Chain:
    """A log that grows; `objects` are all of it, by id."""

    key: SigningKey = KEY
    signer: Signer = SIGNER
    origin: str = ORIGIN
    tree: Tree = field(default_factory=Tree)
    state: LogState | None = None
    tip: ObjectId | None = None
    objects: dict[ObjectId, tuple[str, bytes]] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)

    def add(self, body: Body, recorded_at: str = "", **envelope: object) -> Made:
        """Append an entry, honestly made and signed; `envelope` overrides what the envelope would say."""
        sequence = len(self.made)
        entry = Entry(
            1, self.origin, sequence, _KIND_OF[type(body)], recorded_at or at(sequence), Recorder("envgit test"), body
        )
        return self.put(replace(entry, **envelope))  # type: ignore[arg-type]

    def put(self, entry: Entry) -> Made:
        """Append an entry as it is."""
        data = encode_entry(entry)
        self.state = apply(entry, data, self.tree, self.state, README)
        root, objects = self.tree.flush()
        leaf = leaf_hash(data)
        plain = commits.unsigned(entry, leaf, root, self.tip, self.state, self.signer)
        objects = [*objects, self.signed(plain)]
        self.tip = objects[-1].id
        self.keep(objects)
        self.made.append(Made(entry, data, leaf, root, self.tip, self.state, objects))
        return self.made[-1]

    def signed(self, plain: bytes) -> ObjectWrite:
        """Return a commit with this chain's signature."""
        return written("commit", commits.attach(plain, self.key.sign_commit(plain)))

    def keep(self, objects: list[ObjectWrite]) -> None:
        """Put objects into the store."""
        self.objects.update({made.id: (made.kind, made.data) for made in objects})

    def commit(self, raw: bytes) -> ObjectId:
        """Put a raw commit into the store and make it the tip."""
        made = written("commit", raw)
        self.keep([made])
        self.tip = made.id
        return made.id

    def verify(self, root_at: int | None = None, observe: Callable[[Entry], None] | None = None) -> Report:
        """Verify the log as it now is."""
        return check(self.objects, self.tip or ObjectId(""), root_at, observe)


def check(
    objects: dict[ObjectId, tuple[str, bytes]],
    tip: ObjectId,
    root_at: int | None = None,
    observe: Callable[[Entry], None] | None = None,
) -> Report:
    """Verify a log out of a store that, like libgit2, refuses an object whose bytes are not what its name says."""

    def raw(oid: ObjectId) -> tuple[str, bytes]:
        if oid not in objects:
            raise CannotTell(f"object {oid[:7]} is not here")
        kind, data = objects[oid]
        if object_id(kind, data) != oid:
            raise CannotTell(f"object {oid[:7]} is damaged")
        return kind, data

    stored = StoredObjects(raw, lambda oid: len(raw(oid)[1]))
    return verify_log(stored, tip, verified, observe=observe, root_at=root_at)


def codes(report: Report) -> list[str]:
    """Return what is wrong, by code."""
    return [str(problem.code) for problem in report.problems]


def write_repository(directory: Path, objects: dict[ObjectId, tuple[str, bytes]], tip: ObjectId) -> None:
    """Write a bare repository by hand: loose objects, and a branch on the tip."""
    for oid, (kind, data) in objects.items():
        path = directory / "objects" / oid[:2] / oid[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data))
    (directory / "refs" / "heads").mkdir(parents=True)
    (directory / "refs" / "heads" / "envgit-audit").write_text(f"{tip}\n")
    (directory / "HEAD").write_text("ref: refs/heads/envgit-audit\n")
    (directory / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
