"""Own the writing of a new file: plain YAML in, a file as sops 3.11 writes it out, comments and order of keys kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from envgit.errors import UsageError
from envgit.model import Rules, ValueType
from envgit.sops import emit, mac
from envgit.sops.cipher import KEY_BYTES, Cipher
from envgit.sops.document import Branch, Comment, DocumentError, Entry, Leaf, Listing, Tree, without_metadata
from envgit.sops.identities import wrap
from envgit.sops.leaves import leaves
from envgit.sops.rules import Rule, Scope
from envgit.sops.yaml import YamlError
from envgit.sops.yaml_documents import load

VERSION = "3.11.0"  # the sops whose output this is
_COMMENT = "comment"
_CLEAR = (ValueType.NULL, ValueType.MAP, ValueType.LIST)
DEFAULT_RULES = Rules()


def encrypt(
    text: str, recipients: Sequence[str], *, rules: Rules = DEFAULT_RULES, now: datetime, data_key: bytes | None = None
) -> str:
    """Encrypt plain YAML for recipients of age; `now` becomes `lastmodified`, `data_key` is made where none is given.

    Raise UsageError where sops would refuse the text, or for a recipient that cannot be used.
    """
    if not recipients:
        raise UsageError("there is no recipient to encrypt for")
    try:
        documents = load(text.encode(), comments=True)
    except (YamlError, DocumentError) as error:
        raise UsageError(f"the text to encrypt: line {error.line}: {error.problem}") from None
    if any(without_metadata(document)[1] is not None for document in documents):
        raise UsageError(
            "the text to encrypt has a sops key at its top: it is encrypted already, or the key needs another name"
        )
    key = data_key if data_key is not None else os.urandom(KEY_BYTES)
    rule = Rule(rules)
    seal = _Seal(Cipher(key), rule)
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    covered = ((place.leaf.data, place.encrypted) for place in leaves(documents, rule))
    code = seal.cipher.seal(mac.mac(covered, rules.mac_only_encrypted).encode(), stamp, "str")
    block = "\n".join(_block(recipients, rules, stamp, code, key))
    return "---\n".join("\n".join([*emit.lines(seal.branch(document, "", False)), block, ""]) for document in documents)


def _block(recipients: Sequence[str], rules: Rules, stamp: str, code: str, key: bytes) -> list[str]:
    lines = ["sops:", "    age:"]
    for recipient in recipients:
        lines += [f"        - recipient: {emit.string(recipient.strip(), 0)}", "          enc: |"]
        lines += [f"            {line}" for line in wrap(key, [recipient]).strip().split("\n")]
    lines += [f'    lastmodified: "{stamp}"', f"    mac: {code}", f"    {rules.field}: {emit.string(rules.pattern, 0)}"]
    if rules.mac_only_encrypted:
        lines.append("    mac_only_encrypted: true")
    return [*lines, f"    version: {VERSION}"]


class _Seal:
    """Put ciphertext in the place of what the rule encrypts."""

    __slots__ = ("_rule", "cipher")

    def __init__(self, cipher: Cipher, rule: Rule) -> None:
        self.cipher = cipher
        self._rule = rule

    def branch(self, branch: Branch, aad: str, hit: bool) -> Branch:
        """Return a map with its values sealed."""
        scope = Scope(self._rule, hit)
        items: list[Entry | Comment] = []
        for item in branch.items:
            if isinstance(item, Comment):
                items.append(self._comment(item, aad, scope))
                continue
            items.append(Entry(item.key, self._tree(item.value, f"{aad}{item.key}:", scope.hit(item.key))))
            scope.done()
        return Branch(tuple(items), branch.line)

    def _listing(self, listing: Listing, aad: str, hit: bool) -> Listing:
        scope = Scope(self._rule, hit)
        items: list[Tree | Comment] = []
        for item in listing.items:
            if isinstance(item, Comment):
                sealed = self._comment(item, aad, scope)
                # sops writes an encrypted comment of a list as an item of it.
                items.append(
                    sealed if sealed is item else Leaf(sealed.text, ValueType.STR, sealed.text.encode(), item.line)
                )
                continue
            items.append(self._tree(item, aad, scope.hit(None)))
            scope.done()
        return Listing(tuple(items), listing.line)

    def _tree(self, tree: Tree, aad: str, hit: bool) -> Tree:
        if isinstance(tree, Branch):
            return self.branch(tree, aad, hit)
        if isinstance(tree, Listing):
            return self._listing(tree, aad, hit)
        if hit != self._rule.encrypts_hits or tree.type in _CLEAR or not tree.data:
            return tree
        token = self.cipher.seal(tree.data, aad, str(tree.type))
        return Leaf(token, ValueType.STR, token.encode(), tree.line)

    def _comment(self, comment: Comment, aad: str, scope: Scope) -> Comment:
        if not scope.comment(comment.text) or not comment.text:
            return comment
        return Comment(self.cipher.seal(comment.text.encode(), aad or ":", _COMMENT), comment.line)
