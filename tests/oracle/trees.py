"""Own git's objects and the tree of the audit branch: paths to bytes in, the id of the root out, made from nothing."""

from __future__ import annotations

import re
from hashlib import sha1, sha256
from typing import Any

Objects = dict[str, tuple[str, bytes]]
SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
LONGEST, KEPT = 200, 128
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL)


def object_id(kind: str, data: bytes) -> str:
    """Return the name that git gives an object."""
    return sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def kept(objects: Objects | None, kind: str, data: bytes) -> str:
    """Return the name of an object, and put it among others where there are any."""
    oid = object_id(kind, data)
    if objects is not None:
        objects[oid] = (kind, data)
    return oid


def root_of(files: dict[str, bytes], objects: Objects | None = None) -> str:
    """Return the id of the tree that holds these files, by their paths; what it is made of goes to `objects`."""
    inside: dict[str, dict[str, bytes]] = {}
    rows = []
    for path, data in files.items():
        first, slash, rest = path.partition("/")
        if slash:
            inside.setdefault(first, {})[rest] = data
        else:
            rows.append((first.encode(), b"100644", kept(objects, "blob", data)))
    for name, below in inside.items():
        rows.append((name.encode() + b"/", b"40000", root_of(below, objects)))
    rows.sort()
    lines = [mode + b" " + name.removesuffix(b"/") + b"\0" + bytes.fromhex(oid) for name, mode, oid in rows]
    return kept(objects, "tree", b"".join(lines))


def members(tree: bytes) -> dict[bytes, tuple[bytes, str]]:
    """Return mode and id of everything in a tree object, by name."""
    found = {}
    while tree:
        head, _zero, rest = tree.partition(b"\0")
        mode, _space, name = head.partition(b" ")
        found[name] = (mode, rest[:20].hex())
        tree = rest[20:]
    return found


def escaped(name: str) -> str:
    """Return a name as a part of a path."""
    if name == "":
        return "%"
    made = "".join(chr(byte) if byte in SAFE else f"%{byte:02X}" for byte in name.encode())
    if made[0] == "." or _RESERVED.fullmatch(made):
        made = f"%{ord(made[0]):02X}{made[1:]}"
    if made[-1] == ".":
        made = f"{made[:-1]}%2E"
    return cut(made)


def cut(made: str) -> str:
    """Return an escaped name, or its beginning and its hash where it is too long."""
    if len(made) <= LONGEST:
        return made
    kept = made[:KEPT]
    for back in (1, 2):
        if kept[-back] == "%":
            kept = kept[:-back]
            break
    return f"{kept}~{sha256(made.encode()).hexdigest()}"


def directory(environment: str, unit: str) -> str:
    """Return the folder of an environment's file."""
    return cut(f"{escaped(environment)}+{escaped(unit)}" if unit else escaped(environment))


def numbered(folder: str, number: int) -> str:
    """Return where what belongs to an entry lies."""
    return f"{folder}/{number // 10000:02}/{number // 100 % 100:02}/{number % 100:02}.json"


def without(defaults: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return fields but for those that are at their defaults."""
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
