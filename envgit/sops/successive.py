"""Own the reading of a revision that differs from one read before in a few lines: those are read, the rest is as it was.

Only files of the usual form (`lines`) that opened and whose code was good are remembered; their data key, rule and recipients stand in
lines that are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from envgit.model import Secret, Value
from envgit.sops import lines, metadata
from envgit.sops.document import METADATA_KEY
from envgit.sops.leaves import Place
from envgit.sops.metadata import Metadata

# As many files are remembered, each by its newest revision.
FILES = 64
_STAMPS = ("    mac: ", "    lastmodified: ")


class Known(NamedTuple):
    """A revision that was read: its lines, and what they gave; `at` is the place of the variable in each line that holds one."""

    text: list[str]
    metadata: Metadata
    key: Secret
    places: tuple[Place, ...]
    values: tuple[Value, ...]
    at: dict[int, int]


class Successor(NamedTuple):
    """A revision by what is new in it: `changed` are the numbers of its variables that stand in other lines."""

    metadata: Metadata
    places: tuple[Place, ...]
    changed: tuple[int, ...]
    before: Known


class Successive:
    """The revisions read last."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}  # by what a block has but for its stamps: the wrapped data key above all

    def remember(
        self, text: list[str], known: Metadata, key: Secret, places: Sequence[Place], values: Sequence[Value]
    ) -> None:
        """Keep a revision of the usual form for the ones behind it."""
        block = _block(text)
        if len(self._known) >= FILES and block not in self._known:
            self._known.pop(next(iter(self._known)))
        at = {place.leaf.line - 1: number for number, place in enumerate(places)}
        self._known[block] = Known(text, known, key, tuple(places), tuple(values), at)

    def follow(self, text: list[str], after: Successor, values: tuple[Value, ...]) -> None:
        """Keep a successor in the place of what it follows."""
        self._known[_block(text)] = after.before._replace(
            text=text, metadata=after.metadata, places=after.places, values=values
        )

    def after(self, text: list[str]) -> Successor | None:
        """Return what is new in a file, None where it is no successor of one that is remembered."""
        before = self._known.get(_block(text))
        if before is None or len(before.text) != len(text):
            return None
        stamp = {lines.MAC: "", lines.MODIFIED: ""}
        places, changed = list(before.places), []
        for number, (old, new) in enumerate(zip(before.text, text, strict=True)):
            if old == new:
                continue
            kind = lines.successor(old, new)
            if kind == lines.VARIABLE:
                place = before.at[number]
                places[place] = places[place]._replace(leaf=lines.leaf(new, number + 1))
                changed.append(place)
            elif kind:
                stamp[kind] = lines.text_of(new)
            else:
                return None
        known = metadata.stamped(before.metadata, stamp[lines.MAC], stamp[lines.MODIFIED])
        return Successor(known, tuple(places), tuple(changed), before) if known is not None else None


def _block(text: list[str]) -> str:
    """Return what a file's last block says, but for its code and time; nothing where it has none at its end."""
    start = next((place for place in range(len(text) - 1, -1, -1) if text[place] == f"{METADATA_KEY}:"), len(text))
    return "\n".join(line for line in text[start:] if not line.startswith(_STAMPS))
