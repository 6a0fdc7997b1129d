"""Own the walk over documents: every leaf with its name, its additional data, and whether the rule encrypts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from envgit.model import ValueType
from envgit.sops import names
from envgit.sops.cipher import COMMENT_END, PREFIX
from envgit.sops.document import Branch, Comment, DocumentTooLargeError, Leaf, Listing, Tree
from envgit.sops.rules import Rule, Scope

MAX_VARIABLES = 50_000


class Place(NamedTuple):
    """A leaf and where it stands; an empty map or list is a leaf too, without text and bytes.

    `aad` is what sops authenticates with the value: every key from the root and a colon each; indices add nothing.
    """

    name: str
    aad: str
    leaf: Leaf
    encrypted: bool


def leaves(documents: Sequence[Branch], rule: Rule) -> list[Place]:
    """Return every leaf of all documents in order; raise DocumentTooLargeError above MAX_VARIABLES."""
    walk = _Walk(rule)
    for number, branch in enumerate(documents):
        walk.branch(branch, names.document(number), "", False)
    return walk.found


def encrypted_comment(tree: Tree) -> bool:
    """Tell whether a list's item is an encrypted comment, which sops writes as an item."""
    return type(tree) is Leaf and tree.text.startswith(PREFIX) and tree.text.rstrip().endswith(COMMENT_END)


class _Walk:
    __slots__ = ("_names", "_rule", "found")

    def __init__(self, rule: Rule) -> None:
        self.found: list[Place] = []
        self._rule = rule
        self._names = names.Names()

    def branch(self, branch: Branch, name: str, aad: str, hit: bool) -> None:
        """Walk a map."""
        scope = Scope(self._rule, hit)
        for item in branch.items:
            if type(item) is Comment:
                scope.comment(item.text)
                continue
            key, value = item
            self._tree(value, names.under(name, key), f"{aad}{key}:", scope.hit(key))  # type: ignore[arg-type]
            scope.done()

    def _listing(self, listing: Listing, name: str, aad: str, hit: bool) -> None:
        scope = Scope(self._rule, hit)
        index = 0
        for item in listing.items:
            if isinstance(item, Comment):
                scope.comment(item.text)
                continue
            below = scope.hit(None)
            if not (encrypted_comment(item) and scope.encrypts(below)):
                self._tree(item, names.item(name, index), aad, below)
                index += 1
            scope.done()

    def _tree(self, tree: Tree, name: str, aad: str, hit: bool) -> None:
        if type(tree) is Leaf:
            self._leaf(tree, name, aad, hit)
        elif type(tree) is Branch:
            before = len(self.found)
            self.branch(tree, name, aad, hit)
            if len(self.found) == before:
                self._leaf(Leaf("", ValueType.MAP, b"", tree.line), name, aad, hit)
        else:
            before = len(self.found)
            self._listing(tree, name, aad, hit)  # type: ignore[arg-type]
            if len(self.found) == before:
                self._leaf(Leaf("", ValueType.LIST, b"", tree.line), name, aad, hit)

    def _leaf(self, leaf: Leaf, name: str, aad: str, hit: bool) -> None:
        if len(self.found) >= MAX_VARIABLES:
            raise DocumentTooLargeError(leaf.line, f"it holds more than {MAX_VARIABLES} variables")
        self.found.append(Place(self._names.give(name), aad, leaf, hit == self._rule.encrypts_hits))
