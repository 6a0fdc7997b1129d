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
    witnesses: dict[str, NoteKey] = {}
    groups: dict[str, Group] = {}
    quorum: str | None = None
    members: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        try:
            match words:
                case [""]:
                    continue
                case [word, *_rest] if word.startswith("#"):
                    continue
                case ["log", key] | ["log", key, _]:
                    vkey(key)
                case ["witness", name, key] | ["witness", name, key, _]:
                    _new(name, witnesses, groups)
                    witnesses[name] = _witness(key, witnesses)
                case ["group", name, threshold, *names] if names:
                    _new(name, witnesses, groups)
                    groups[name] = _group(threshold, names, {*witnesses, *groups}, members)
                case ["quorum", name] if quorum is None and name in (NONE, *witnesses, *groups):
                    quorum = name
                case _:
                    raise FormatError("what is neither witness, group nor quorum of names above it")
        except FormatError as error:
            raise FormatError(f"line {number}: {error}") from None
    if quorum is None:
        raise FormatError("no quorum")
    return Policy(witnesses, groups, quorum)


def _new(name: str, witnesses: Mapping[str, NoteKey], groups: Mapping[str, Group]) -> None:
    if name in witnesses or name in groups or name == NONE:
        raise FormatError("a name that is taken")


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
    number = {"any": 1, "all": len(names)}.get(threshold) or (int(threshold) if re.fullmatch(r"[0-9]{1,4}", threshold) else 0)
    if not 1 <= number <= len(names):
        raise FormatError(f"a group that asks for {threshold[:8]} of {len(names)}")
    return Group(number, tuple(names))
