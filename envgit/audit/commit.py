"""Own the raw commit of an entry: a pure function of the entry, its tree and its parent, and a signature around it.

The verifier builds the bytes anew and compares them: that one rule ends forged headers and re-wrapped armor.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from envgit.audit import checkpoint
from envgit.audit.canonical import FormatError
from envgit.audit.entry import (
    AnchorBody,
    Change,
    ChangeBody,
    ConfigBody,
    Entry,
    EntryKind,
    FileChange,
    RewriteBody,
    Signer,
    SignersBody,
    SupplementBody,
)
from envgit.audit.names import escape
from envgit.audit.people import clean_email, clean_name
from envgit.audit.records import LogState
from envgit.model import ChangeKind, Digest, EventKind, ObjectId

NAMED = 3
NAME_COLUMNS = 60
SKIP_CI = "[skip ci]"
TRAILER = "Envgit-Entry"

# Said only where an entry has nothing else to say of the file.
_QUIET = (EventKind.FINGERPRINT_KEY, EventKind.TEXT_CHANGED)
_IN_FORCE = {True: "changed", False: "pending"}
_SIGNATURE = "gpgsig "
_TREE = re.compile(rb"^tree (?:([0-9a-f]{40})$)?", re.MULTILINE)
_PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)
_HEADERS = re.compile(rb"tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)?)author [^\n]+\ncommitter [^\n]+\n\n")
_LEAF = re.compile(rb"\n\nEnvgit-Entry: sha256:([0-9a-f]{64})\n\Z")
_TRAILER_BYTES = len("\n\nEnvgit-Entry: sha256:\n") + 64
_CHECKPOINT = re.compile(rb"\n\n([^\n]+)\n([0-9]{1,15})\n([A-Za-z0-9+/]{43}=)\n\nEnvgit-Entry: [^\n]+\n\Z")


def unsigned(
    entry: Entry, leaf: bytes, tree: ObjectId, parent: ObjectId | None, state: LogState, signer: Signer
) -> bytes:
    """Return the bytes of a commit before it is signed; `state` is where the log stands with the entry."""
    committed = _stamp(signer.name, signer.email, entry.recorded_at)
    authored = committed
    if isinstance(entry.body, ChangeBody | ConfigBody):
        author = entry.body.source.author
        authored = _stamp(author.name, author.email, author.time)
    lines = [f"tree {tree}"]
    if parent is not None:
        lines.append(f"parent {parent}")
    lines += [f"author {authored}", f"committer {committed}", "", message(entry, leaf, state)]
    return "\n".join(lines).encode()


def message(entry: Entry, leaf: bytes, state: LogState) -> str:
    """Return the commit message: subject, checkpoint, and the entry's hash as a trailer."""
    middle = checkpoint.body(entry.origin, state.size, state.root)
    return f"{subject(entry)} {SKIP_CI}\n\n{middle}\n{TRAILER}: sha256:{leaf.hex()}\n"


def attach(data: bytes, armor: str) -> bytes:
    """Return a commit's bytes with its signature, where git looks for it: the last header."""
    head, blank, rest = data.partition(b"\n\n")
    return head + b"\n" + (_SIGNATURE + armor.replace("\n", "\n ")).encode() + blank + rest


def detach(data: bytes) -> tuple[bytes, str]:
    """Return a commit's bytes without its signature, and the armor; raise FormatError where `attach` put none there."""
    head, blank, rest = data.partition(b"\n\n")
    place = head.find(b"\n" + _SIGNATURE.encode())
    if place < 0 or not blank:
        raise FormatError("a commit without a signature")
    try:
        armor = head[place + 1 + len(_SIGNATURE) :].decode("ascii").replace("\n ", "\n")
    except UnicodeDecodeError:
        raise FormatError("a signature that is no ASCII") from None
    plain = head[:place] + blank + rest
    if attach(plain, armor) != data:
        raise FormatError("a signature that is not the last header")
    return plain, armor


def without_signature(data: bytes) -> bytes:
    """Return a commit's bytes without its signature, or as they are where `detach` finds none."""
    try:
        return detach(data)[0]
    except FormatError:
        return data


