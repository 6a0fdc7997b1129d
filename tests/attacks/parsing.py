"""Attacks on the parser: bytes that the log's own key signed and that are no entry, or one of a later version."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable

from envgit.audit.canonical import MAX_BYTES, encode
from envgit.audit.codec import encode_entry
from envgit.audit.objects import object_id

from .case import Case
from .scene import Scene

WHO = "parsing"


def _bytes(edit: Callable[[bytes], bytes]) -> Callable[[Scene], None]:
    """Append the bytes of an entry that would follow, edited."""

    def attack(scene: Scene) -> None:
        data = encode_entry(scene.next(scene.entries[-1].body, "change"))
        changed = edit(data)
        assert changed != data
        line = scene.line()
        line.forge(changed)
        scene.point(line.tip or "")

    return attack


def _field(value: bytes) -> Callable[[Scene], None]:
    """Append an entry that has this as the version of its file's first change."""
    return _bytes(lambda data: data.replace(b'"previous":5', b'"previous":' + value))


def _fields(**fields: object) -> Callable[[Scene], None]:
    return _bytes(lambda data: encode({**json.loads(data), **fields}))


def _huge(scene: Scene) -> None:
    """Put more bytes than an entry may have where one belongs; they compress to almost nothing."""
    data = b" " * (MAX_BYTES + 1)
    oid = object_id("blob", data)
    path = scene.path / ".git" / "objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(b"blob %d\0" % len(data) + data, 1))
    scene.swap(scene.entry_blob(7), oid, 7)


def _many(scene: Scene) -> None:
    """Append an entry with fifty thousand changes, and none of the records that follow from it."""

    def edit(data: bytes) -> bytes:
        entry = json.loads(data)
        change = entry["files"][0]["changes"][0]
        entry["files"][0]["changes"] = [{**change, "variable": f"V{number:06}"} for number in range(50_000)]
        return encode(entry)

    _bytes(edit)(scene)


_order = _bytes(lambda data: json.dumps(dict(reversed(json.loads(data).items())), separators=(",", ":")).encode())

CASES = (
    Case(75, "a key is there twice", WHO, "", _bytes(lambda data: b'{"kind":"genesis",' + data[1:]), "malformed-entry", 1),
    Case(75, "a number with a fraction", WHO, "", _field(b"5.0"), "malformed-entry", 1),
    Case(75, "a number beyond all", WHO, "", _field(b"1e400"), "malformed-entry", 1),
    Case(75, "an integer that others round", WHO, "", _field(b"9007199254740993"), "malformed-entry", 1),
    Case(75, "an integer of ten thousand digits", WHO, "", _field(b"9" * 10_000), "malformed-entry", 1),
    Case(75, "deep nesting", WHO, "", _field(b"[" * 100_000 + b"]" * 100_000), "malformed-entry", 1),
    Case(75, "bytes behind the end", WHO, "", _bytes(lambda data: data + b"\n"), "malformed-entry", 1),
    Case(75, "another order of keys", WHO, "", _order, "malformed-entry", 1),
    Case(75, "a field that nobody knows", WHO, "", _fields(more=1), "malformed-entry", 1),
    Case(75, "a lone surrogate", WHO, "", _bytes(lambda data: data.replace(b'"tool":"', b'"tool":"\\ud800')),
         "malformed-entry", 1),
    Case(75, "bytes that are no UTF-8", WHO, "", _bytes(lambda data: data.replace(b'"tool":"', b'"tool":"\xff')),
         "malformed-entry", 1),
    Case(75, "a version that nobody knows yet", WHO, "", _fields(version=2), "", 4),
    Case(75, "a kind that nobody knows yet", WHO, "", _fields(kind="later"), "", 4),
    Case(76, "an entry of more than 16 MiB", WHO, "", _huge, "entry-altered", 1, "G but 1 B"),
    Case(76, "an entry with fifty thousand changes", WHO, "", _many, "tree-altered", 1),
)  # fmt: skip
