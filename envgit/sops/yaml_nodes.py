"""Own the nodes that YAML is read into, and where among them its comments belong.

It looks at the marks of events and at the text between them, and knows no parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_COMMENT = re.compile(r"(?<!\S)#([^\r\n]*)")
_ENDS = ("MappingEndEvent", "SequenceEndEvent")
_LEAVES = ("ScalarEvent", "AliasEvent")


class Note(NamedTuple):
    """A comment, without its `#`; `inline` where it stands behind something on its line."""

    text: str
    line: int
    inline: bool


class Scalar(NamedTuple):
    """A scalar as written; `style` is its quote or block mark, empty where it is plain."""

    text: str
    style: str
    tag: str | None
    anchor: str | None
    line: int


class Sequence(NamedTuple):
    """A list and the comments in it, in order."""

    items: tuple[Node | Note, ...]
    anchor: str | None
    line: int


class Pair(NamedTuple):
    """A key and its value."""

    key: Node
    value: Node


class Mapping(NamedTuple):
    """A map and the comments in it, in order; equal keys are kept."""

    items: tuple[Pair | Note, ...]
    anchor: str | None
    line: int


# An alias is the very node that it stands for: a tree that shares, and never a cycle.
Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Frame:
    """A container that is still open; `key` waits for its value."""

    mapping: bool
    flow: bool
    column: int
    anchor: str | None
    line: int
    items: list[Node | Note | Pair] = field(default_factory=list)
    key: Node | None = None


class Notes:
    """Find the comments, which stand in the gaps between events, and put them where they belong."""

    __slots__ = ("_end", "_line", "_pending", "_text", "_trailing")

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._line = 1
        self._trailing = False
        self._pending: list[tuple[int, Note]] = []

    def before(self, event: Any, frames: list[Frame]) -> None:
        """Place what stands between the last event and this one."""
        start, end = event.start_mark, event.end_mark
        if start.index > self._end:
            self._collect(start.index, frames)
        kind = type(event).__name__
        ends = kind in _ENDS
        if self._pending and frames:
            self._place(frames, ends, starts_block=not ends and getattr(event, "flow_style", True) is False)
        if end.index >= self._end:
            self._end, self._line = end.index, end.line + 1
        leaf = kind in _LEAVES
        self._trailing = leaf or (ends and bool(frames) and frames[-1].flow)
        if leaf and getattr(event, "style", "") in ("|", ">"):
            self._trailing = False

    def _collect(self, until: int, frames: list[Frame]) -> None:
        for match in _COMMENT.finditer(self._text, self._end, until):
            line = self._line + self._text.count("\n", self._end, match.start())
            inline = self._trailing and line == self._line
            note = Note(match[1], line, inline)
            if inline and frames:
                _insert(frames[-1], note)
            else:
                column = match.start() - self._text.rfind("\n", 0, match.start()) - 1
                self._pending.append((column, note))

    def _place(self, frames: list[Frame], ends: bool, starts_block: bool) -> None:
        frame = frames[-1]
        if not ends:
            # A comment between a key and the block under it is the block's first.
            if not (frame.mapping and frame.key is not None and starts_block):
                frame.items.extend(note for _, note in self._pending)
                self._pending.clear()
            return
        outer = frames[-2].column if len(frames) > 1 else -1
        while self._pending and (frame.flow or (self._pending[0][0] >= frame.column > outer)):
            frame.items.append(self._pending.pop(0)[1])


def _insert(frame: Frame, note: Note) -> None:
    """Put an inline comment before its own item, which is in `frame` already unless it is a key without its value."""
    at = len(frame.items)
    if not (frame.mapping and frame.key is not None) and frame.items:
        at -= 1
    frame.items.insert(at, note)
