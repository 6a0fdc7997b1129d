"""Own the making of a log by raw git objects, as whoever holds its key can: any entry, any commit around it, any tree."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

from envgit.audit import checkpoint
from envgit.audit import commit as commits
from envgit.audit.codec import encode_entry
from envgit.audit.entry import Entry, Genesis, Signer
from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.objects import object_id
from envgit.audit.records import LogState
from envgit.audit.state import apply
from envgit.audit.tree import Tree
from envgit.model import ObjectId
from envgit.signing import SigningKey
from tests.audit.chain import KEY
from tests.kit.values import replace

AUDIT = "refs/heads/envgit-audit"
Edit = Callable[[bytes], bytes]


def store(path: Path, kind: str, data: bytes, oid: str = "") -> ObjectId:
    """Write a loose object into a repository, under another name where one is given."""
    name = ObjectId(oid or object_id(kind, data))
    objects = path / ".git" / "objects"
    file = (objects if objects.is_dir() else path / "objects") / name[:2] / name[2:]
    if oid or not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data, 1))
    return name


class Line:
    """A log that grows in a repository, entry by entry; nothing points to it yet."""

    def __init__(self, path: Path, readme: bytes, key: SigningKey = KEY) -> None:
        """Begin an empty log, signed by `key`."""
        self.path = path
        self.readme = readme
        self.key = key
        self.tree = Tree()
        self.state: LogState | None = None
        self.tip: ObjectId | None = None

    def follow(self, entry: Entry, commit: ObjectId) -> None:
        """Take up an entry that stands already."""
        self.state = apply(entry, encode_entry(entry), self.tree, self.state, self.readme)
        self.tree.flush()
        self.tip = commit

    def put(
        self,
        entry: Entry,
        key: SigningKey | None = None,
        edit: Edit = lambda plain: plain,
        also: Callable[[Tree], None] | None = None,
        sign: Callable[[bytes], str] | None = None,
    ) -> ObjectId:
        """Append an entry; `edit` is what its signer makes of the commit, `also` of the tree, `sign` of the signature."""
        data = encode_entry(entry)
        self.state = apply(entry, data, self.tree, self.state, self.readme)
        if also:
            also(self.tree)
        root = self._flushed()
        plain = commits.unsigned(
            entry, leaf_hash(data), root, self.tip, self.state, self._signer(entry, key or self.key)
        )
        return self.commit(edit(plain), sign or (key or self.key).sign_commit)

    def forge(self, data: bytes, edit: Edit = lambda plain: plain) -> ObjectId:
        """Append bytes as an entry, whatever they are, in a commit that is sound by itself."""
        assert self.state is not None
        frontier = self.state.frontier.append(leaf_hash(data))
        self.tree.put(numbered(ENTRIES, frontier.size - 1), data)
        person = "envgit <envgit@envgit.invalid> 1770000000 +0000"
        said = checkpoint.body(self.state.origin, frontier.size, frontier.root())
        plain = (
            f"tree {self._flushed()}\nparent {self.tip}\nauthor {person}\ncommitter {person}\n\n"
            f"an entry [skip ci]\n\n{said}\nEnvgit-Entry: sha256:{leaf_hash(data).hex()}\n"
        )
        record = replace(self.state.record, size=frontier.size)
        self.state = replace(self.state, record=record, frontier=frontier)
        return self.commit(edit(plain.encode()), self.key.sign_commit)

    def commit(self, plain: bytes, sign: Callable[[bytes], str]) -> ObjectId:
        """Sign a commit and make it the tip."""
        self.tip = store(self.path, "commit", commits.attach(plain, sign(plain)))
        return self.tip

    def _flushed(self) -> ObjectId:
        root, objects = self.tree.flush()
        for item in objects:
            store(self.path, item.kind, item.data)
        return root

    def _signer(self, entry: Entry, key: SigningKey) -> Signer:
        body = entry.body
        signers = body.signers if isinstance(body, Genesis) else self.state.signers  # type: ignore[union-attr]
        return next((one for one in signers.signers if one.key == key.public_line), signers.signers[0])
