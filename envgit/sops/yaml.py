"""Own the one door to PyYAML: YAML by events, as a tree with lines, styles, anchors and comments.

It never lets PyYAML compose or construct (the C loader crashes the process on deep nesting), and never passes on the
text of a PyYAML error (the pure loader quotes the line, that is, the secret).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from envgit.model import ValueType
from envgit.sops.scalars import Resolved, resolve
from envgit.sops.yaml_nodes import Frame, Mapping, Node, Note, Notes, Pair, Scalar, Sequence

__all__ = [
    "LIMITS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "Limits",
    "Mapping",
    "Node",
    "NotTextError",
    "Note",
    "Pair",
    "Scalar",
    "Sequence",
    "TooLargeError",
    "YamlError",
    "duplicate_key",
    "parse",
    "plain",
]

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
# Keys and values of 50,000 variables, and as many comments and containers again.
MAX_NODES = 200_000

# libyaml's texts are constants; any other text might quote its input.
_SAFE_PROBLEM = re.compile(r"[A-Za-z][A-Za-z ',:-]{3,79}")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@cache
def _library() -> Any:
    """Return PyYAML: it costs a fifth of what git does to import, and files of the usual form need none of it."""
    import yaml

    return yaml


class YamlError(Exception):
    """Text that cannot be read as YAML; `problem` never quotes it, and `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class NotTextError(YamlError):
    """Bytes that are no text at all."""


class TooLargeError(YamlError):
    """More than the limits allow."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most, so that no input takes long: bytes of the text, levels, nodes of the tree."""

    size: int = MAX_BYTES
    depth: int = MAX_DEPTH
    nodes: int = MAX_NODES


LIMITS = Limits()


def parse(data: bytes, limits: Limits = LIMITS, *, comments: bool = False) -> tuple[Node, ...]:
    """Read the documents of a YAML text; comments cost a second look at it, so they are left out unless wanted.

    A comment stands in the container that its column says, before what follows it; an inline one before its own item.
    Raise YamlError, NotTextError where the bytes are no text, TooLargeError above the limits.
    """
    text = _decoded(data, limits)
    library = _library()
    build = _Build(text if comments else "", limits)
    try:
        for event in library.parse(text, Loader=getattr(library, "CSafeLoader", library.SafeLoader)):
            build.take(event)
    except library.reader.ReaderError:
        raise NotTextError(1, "it holds control characters") from None
    except library.YAMLError as error:
        raise YamlError(_line(error), _problem(error)) from None
    return tuple(build.documents)


def plain(data: bytes, limits: Limits = LIMITS) -> object:
    """Read one document as dict, list, str, int, float, bool and None; a time stays the text that it is.

    Raise YamlError also for duplicate keys, for keys that are no scalars, and for a second document.
    """
    documents = parse(data, limits)
    if len(documents) > 1:
        raise YamlError(documents[1].line, "it holds a second document")
    return _Plain(limits).value(documents[0]) if documents else None


def duplicate_key(mapping: Mapping) -> Scalar | None:
    """Return the first key that repeats an earlier one of the same map."""
    seen: set[str] = set()
    for item in mapping.items:
        if isinstance(item, Pair) and isinstance(item.key, Scalar):
            if item.key.text in seen:
                return item.key
            seen.add(item.key.text)
    return None


def _decoded(data: bytes, limits: Limits) -> str:
    if len(data) > limits.size:
        raise TooLargeError(1, f"it is larger than {limits.size >> 20} MiB")
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotTextError(data.count(b"\n", 0, error.start) + 1, "it is no UTF-8 text") from None


def _line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else 1


def _problem(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    if hasattr(_library(), "CSafeLoader") and isinstance(problem, str) and _SAFE_PROBLEM.fullmatch(problem):
        return f"it is no valid YAML: {problem}"
    return "it is no valid YAML"


class _Build:
    """Turn events into nodes."""

    __slots__ = ("_anchors", "_count", "_frames", "_library", "_limits", "_notes", "documents")

    def __init__(self, text: str, limits: Limits) -> None:
        self.documents: list[Node] = []
        self._frames: list[Frame] = []
        self._anchors: dict[str, Node] = {}
        self._limits = limits
        self._count = 0
        self._library = _library()
        self._notes = Notes(text) if "#" in text else None

    def take(self, event: Any) -> None:
        """Add one event."""
        if self._notes is not None:
            self._notes.before(event, self._frames)
        kind, library = type(event), self._library
        if kind is library.ScalarEvent:
            node = Scalar(event.value, event.style or "", event.tag, event.anchor, event.start_mark.line + 1)
            self._add(node, event.anchor)
        elif kind is library.MappingStartEvent or kind is library.SequenceStartEvent:
            self._open(event, kind is library.MappingStartEvent)
        elif kind is library.MappingEndEvent or kind is library.SequenceEndEvent:
            frame = self._frames.pop()
            container = Mapping if frame.mapping else Sequence
            self._add(container(tuple(frame.items), frame.anchor, frame.line), frame.anchor)  # type: ignore[arg-type]
        elif kind is library.AliasEvent:
            self._add(self._alias(event), None)
        elif kind is library.DocumentStartEvent:
            self._anchors.clear()

    def _open(self, event: Any, mapping: bool) -> None:
        mark = event.start_mark
        if len(self._frames) >= self._limits.depth:
            raise YamlError(mark.line + 1, f"it is nested deeper than {self._limits.depth} levels")
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._frames.append(Frame(mapping, bool(event.flow_style), mark.column, event.anchor, mark.line + 1))

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise YamlError(event.start_mark.line + 1, "an alias names no anchor before it, or one that holds it")
        return node

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count += 1
        if self._count > self._limits.nodes:
            raise TooLargeError(node.line, f"it holds more than {self._limits.nodes} keys and values")
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._frames:
            self.documents.append(node)
            return
        frame = self._frames[-1]
        if not frame.mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            frame.items.append(Pair(frame.key, node))
            frame.key = None


class _Plain:
    """Turn nodes into plain values, counting them, since aliases multiply."""

    __slots__ = ("_count", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0

    def value(self, node: Node, depth: int = 0) -> object:
        """Return the value of a node."""
        self._count += 1
        if self._count > self._limits.nodes or depth > self._limits.depth:
            raise TooLargeError(node.line, "its aliases make it too large")
        if isinstance(node, Scalar):
            return _scalar(resolve(node.text, node.style, node.tag))
        if isinstance(node, Sequence):
            return [self.value(item, depth + 1) for item in node.items if not isinstance(item, Note)]
        return dict(self._pairs(node, depth))

    def _pairs(self, node: Mapping, depth: int) -> Iterator[tuple[object, object]]:
        seen: set[object] = set()
        for item in node.items:
            if isinstance(item, Note):
                continue
            if not isinstance(item.key, Scalar):
                raise YamlError(item.key.line, "a key is no plain text")
            key = self.value(item.key, depth)
            if key in seen:
                raise YamlError(item.key.line, "a key is there twice")
            seen.add(key)
            yield key, self.value(item.value, depth + 1)


def _scalar(resolved: Resolved) -> object:
    kind, data = resolved
    match kind:
        case ValueType.NULL:
            return None
        case ValueType.BOOL:
            return data == b"True"
        case ValueType.INT:
            return int(data)
        case ValueType.FLOAT:
            return float(data)
        case _:
            return data.decode("utf-8", "replace")
