"""Make logs by the format alone, true ones and false: every object in a dict, as git would have it."""

from __future__ import annotations

import base64
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.oracle import commits, entries, merkle, rules, signatures, trees, verifier
from tests.oracle.json_ import data_of
from tests.oracle.replay import Standing

Entry = dict[str, Any]
ORIGIN = "git.example/acme/log"
README = b"# A log that was made by hand\n"
KINDS = ["anchor", "change", "config", "genesis", "rewrite", "signers", "supplement"]
CONFIG: Entry = {"version": 1, "environments": [], "branch": "main", "audit_branch": "envgit-audit", "reveal": []}
PERSON = {"name": "Alice", "email": "alice@acme.example", "time": "2026-11-20T14:02:11+01:00"}


def seed(name: str) -> bytes:
    """Return the secret half of somebody's test key."""
    return sha256(f"a test key, never trust it: {name}".encode()).digest()


def line(name: str) -> str:
    """Return somebody's test key as a line of a key set."""
    return signatures.Key(signatures.PLAIN, signatures.public_of(seed(name))).line


def signer(name: str, from_: int = 0, kinds: list[str] | None = None, **other: Any) -> Entry:
    """Return a signer of a key set."""
    address = f"{name}@acme.example"
    return {"name": name, "email": address, "key": line(name), "kinds": kinds or KINDS, "from": from_, **other}


def root(name: str, key: str = "") -> Entry:
    """Return a root of a key set."""
    return {"name": name, "key": key or line(name)}


def key_set(
    version: int = 1, threshold: int = 0, roots: tuple[Entry, ...] = (), *signers: Entry, **other: Any
) -> Entry:
    """Return a key set."""
    found = list(signers) or [signer("envgit")]
    return {"version": version, "threshold": threshold, "roots": list(roots), "signers": found, **other}


def approval(name: str, statement: Entry, namespace: bytes = rules.NAMESPACE) -> str:
    """Return somebody's signature over a statement."""
    return signatures.ssh_signature(seed(name), namespace, data_of(statement))


class Forge:
    """A log that grows; `by` is who signs where nobody else is named."""

    def __init__(self, signers: Entry | None = None, by: str = "envgit", config: Entry | None = None) -> None:
        self.by = by
        self.secret: bytes | None = None  # who signs where it is nobody's test key
        self.lenient = False  # whether an entry is appended that cannot follow
        self.objects: trees.Objects = {}
        self.standing = Standing()
        self.commits: list[str] = []
        self._begin(signers, config)

    @classmethod
    def onto(cls, verdict: verifier.Verdict, secret: bytes) -> Forge:
        """Return a log that goes on from one that is there, by whoever has a secret key."""
        made = cls.__new__(cls)
        made.by, made.secret, made.lenient, made.objects = "", secret, False, {}
        made.standing, made.commits = verdict.standing, list(verdict.commits)
        return made

    def _begin(self, signers: Entry | None, config: Entry | None) -> None:
        self.add(
            "genesis",
            nonce="00112233",
            source={"branch": "main", "head": None, "start": None},
            config=config or CONFIG,
            signers=signers or key_set(),
            readme=f"sha256:{sha256(README).hexdigest()}",
        )

    @property
    def tip(self) -> str:
        """The last commit."""
        return self.commits[-1]

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.commits)

    @property
    def genesis(self) -> str:
        """The trust root."""
        return self.standing.genesis

    def root(self, size: int) -> str:
        """Return the root over so many entries, as entries write it."""
        return f"sha256:{merkle.root(self.standing.leaves[:size]).hex()}"

    def add(self, kind: str, by: str = "", recorded_at: str = "", **body: Any) -> int:
        """Append an entry, and return its number."""
        number = self.size
        entry = {
            "version": 1,
            "origin": self.standing.log.get("origin", ORIGIN),
            "sequence": number,
            "kind": kind,
            "recorded_at": recorded_at or f"2026-11-23T20:{number:02}:07Z",
            "recorder": {"tool": "by hand"},
            **body,
        }
        return self.put(entry, by)

    def put(self, entry: Entry, by: str = "") -> int:
        """Append an entry as it is, and return its number."""
        data = data_of(entry)
        number = self.size
        readme = self.standing.readme or README
        self.standing = self.standing.after(data, entries.entry(data), readme, lenient=self.lenient)
        tree = trees.root_of(self.standing.paths(), self.objects)
        parent = self.commits[-1] if self.commits else None
        checkpoint = merkle.checkpoint(entry["origin"], number + 1, self.standing.root)
        leaf = self.standing.leaves[-1]
        secret = self.secret or seed(by or self.by)
        plain = commits.unsigned(entry, tree, parent, checkpoint, leaf, self._committer(secret, by or self.by))
        armor = signatures.ssh_signature(secret, b"git", plain)
        self.commits.append(trees.kept(self.objects, "commit", commits.signed(plain, armor)))
        return number

    def _committer(self, secret: bytes, name: str) -> Entry:
        key = signatures.Key(signatures.PLAIN, signatures.public_of(secret)).line
        for row in self.standing.log["signers"]["signers"]:
            if row["key"] == key:
                return row
        return signer(name)

    def write(self, git: Path) -> None:
        """Write all that was made as loose objects of a repository."""
        for oid, (kind, data) in self.objects.items():
            path = git / "objects" / oid[:2] / oid[2:]
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(zlib.compress(f"{kind} {len(data)}\0".encode() + data))

    def step(self, number: int, previous: int | None) -> Entry:
        """Return a step of the source branch."""
        return {
            "branch": "main",
            "commit": f"{number:040x}",
            "previous": None if previous is None else f"{previous:040x}",
            "author": PERSON,
            "landed_at": "2026-11-20T14:02:54+01:00",
        }

    def change(self, number: int, previous: int | None, by: str = "") -> int:
        """Append a change that touches nothing."""
        return self.add("change", by, source=self.step(number, previous), files=[])

    def signers_statement(self, signers: Entry) -> Entry:
        """Return what roots sign for a key set."""
        return {"genesis": self.genesis, "kind": "signers", "origin": ORIGIN, "signers": signers}

    def config_statement(self, of: int, config: Entry) -> Entry:
        """Return what roots sign for a configuration."""
        return {"genesis": self.genesis, "kind": "config", "origin": ORIGIN, "of": of, "config": config}

    def sign(self, signers: Entry, *names: str, by: str = "") -> int:
        """Append a key set that these people approve."""
        made = [approval(name, self.signers_statement(signers)) for name in names]
        return self.add("signers", by, signers=signers, **({"approvals": made} if made else {}))

    def note(self, size: int, by: str = "", name: str = ORIGIN) -> str:
        """Return a signed note over the log at a size."""
        body = merkle.checkpoint(ORIGIN, size, merkle.root(self.standing.leaves[:size]))
        return body + "\n" + self.note_line(body, by or self.by, name)

    @staticmethod
    def note_line(body: str, by: str, name: str = ORIGIN) -> str:
        """Return somebody's line under a note."""
        public = signatures.public_of(seed(by))
        signed = rules.note_key_hash(name, 1, public) + signatures.sign(seed(by), body.encode())
        return f"{rules.LINE}{name} {base64.b64encode(signed).decode()}\n"
