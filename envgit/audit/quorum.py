"""Own the policy of a reader: which witnesses are known, and how many of whom have to have cosigned.

Source: c2sp.org/tlog-policy. Names are only the policy's own; a key counts once, and each name in one group at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from envgit.audit.canonical import FormatError
from envgit.audit.note import COSIGNATURE, Note, NoteKey, cosigned_at, vkey
from envgit.audit.sshsig import Verify

MAX_BYTES = 64 * 1024
MAX_NAMES = 256
NONE = "none"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Group(NamedTuple):
    """So many of the members have to be there."""

    threshold: int
    members: tuple[str, ...]


class Policy(NamedTuple):
    """Witnesses and groups by their names, and the one of them that counts; "none" asks for nobody."""

    witnesses: Mapping[str, NoteKey]
    groups: Mapping[str, Group]
    quorum: str

    def met(self, there: frozenset[str]) -> bool:
        """Tell whether these witnesses are enough."""
        return self.quorum == NONE or self._met(self.quorum, there)

    def _met(self, name: str, there: frozenset[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in there
        return sum(self._met(member, there) for member in group.members) >= group.threshold

    def cosigned(self, note: Note, verify: Verify) -> dict[str, int]:
        """Return which witnesses cosigned a note and when, in seconds since 1970; raise FormatError for a bad signature."""
        times = {name: cosigned_at(note, key, verify) for name, key in self.witnesses.items()}
        return {name: time for name, time in times.items() if time is not None}


def parse(text: str) -> Policy:
    """Return a policy; raise FormatError, naming the line, where it is none."""
    if len(text) > MAX_BYTES or _CONTROL.search(text):
        raise FormatError("a policy with control characters, or one that is too long")
    found = _Lines()
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            found.take(re.split(r"[ \t]+", line.strip(" \t")))
        except FormatError as error:
            raise FormatError(f"line {number}: {error}") from None
    if found.quorum is None:
        raise FormatError("no quorum")
    return Policy(found.witnesses, found.groups, found.quorum)


class _Lines:
    """What the lines so far said."""

    def __init__(self) -> None:
        self.witnesses: dict[str, NoteKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, words: list[str]) -> None:
        """Read one line."""
        known = {*self.witnesses, *self.groups}
        match words:
            case [""]:
                return
            case [word, *_rest] if word.startswith("#"):
                return
            case ["log", key] | ["log", key, _]:
                vkey(key)
            case ["witness", name, key] | ["witness", name, key, _]:
                self.witnesses[_new(name, known)] = _witness(key, self.witnesses)
            case ["group", name, threshold, *names] if names:
                self.groups[_new(name, known)] = _group(threshold, names, known, self._members)
            case ["quorum", name] if self.quorum is None and name in {NONE, *known}:
                self.quorum = name
            case _:
                raise FormatError("what is neither witness, group nor quorum of names above it")


def _new(name: str, known: set[str]) -> str:
    if len(known) >= MAX_NAMES:
        raise FormatError(f"more than {MAX_NAMES} witnesses and groups")
    if name in known or name == NONE:
        raise FormatError("a name that is taken")
    return name


def _witness(text: str, known: Mapping[str, NoteKey]) -> NoteKey:
    key = vkey(text)
    if key.kind != COSIGNATURE:
        raise FormatError("a witness whose key is not one for cosignatures")
    if any(other.public == key.public for other in known.values()):
        raise FormatError("a key that is a witness's already")
    return key


def _group(threshold: str, names: list[str], known: set[str], used: set[str]) -> Group:
    if len(set(names)) != len(names) or not set(names) <= known or not used.isdisjoint(names):
        raise FormatError("a group of names that are not above it, or in a group already")
    used.update(names)
    number = {"any": 1, "all": len(names)}.get(threshold) or (
        int(threshold) if re.fullmatch(r"[0-9]{1,4}", threshold) else 0
    )
    if not 1 <= number <= len(names):
        raise FormatError(f"a group that asks for {threshold[:8]} of {len(names)}")
    return Group(number, tuple(names))
