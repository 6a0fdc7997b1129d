"""Own the way from YAML to documents: what go-yaml and sops make of nodes, and what they refuse."""

from __future__ import annotations

from envgit.model import ValueType
from envgit.sops.document import Branch, Comment, DocumentError, DocumentTooLargeError, Entry, Leaf, Listing, Tree
from envgit.sops.scalars import resolve
from envgit.sops.yaml import LIMITS, Limits, Mapping, Node, Note, Pair, Scalar, Sequence, duplicate_key, parse


def load(data: bytes, limits: Limits = LIMITS, *, comments: bool = False) -> tuple[Branch, ...]:
    """Read the documents of a YAML file; raise YamlError where it is none, DocumentError where sops refuses it.

    As in sops, equal keys are refused at the top of the first document only, aliases are expanded, `<<` is a plain key.
    """
    nodes = parse(data, limits, comments=comments)
    if nodes and isinstance(nodes[0], Mapping) and (repeated := duplicate_key(nodes[0])) is not None:
        raise DocumentError(repeated.line, "a key is there twice")
    expand = _Expand(limits)
    return tuple(expand.root(node) for node in nodes)


class _Expand:
    """Turn nodes into trees, counting them, since aliases multiply."""

    __slots__ = ("_count", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0

    def root(self, node: Node) -> Branch:
        """Return one document."""
        if isinstance(node, Mapping):
            return self._branch(node, 0)
        if isinstance(node, Scalar) and resolve(node.text, node.style, node.tag)[0] is ValueType.NULL:
            return Branch((), node.line)
        raise DocumentError(node.line, "it is no mapping of names to values")

    def _tree(self, node: Node, depth: int) -> Tree:
        self._count += 1
        if self._count > self._limits.nodes:
            raise DocumentTooLargeError(
                node.line, f"it holds more than {self._limits.nodes} values once aliases are expanded"
            )
        if depth > self._limits.depth:
            raise DocumentError(node.line, f"it is nested deeper than {self._limits.depth} levels")
        if type(node) is Scalar:
            kind, data = resolve(node.text, node.style, node.tag)
            return Leaf(node.text, kind, data, node.line)
        return self._branch(node, depth) if isinstance(node, Mapping) else self._listing(node, depth)  # type: ignore[arg-type]

    def _branch(self, node: Mapping, depth: int) -> Branch:
        items = (self._item(item, depth) for item in node.items)
        return Branch(tuple(items), node.line)

    def _item(self, item: Pair | Note, depth: int) -> Entry | Comment:
        if type(item) is Note:
            return Comment(item.text, item.line)
        return Entry(_key(item.key), self._tree(item.value, depth + 1))  # type: ignore[union-attr]

    def _listing(self, node: Sequence, depth: int) -> Listing:
        items = (
            Comment(item.text, item.line) if isinstance(item, Note) else self._tree(item, depth + 1)
            for item in node.items
        )
        return Listing(tuple(items), node.line)


def _key(node: Node) -> str:
    if not isinstance(node, Scalar):
        raise DocumentError(node.line, "a key is no text")
    if node.style and node.tag is None:
        return node.text
    kind, data = resolve(node.text, node.style, node.tag)
    if kind is not ValueType.STR:
        raise DocumentError(node.line, "a key is no text but a number, a date, a boolean or null; quote it")
    return data.decode("utf-8", "replace")
