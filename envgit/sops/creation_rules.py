"""Own `.sops.yaml`: which rule a new file falls under, for whom it is then encrypted, and the names people have there.

The first rule that matches wins, as in sops. Names are claims of whoever wrote the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envgit.errors import ConfigError
from envgit.model import Rules, ValueType
from envgit.sops import rules as encryption
from envgit.sops.document import Branch, Comment, DocumentError, Entry, Leaf, Listing, Tree, without_metadata
from envgit.sops.yaml import Mapping, Node, Note, Pair, Scalar, YamlError, parse
from envgit.sops.yaml import Sequence as List
from envgit.sops.yaml_documents import load

FILE = ".sops.yaml"
_PROVIDERS = ("pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri")
_RECIPIENT = re.compile(r"age1[a-z0-9+._-]{10,2000}|ssh-(?:ed25519|rsa) \S+(?: .*)?")
_NAME = re.compile(r"[^\W_](?:[\w.@+' -]{0,58}[\w.)])?")


@dataclass(frozen=True, slots=True)
class CreationRule:
    """One rule: `groups` of recipients, of which `threshold` are needed where there are several.

    An empty `path_regex` matches every path. Other providers' keys are named as in a file: `pgp:FINGERPRINT`.
    """

    path_regex: str
    groups: tuple[tuple[str, ...], ...]
    threshold: int
    rules: Rules
    line: int

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everyone the rule names, in order, each once."""
        return tuple(dict.fromkeys(recipient for group in self.groups for recipient in group))


def creation_rules(data: bytes) -> tuple[CreationRule, ...]:
    """Read the rules in order; raise ConfigError naming file and line where sops would refuse them."""
    try:
        documents = load(data)
        fields = _fields(without_metadata(documents[0])[0]) if documents else {}
        return tuple(_rule(tree) for tree in _items(fields.get("creation_rules")))
    except (YamlError, DocumentError) as error:
        raise ConfigError(f"{FILE}:{error.line}: {error.problem}") from None


def matching(found: Sequence[CreationRule], path: str) -> CreationRule | None:
    """Return the first rule for a path, which is relative to the folder of `.sops.yaml`; None where none matches."""
    return next((rule for rule in found if not rule.path_regex or encryption.pattern(rule.path_regex)(path)), None)


def names_of_recipients(data: bytes) -> dict[str, str]:
    """Return the names that recipients have, by an anchor or a comment behind them; an unreadable file gives none.

    A comment is said in full words, so it goes before an anchor.
    """
    try:
        documents = parse(data, comments=True)
    except YamlError:
        return {}
    named: dict[str, str] = {}
    for scalar, note in _scalars(documents):
        recipient = scalar.text.strip()
        name = (note or scalar.anchor or "").strip()
        if _RECIPIENT.fullmatch(recipient) and _NAME.fullmatch(name) and (note or recipient not in named):
            named[recipient] = name
    return named


def _scalars(roots: Sequence[Node]) -> Iterator[tuple[Scalar, str]]:
    """Yield every scalar once, with the comment behind it."""
    waiting, seen = list(roots), set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, Mapping | List):
            continue
        seen.add(id(node))
        note = ""
        for item in node.items:
            if isinstance(item, Note):
                note = item.text if item.inline else ""
                continue
            value = item.value if isinstance(item, Pair) else item
            if isinstance(value, Scalar):
                yield value, note
            else:
                waiting.append(value)
            note = ""


def _rule(tree: Tree) -> CreationRule:
    fields = _fields(tree)
    path_regex = _text(fields.get("path_regex"))
    if not encryption.valid(path_regex):
        raise DocumentError(tree.line, "a path_regex is no pattern of RE2")
    grouped = tuple(_group(_fields(group)) for group in _items(fields.get("key_groups")))
    groups = grouped or (_group(fields),)
    threshold = _text(fields.get("shamir_threshold"))
    return CreationRule(
        path_regex=path_regex,
        groups=groups,
        threshold=int(threshold) if threshold.isascii() and threshold.isdigit() and len(threshold) < 4 else len(groups),
        rules=_encrypted(fields, tree.line),
        line=tree.line,
    )


def _encrypted(fields: dict[str, Tree], line: int) -> Rules:
    named = [(field, text) for field in encryption.FIELDS if (text := _text(fields.get(field)))]
    if len(named) > 1:
        raise DocumentError(line, "a creation rule has more than one rule of what is encrypted")
    only = _text(fields.get("mac_only_encrypted")) == "true"
    return Rules(*named[0], mac_only_encrypted=only) if named else Rules(mac_only_encrypted=only)


def _group(fields: dict[str, Tree]) -> tuple[str, ...]:
    merged = tuple(recipient for group in _items(fields.get("merge")) for recipient in _group(_fields(group)))
    age = tuple(_words(fields.get("age")))
    others = tuple(f"{provider}:{word}" for provider in _PROVIDERS for word in _words(fields.get(provider)))
    return merged + age + others


def _words(tree: Tree | None) -> Iterator[str]:
    """Yield recipients of a comma-separated text or a list; another provider's mapping is named by its values."""
    if isinstance(tree, Leaf):
        yield from filter(None, (word.strip() for word in tree.text.split(",")) if tree.type is ValueType.STR else ())
    elif isinstance(tree, Listing):
        for item in _items(tree):
            yield from _words(item)
    elif isinstance(tree, Branch):
        yield "/".join(
            item.value.text for item in tree.items if isinstance(item, Entry) and isinstance(item.value, Leaf)
        )


def _fields(tree: Tree) -> dict[str, Tree]:
    if not isinstance(tree, Branch):
        raise DocumentError(tree.line, "a creation rule, or a part of it, is no mapping")
    return {item.key: item.value for item in tree.items if isinstance(item, Entry)}


def _items(tree: Tree | None) -> Iterator[Tree]:
    if tree is None or (isinstance(tree, Leaf) and tree.type is ValueType.NULL):
        return
    if not isinstance(tree, Listing):
        raise DocumentError(tree.line, "what ought to be a list is none")
    for item in tree.items:
        if not isinstance(item, Comment):
            yield item


def _text(tree: Tree | None) -> str:
    return tree.text if isinstance(tree, Leaf) and tree.type is not ValueType.NULL else ""
