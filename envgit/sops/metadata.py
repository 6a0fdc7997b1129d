"""Own the `sops` block: for whom the data key is wrapped, which rule holds, and the code over the values.

A recipient's name is a label that nothing authenticates: it is a claim of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from envgit.model import Rules, ValueType
from envgit.sops.document import Branch, Comment, DocumentError, Entry, Leaf, Listing, Tree
from envgit.sops.rules import FIELDS
from envgit.sops.scalars import rfc3339
from envgit.sops.shamir import MIN_THRESHOLD

MAX_RECIPIENTS = 1_000
_MAX_DIGITS = 6
_SECONDS = len("2006-01-02T15:04:05")

# How another provider's key is named, by the fields of its entries; `age` entries are read apart.
_PROVIDERS = {
    "pgp": ("fp",),
    "kms": ("arn",),
    "gcp_kms": ("resource_id",),
    "hckms": ("key_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
}

_OLD_BOOLS = {"y": True, "yes": True, "on": True, "n": False, "no": False, "off": False}

Fields = Mapping[str, Tree]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The data key, or a share of it, wrapped for one recipient; `armor` is empty where another than age did it."""

    recipient: str
    armor: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """A `sops` block: `groups` of wrapped keys, `threshold` of which are needed where there are several.

    `mac` is the encrypted code, `mac_aad` what it is authenticated with: `lastmodified` in whole seconds.
    """

    groups: tuple[tuple[Wrapped, ...], ...]
    threshold: int
    rules: Rules
    mac: str
    mac_aad: str

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who the file says can open it, sorted, each once."""
        return tuple(sorted({wrapped.recipient for group in self.groups for wrapped in group}))


def parse(block: Tree) -> Metadata:
    """Read a `sops` block; raise DocumentError, with its line, where sops would refuse it."""
    fields = _fields(block)
    groups = _groups(fields, block.line)
    if not _text(fields.get("version")):
        raise DocumentError(block.line, "the sops block has no version")
    return Metadata(
        groups=groups,
        threshold=_threshold(fields.get("shamir_threshold"), len(groups)),
        rules=_rules(fields, block.line),
        mac=_text(fields.get("mac")),
        mac_aad=_seconds(_text(fields.get("lastmodified")), block.line),
    )


def stamped(known: Metadata, mac: str, modified: str) -> Metadata | None:
    """Return a block as it is with another code or time, each as it was where none is given; None where that is no time."""
    try:
        aad = _seconds(modified, 0) if modified else known.mac_aad
    except DocumentError:
        return None
    return replace(known, mac=mac or known.mac, mac_aad=aad)


def _fields(tree: Tree) -> dict[str, Tree]:
    if not isinstance(tree, Branch):
        raise DocumentError(tree.line, "the sops block, or a part of it, is no mapping")
    fields: dict[str, Tree] = {}
    for item in tree.items:
        if isinstance(item, Entry):
            if item.key in fields:
                raise DocumentError(item.value.line, "a key of the sops block is there twice")
            fields[item.key] = item.value
    return fields


def _rules(fields: Fields, line: int) -> Rules:
    named = [(field, text) for field in FIELDS if (text := _text(fields.get(field)))]
    if len(named) > 1:
        raise DocumentError(line, "the sops block has more than one rule of what is encrypted")
    only = _flag(fields.get("mac_only_encrypted"))
    return Rules(*named[0], mac_only_encrypted=only) if named else Rules(mac_only_encrypted=only)


def _flag(tree: Tree | None) -> bool:
    """Read a boolean field, for which go-yaml takes the words of YAML 1.1 too."""
    if tree is None or (isinstance(tree, Leaf) and tree.type is ValueType.NULL):
        return False
    if isinstance(tree, Leaf) and tree.type is ValueType.BOOL:
        return tree.data == b"True"
    if isinstance(tree, Leaf) and tree.text.lower() in _OLD_BOOLS:
        return _OLD_BOOLS[tree.text.lower()]
    raise DocumentError(tree.line, "mac_only_encrypted in the sops block is neither true nor false")


def _groups(fields: Fields, line: int) -> tuple[tuple[Wrapped, ...], ...]:
    """Return the key groups; recipients outside of groups come first in sops, and then alone count."""
    flat = tuple(_wrapped(fields))
    groups = (flat,) if flat else tuple(tuple(_wrapped(_fields(group))) for group in _items(fields.get("key_groups")))
    number = sum(map(len, groups))
    if not number:
        raise DocumentError(line, "the sops block names no recipient")
    if number > MAX_RECIPIENTS:
        raise DocumentError(line, f"the sops block names more than {MAX_RECIPIENTS} recipients")
    return groups


def _wrapped(fields: Fields) -> Iterator[Wrapped]:
    for item in _items(fields.get("age")):
        entry = _fields(item)
        yield Wrapped(_text(entry.get("recipient")).strip() or "age:unnamed", _text(entry.get("enc")))
    for provider, parts in _PROVIDERS.items():
        for item in _items(fields.get(provider)):
            entry = _fields(item)
            yield Wrapped(f"{provider}:" + "/".join(filter(None, (_text(entry.get(part)) for part in parts))), "")


def _items(tree: Tree | None) -> Iterator[Tree]:
    if tree is None or (isinstance(tree, Leaf) and tree.type is ValueType.NULL):
        return
    if not isinstance(tree, Listing):
        raise DocumentError(tree.line, "recipients in the sops block are no list")
    for item in tree.items:
        if not isinstance(item, Comment):
            yield item


def _text(tree: Tree | None) -> str:
    return tree.text if isinstance(tree, Leaf) and tree.type is not ValueType.NULL else ""


def _threshold(tree: Tree | None, groups: int) -> int:
    """Return how many groups are needed: all of them by default, and never fewer than two of several."""
    text = _text(tree)
    given = int(text) if text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS else 0
    return max(MIN_THRESHOLD, given or groups) if groups > 1 else 1


def _seconds(text: str, line: int) -> str:
    moment = rfc3339(text)
    if moment is None:
        raise DocumentError(line, "the sops block has no lastmodified, or one that is no time of RFC 3339")
    zone = moment[_SECONDS:].lstrip(".0123456789")
    return moment[:_SECONDS] + zone
