"""Change an object of a log and everything above it that names it, as one without the key could."""

from __future__ import annotations

from envgit.audit.objects import object_id
from envgit.model import ObjectId
from tests.kit.values import replace

from .chain import Chain


def propagated(chain: Chain, oid: ObjectId, data: bytes) -> Chain:
    """Return the log with one object replaced, and every tree and commit that leads to it made anew."""
    renamed = {oid: object_id(chain.objects[oid][0], data)}
    objects = {}
    for old, (kind, content) in chain.objects.items():  # in the order of their making: children come first
        changed = data if old == oid else content
        if kind != "blob":
            for was, now in renamed.items():
                pair = (was, now) if kind == "commit" else (bytes.fromhex(was), bytes.fromhex(now))
                mark, other = (part.encode() if isinstance(part, str) else part for part in pair)
                changed = changed.replace(mark, other) if old != oid else changed
        if changed != content:
            renamed[old] = object_id(kind, changed)
        objects[renamed.get(old, old)] = (kind, changed)
    return replace(chain, objects=objects, tip=renamed.get(chain.tip or oid, chain.tip))
