"""Own the walk along a log, commit by commit, each made anew from nothing: section 8 of the format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.oracle import commits, entries, links, merkle, rules, signatures, trees
from tests.oracle.json_ import LARGEST, Malformed
from tests.oracle.objects import Read
from tests.oracle.replay import Standing

Entry = dict[str, Any]


class Wrong(Exception):
    """The walk ends at this entry: its first argument is the code."""


@dataclass
class Verdict:
    """What a walk found; `good` entries are as they were signed."""

    problems: list[tuple[str, int]] = field(default_factory=list)
    warnings: list[tuple[str, int]] = field(default_factory=list)
    entries: int = 0
    good: int = 0
    newer_from: int | None = None
    standing: Standing = field(default_factory=Standing)
    leaves: list[bytes] = field(default_factory=list)
    signed_by: list[signatures.Key] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)

    @property
    def root(self) -> bytes:
        """The root over all good entries."""
        return merkle.root(self.leaves)

    @property
    def genesis(self) -> str:
        """The trust root, empty where there is none."""
        return f"sha256:{self.leaves[0].hex()}" if self.leaves else ""

    @property
    def codes(self) -> list[str]:
        """What is wrong, by code."""
        return [code for code, _sequence in self.problems]


def verify(read: Read, tip: str) -> Verdict:
    """Walk a log from its first commit to the tip."""
    line = _line(read, tip)
    made = _Walk(read)
    made.verdict.entries = len(line)
    for number, (oid, raw) in enumerate(line):
        try:
            if not made.step(number, oid, raw):
                break
        except Wrong as wrong:
            made.verdict.problems.append((wrong.args[0], number))
            break
        made.verdict.good += 1
    made.revoked()
    return made.verdict


def _line(read: Read, tip: str) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []
    while True:
        kind, raw = read(tip)
        found.append((tip, raw if kind == "commit" else None))
        parents = commits.parts(raw).parents if kind == "commit" else []
        if not parents:
            return found[::-1]
        tip = parents[0]


class _Walk:
    def __init__(self, read: Read) -> None:
        self.read = read
        self.verdict = Verdict()
        self.tip: str | None = None
        self.readme = b""

    def step(self, number: int, oid: str, raw: bytes | None) -> bool:
        """Check one commit; false where nothing can be said of it nor of what follows."""
        if raw is None:
            raise Wrong("not-an-entry")
        parts = _structure(number, raw)
        data = self._entry_bytes(parts, number)
        leaf = merkle.leaf(data)
        if leaf != parts.leaf:
            raise Wrong("entry-altered")
        if self.verdict.newer_from is not None:
            entry = None
        else:
            entry = self._entry(data, number)
        if entry is None:
            newer = self.verdict.newer_from
            if not self._newer(parts, number, leaf, strange=newer is not None):
                return False
            self.verdict.newer_from = number if newer is None else newer
        else:
            self._known(entry, parts, raw, data)
        self.verdict.leaves.append(leaf)
        assert parts.armor is not None
        self.verdict.signed_by.append(parts.armor.key)
        self.verdict.commits.append(oid)
        self.tip = oid
        return True

    def _entry_bytes(self, parts: commits.Parts, number: int) -> bytes:
        data = self._at(parts.tree, trees.numbered("entries", number))
        if data is None or len(data) > LARGEST:
            raise Wrong("entry-altered")
        return data

    def _at(self, tree: str, path: str) -> bytes | None:
        """Return the bytes of a file of a tree, None where there is none."""
        oid = tree
        if re.fullmatch("[0-9a-f]{40}", oid) is None:
            return None
        for name in path.split("/"):
            kind, data = self.read(oid)
            inside = trees.members(data) if kind == "tree" else {}
            if name.encode() not in inside:
                return None
            oid = inside[name.encode()][1]
        kind, data = self.read(oid)
        return data if kind == "blob" else None

    def _entry(self, data: bytes, number: int) -> Entry | None:
        """Return an entry of a version and kind that is known here, else None."""
        newer = False
        try:
            entry = entries.entry(data)
        except Malformed:
            raise Wrong("malformed-entry") from None
        except entries.Newer as error:
            entry, newer = error.args[0], True
        if not entry:
            return None
        if entry["sequence"] != number:
            raise Wrong("wrong-sequence")
        standing = self.verdict.standing
        if standing.size and entry["origin"] != standing.log["origin"]:
            raise Wrong("wrong-origin")
        if (entry["kind"] == "genesis") != (number == 0):
            raise Wrong("second-genesis" if number else "wrong-genesis")
        return None if newer else entry

    def _known(self, entry: Entry, parts: commits.Parts, raw: bytes, data: bytes) -> None:
        before, number = self.verdict.standing, entry["sequence"]
        if entry["kind"] == "genesis":
            self.readme = self._readme(parts, entry)
            if not rules.formed(entry["signers"]):
                raise Wrong("wrong-signers")
        signer = self._signer(before, entry, parts)
        if entry["kind"] == "signers" and (code := rules.signers_problem(before, entry)):
            raise Wrong(code)
        try:
            after = before.after(data, entry, self.readme)
        except Malformed:
            raise Wrong("malformed-entry") from None
        tree = trees.root_of(after.paths())
        if tree != parts.tree:
            raise Wrong("tree-altered")
        checkpoint = merkle.checkpoint(after.log["origin"], after.size, after.root)
        plain = commits.unsigned(entry, tree, self.tip, checkpoint, after.leaves[-1], signer)
        if commits.signed(plain, parts.armor_text) != raw:
            raise Wrong("commit-altered")
        self._signed(parts)
        told = dict.fromkeys(links.problems(before, entry))
        if entry["kind"] == "config" and rules.config_unapproved(before, entry):
            told["unapproved-config"] = None
        if entry["kind"] == "anchor" and rules.false_anchor(before, entry):
            told["false-anchor"] = None
        self.verdict.problems += [(code, number) for code in told]
        self.verdict.warnings += [(code, number) for code in links.warnings(before, entry)]
        self.verdict.standing = after

    def _readme(self, parts: commits.Parts, entry: Entry) -> bytes:
        data = self._at(parts.tree, "README.md")
        if data is None or f"sha256:{sha256(data).hexdigest()}" != entry["readme"]:
            raise Wrong("tree-altered")
        return data

    def _signer(self, before: Standing, entry: Entry, parts: commits.Parts) -> Entry:
        """Return the signer of an entry: of the key set in force, or of the one that it brings where roots approve that.

        Where no root is named nobody approves a key set, and one whom it brings would have let himself in.
        """
        assert parts.armor is not None
        sets = [before.log["signers"]] if before.size else []
        if "signers" in entry and (not before.size or before.log["signers"]["threshold"] > 0):
            sets.append(entry["signers"])
        for signers in sets:
            signer = rules.signer_of(signers, parts.armor.key)
            if signer is not None and rules.may_sign(signer, entry["kind"], entry["sequence"]):
                return signer
        raise Wrong("unknown-signer")

    def _newer(self, parts: commits.Parts, number: int, leaf: bytes, *, strange: bool) -> bool:
        wanted = [b"tree", *([b"parent"] if number else []), b"author", b"committer", b"gpgsig"]
        log = self.verdict.standing.log
        if [name for name, _value in parts.headers] != wanted:
            raise Wrong("commit-altered")
        leaves = [*self.verdict.leaves, leaf]
        checkpoint = merkle.checkpoint(log["origin"], len(leaves), merkle.root(leaves)) if log else ""
        if b"\n".join(parts.checkpoint) + b"\n" != checkpoint.encode():
            raise Wrong("commit-altered")
        assert parts.armor is not None
        if not rules.may_sign(rules.signer_of(log["signers"], parts.armor.key), None, number):
            if strange:
                return False
            raise Wrong("unknown-signer")
        self._signed(parts)
        return True

    def _signed(self, parts: commits.Parts) -> None:
        if parts.armor is None or not signatures.holds(parts.armor, parts.plain):
            raise Wrong("bad-signature")

    def revoked(self) -> None:
        """Name each run of entries by one key some of which lie where it is revoked, and the roots do not vouch for them."""
        signers, last, told = self.verdict.standing.log.get("signers", {}), None, False
        for number, key in enumerate(self.verdict.signed_by):
            told = told and key == last
            last = key
            until = (rules.signer_of(signers, key) or {}).get("until")
            vouched = any(row["from"] <= number < row["size"] for row in signers.get("reapproved", []))
            if until is not None and number >= until and not vouched and not told:
                self.verdict.problems.append(("revoked-signer", number))
                told = True


def _structure(number: int, raw: bytes) -> commits.Parts:
    parts = commits.parts(raw)
    if parts.leaf is None:
        raise Wrong("not-an-entry")
    if len(parts.parents) > 1:
        raise Wrong("extra-parent")
    if parts.armor is None:
        raise Wrong("bad-signature")
    if parts.size != str(number + 1).encode():
        raise Wrong("wrong-sequence")
    return parts
