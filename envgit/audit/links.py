"""Own the rules by which an entry takes up where the ones before it left off; a break of one is a problem, not the end.

The chain is whole without them: they show what its signer left out or told wrongly. What an earlier entry said is read again
where it is needed, so that nothing grows with the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from envgit.audit import checkpoint, note
from envgit.audit.canonical import FormatError
from envgit.audit.entry import (
    AnchorBody,
    AnchorType,
    ChangeBody,
    ConfigBody,
    Entry,
    EntryKind,
    FileChange,
    RewriteBody,
    SupplementBody,
)
from envgit.audit.keyset import approved_by, config_statement, enough, narrows
from envgit.audit.problems import Code, Problem
from envgit.audit.records import LogState
from envgit.audit.sshsig import Verify, public_bytes
from envgit.audit.state import read_file, read_supplements, read_variable
from envgit.audit.tree import Tree
from envgit.model import ChangeKind, CommitId, Digest, EventKind

EntryOf = Callable[[int], Entry | None]
Broken = Iterator[tuple[Code, str]]
_Part = tuple[str, str] | None  # a file by environment and unit, None for the review


class Links:
    """What an entry is held against: the log's genesis, an earlier entry by its number, the root over so many entries."""

    __slots__ = ("_entry_of", "_genesis", "_root_at", "_verify")

    def __init__(
        self, entry_of: EntryOf, root_at: Callable[[int], bytes], verify: Verify, genesis: Callable[[], Digest]
    ) -> None:
        self._entry_of = entry_of
        self._root_at = root_at
        self._verify = verify
        self._genesis = genesis

    def check(self, entry: Entry, tree: Tree, state: LogState) -> Iterator[Problem]:
        """Return what is wrong with an entry after those that made `tree` and `state`."""
        for code, what in self._broken(entry, tree, state):
            yield Problem(code, entry.sequence, f"entry {entry.sequence} {what}")

    def _broken(self, entry: Entry, tree: Tree, state: LogState) -> Broken:
        body = entry.body
        if isinstance(body, SupplementBody):
            yield from self._supplement(entry.sequence, body, tree)
        elif isinstance(body, AnchorBody):
            yield from self._anchor(entry.sequence, body, state)
        elif isinstance(body, ChangeBody | ConfigBody | RewriteBody):
            yield from self._step(entry.sequence, body, state)
            for file in body.files:
                yield from _file(file, tree)
            if isinstance(body, ConfigBody):
                yield from self._config(body, state)

    def _step(self, sequence: int, body: ChangeBody | ConfigBody | RewriteBody, state: LogState) -> Broken:
        last = state.source_commit
        if isinstance(body, RewriteBody):
            if body.from_ != last or body.to == last:
                yield Code.WRONG_STEP, "rewrites what was not recorded last"
        elif isinstance(body, ConfigBody) and last is not None and body.source.commit == last:
            begun = last if body.of is not None else self._began(sequence)
            if body.source.previous != begun:
                yield Code.WRONG_STEP, "brings a configuration of its own to a commit that was recorded"
        elif body.source.previous != last:
            yield Code.WRONG_STEP, "does not begin where the last one ended"
        elif body.source.commit == last:
            yield Code.WRONG_STEP, "is a step that goes nowhere"

    def _began(self, sequence: int) -> CommitId | None:
        """Return where the step of the last recorded commit began, if that entry may have a configuration behind it."""
        for number in range(sequence - 1, 0, -1):
            entry = self._entry_of(number)
            body = entry.body if entry else None
            if isinstance(body, ChangeBody):
                return body.source.previous
            if isinstance(body, RewriteBody):
                return body.from_
            if isinstance(body, ConfigBody):
                break
        return CommitId("")

    def _anchor(self, sequence: int, body: AnchorBody, state: LogState) -> Broken:
        root = self._root_at(body.size) if 0 < body.size <= sequence else b""
        if body.root != f"sha256:{root.hex()}":
            yield Code.FALSE_ANCHOR, f"anchors {body.size} entries that are others than these"
        elif body.type is not AnchorType.RFC3161:
            yield from self._note(sequence, body, state)

    def _note(self, sequence: int, body: AnchorBody, state: LogState) -> Broken:
        keys = (signer.key for signer in state.signers.signers if signer.signs(EntryKind.ANCHOR, sequence))
        try:
            given = note.parse(body.evidence)
            signed = any(
                note.signed_by(given, note.NoteKey(state.origin, note.ED25519, public_bytes(key)), self._verify)
                for key in keys
            )
        except FormatError as error:
            yield Code.FALSE_ANCHOR, f"holds {error}"
            return
        cosigned = any(line.name != state.origin for line in given.lines)
        if body.type is AnchorType.COSIGNED and not cosigned:
            yield Code.FALSE_ANCHOR, "holds a note that nobody cosigned"
        elif not signed or given.text != checkpoint.body(state.origin, body.size, bytes.fromhex(body.root[7:])):
            yield Code.FALSE_ANCHOR, "holds a note of another checkpoint, or one that this log did not sign"

    def _config(self, body: ConfigBody, state: LogState) -> Broken:
        """Hold a configuration that came into force against what needs the roots."""
        if body.of is None and not body.approvals:
            released = any(event.kind is EventKind.RELEASED for file in body.files for event in file.events)
            narrower = body.config is not None and narrows(state.config, body.config)
            if body.in_force and state.signers.threshold and (released or narrower):
                yield Code.UNAPPROVED_CONFIG, "audits less or reveals more, and no root approved it"
            return
        asked = self._entry_of(body.of) if body.of is not None else None
        if (
            body.config is None
            or body.of is None
            or body.of != state.record.config_pending
            or asked is None
            or not isinstance(asked.body, ConfigBody)
            or (asked.body.config, asked.body.in_force) != (body.config, False)
        ):
            yield Code.UNAPPROVED_CONFIG, "approves a configuration that does not wait, or not any more"
            return
        statement = config_statement(state.origin, self._genesis(), body.of, body.config)
        try:
            keys = approved_by(statement, body.approvals, self._verify)
        except FormatError as error:
            yield Code.UNAPPROVED_CONFIG, f"has {error}"
            return
        if not enough(state.signers, keys):
            yield Code.UNAPPROVED_CONFIG, f"has not the approvals of {state.signers.threshold} persons"

    def _supplement(self, sequence: int, body: SupplementBody, tree: Tree) -> Broken:
        if body.of >= sequence:
            yield Code.WRONG_SUPPLEMENT, "supplements one that comes later"
            return
        told = {part for number in read_supplements(tree, body.of) for part in _parts(self._entry_of(number))}
        if not told.isdisjoint(_told(body)):
            yield Code.WRONG_SUPPLEMENT, f"says again what was said of entry {body.of} before"
        of = self._entry_of(body.of)
        files = of.body.files if of and isinstance(of.body, ChangeBody | ConfigBody | RewriteBody) else ()
        sides = {(file.environment, file.unit): (file.before, file.after) for file in files}
        for file in body.files:
            if sides.get((file.environment, file.unit)) != (file.before, file.after):
                yield Code.WRONG_SUPPLEMENT, f"speaks of another {file.environment} than entry {body.of} does"
            if any(change.previous is not None and change.previous >= body.of for change in file.changes):
                yield Code.WRONG_PREVIOUS, f"names a last change that is not before entry {body.of}"


def _parts(entry: Entry | None) -> Iterator[_Part]:
    return _told(entry.body) if entry and isinstance(entry.body, SupplementBody) else iter(())


def _told(body: SupplementBody) -> Iterator[_Part]:
    yield from ((file.environment, file.unit) for file in body.files)
    if body.review is not None:
        yield None


def _file(file: FileChange, tree: Tree) -> Broken:
    record = read_file(tree, file.environment, file.unit)
    if file.before != (record.digest if record else None):
        yield Code.DIGEST_GAP, f"takes up {file.environment} from another content than was recorded: one is missing"
    for change in file.changes:
        if change.kind is ChangeKind.REENCRYPTED:
            continue
        known = read_variable(tree, file.environment, file.unit, change.from_ or change.variable)
        if change.previous != (known.entry if known else None):
            what = f"names another last change of {file.environment} {change.variable} than the log holds"
            yield Code.WRONG_PREVIOUS, what
        if known and None not in (change.before, known.fingerprint) and change.before != known.fingerprint:
            what = f"takes up {file.environment} {change.variable} from another value than the log holds"
            yield Code.FALSE_CHANGE, what
