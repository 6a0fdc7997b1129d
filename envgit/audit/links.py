"""Own the rules by which an entry takes up where the ones before it left off; a break of one is a problem, not the end.

The chain is whole without them: they show what its signer left out or told wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, FileChange, RewriteBody, SupplementBody
from envgit.audit.problems import Code, Problem
from envgit.audit.records import LogState
from envgit.audit.state import read_file, read_variable
from envgit.audit.tree import Tree
from envgit.model import ChangeKind, Digest

_Sides = tuple[Digest | None, Digest | None]


class Links:
    """What has to be remembered of the entries so far, in order to judge the next one."""

    __slots__ = ("_files", "_supplied")

    def __init__(self) -> None:
        self._files: dict[tuple[int, str, str], _Sides] = {}
        self._supplied: set[tuple[int, str, str] | int] = set()

    def check(self, entry: Entry, tree: Tree, state: LogState) -> Iterator[Problem]:
        """Return what is wrong with an entry after those that made `tree` and `state`; call it for each, in order."""
        for code, what in self._broken(entry, tree, state):
            yield Problem(code, entry.sequence, f"entry {entry.sequence} {what}")

    def _broken(self, entry: Entry, tree: Tree, state: LogState) -> Iterator[tuple[Code, str]]:
        body = entry.body
        if isinstance(body, SupplementBody):
            yield from self._supplement(entry.sequence, body)
        elif isinstance(body, ChangeBody | ConfigBody | RewriteBody):
            yield from _step(body, state)
            for file in body.files:
                self._files[entry.sequence, file.environment, file.unit] = (file.before, file.after)
                yield from _file(file, tree)

    def _supplement(self, sequence: int, body: SupplementBody) -> Iterator[tuple[Code, str]]:
        if body.of >= sequence:
            yield Code.WRONG_SUPPLEMENT, "supplements one that comes later"
            return
        parts: list[tuple[int, str, str] | int] = [(body.of, file.environment, file.unit) for file in body.files]
        parts += [body.of] if body.review is not None else []
        if any(part in self._supplied for part in parts):
            yield Code.WRONG_SUPPLEMENT, f"says again what was said of entry {body.of} before"
        self._supplied.update(parts)
        for file in body.files:
            if self._files.get((body.of, file.environment, file.unit)) != (file.before, file.after):
                yield Code.WRONG_SUPPLEMENT, f"speaks of another {file.environment} than entry {body.of} does"
            if any(change.previous is not None and change.previous >= body.of for change in file.changes):
                yield Code.WRONG_PREVIOUS, f"names a last change that is not before entry {body.of}"


def _step(body: ChangeBody | ConfigBody | RewriteBody, state: LogState) -> Iterator[tuple[Code, str]]:
    last = state.source_commit
    if isinstance(body, RewriteBody):
        if body.from_ != last:
            yield Code.WRONG_STEP, "rewrites what was not recorded last"
    elif isinstance(body, ConfigBody) and body.source.commit == last:
        return  # it follows the change entry of the same commit
    elif body.source.previous != last:
        yield Code.WRONG_STEP, "does not begin where the last one ended"
    elif body.source.commit == last:
        yield Code.WRONG_STEP, "is a step that goes nowhere"


def _file(file: FileChange, tree: Tree) -> Iterator[tuple[Code, str]]:
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