def parents(data: bytes) -> tuple[ObjectId, ...]:
    """Return the parents that a commit's own bytes name; grafts and shallow marks have no say."""
    head = data.partition(b"\n\n")[0]
    return tuple(ObjectId(found.decode()) for found in _PARENT.findall(head))


def tree_of(data: bytes) -> ObjectId:
    """Return the tree that a commit's own bytes name first, wherever among its headers; raise FormatError where they name none."""
    found = _TREE.search(data.partition(b"\n\n")[0])
    if found is None or found[1] is None:
        raise FormatError("a commit without a tree")
    return ObjectId(found[1].decode())


def plain_headers(plain: bytes, parent: ObjectId | None) -> bool:
    """Tell whether a commit without its signature has the headers that every entry's has, once each and no other."""
    found = _HEADERS.match(plain)
    return found is not None and found[1] == (f"parent {parent}\n" if parent else "").encode()


def signed_leaf(plain: bytes) -> str:
    """Return the entry's hash, hex, that a commit's last line names; empty where it names none."""
    found = _LEAF.search(plain, max(len(plain) - _TRAILER_BYTES, 0))
    return found[1].decode() if found else ""


def signed_checkpoint(plain: bytes) -> tuple[str, int, bytes] | None:
    """Return origin, size and root that a commit's message names, None where it has no checkpoint."""
    found = _CHECKPOINT.search(plain)
    return (found[1].decode("utf-8", "replace"), int(found[2]), b64decode(found[3])) if found else None


def readme_digest(data: bytes) -> Digest:
    """Return the digest by which a genesis names the branch's README."""
    return Digest(f"sha256:{sha256(data).hexdigest()}")


def subject(entry: Entry) -> str:
    """Return what an entry did, in one line: at most three names, each escaped and cut."""
    body = entry.body
    match body:
        case ChangeBody():
            return _files(body.files) or "no environment changed"
        case ConfigBody():
            return "configuration " + (_name(body.problem) if body.problem else _IN_FORCE[body.in_force])
        case RewriteBody():
            return f"rewrite of {_name(body.branch)}: {_files(body.files) or 'no environment changed'}"
        case SupplementBody():
            return f"supplement to entry {body.of}"
        case SignersBody():
            return f"signers, version {body.signers.version}"
        case AnchorBody():
            return f"anchor at {body.size}, {body.type}"
    return "genesis" if entry.kind == EntryKind.GENESIS else "an entry"


def _files(files: tuple[FileChange, ...]) -> str:
    said = [(_label(file), text) for file in files for text in _said(file)]
    parts: list[str] = []
    last = ""
    for label, text in said[:NAMED]:
        parts.append(text if label == last else f"{label}: {text}")
        last = label
    if len(said) > NAMED:
        parts.append(f"and {len(said) - NAMED} more")
    return ", ".join(parts)


def _said(file: FileChange) -> Iterator[str]:
    counted = [change for change in file.changes if change.kind is not ChangeKind.REENCRYPTED]
    events = [event.kind for event in file.events]
    loud = [kind for kind in events if kind not in _QUIET]
    yield from map(str, loud or ([] if counted else events[:1]))
    yield from map(_change, counted)
    if not counted and not events and file.changes:
        yield "re-encrypted"


def _change(change: Change) -> str:
    return f"{_name(change.variable)} {change.kind}"


def _label(file: FileChange) -> str:
    return _name(f"{file.environment}/{file.unit}" if file.unit else file.environment)


def _name(text: str) -> str:
    escaped = "/".join(map(escape, text.split("/")))
    return escaped if len(escaped) <= NAME_COLUMNS else f"{escaped[:NAME_COLUMNS]}~"


@lru_cache(maxsize=4096)  # a committer stands in every commit of a run, an author in many
def _stamp(name: str, email: str, time: str) -> str:
    seconds = int(datetime.fromisoformat(time).timestamp())
    return f"{clean_name(name)} <{clean_email(email)}> {max(seconds, 0)} +0000"
