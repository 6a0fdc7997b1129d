"""Own the document as sops sees it, whatever the format it came from: ordered, with comments, equal keys kept."""

from __future__ import annotations

from typing import NamedTuple

from envgit.model import ValueType

METADATA_KEY = "sops"


class DocumentError(Exception):
    """A file that cannot be read as sops would; `problem` never quotes it, and `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class DocumentTooLargeError(DocumentError):
    """More than the limits allow."""


class Comment(NamedTuple):
    """A comment of one line, without its mark."""

    text: str
    line: int


class Leaf(NamedTuple):
    """A value: its text as written, its type, and its bytes in sops's encoding."""

    text: str
    type: ValueType
    data: bytes
    line: int


class Listing(NamedTuple):
    """A list."""

    items: tuple[Tree | Comment, ...]
    line: int


class Entry(NamedTuple):
    """A key and what is under it."""

    key: str
    value: Tree


class Branch(NamedTuple):
    """A map."""

    items: tuple[Entry | Comment, ...]
    line: int


Tree = Leaf | Listing | Branch


def without_metadata(branch: Branch) -> tuple[Branch, Tree | None]:
    """Part a document from its `sops` block, which is None where there is none."""
    block = next((item.value for item in branch.items if isinstance(item, Entry) and item.key == METADATA_KEY), None)
    if block is None:
        return branch, None
    rest = tuple(item for item in branch.items if not (isinstance(item, Entry) and item.key == METADATA_KEY))
    return Branch(rest, branch.line), block
