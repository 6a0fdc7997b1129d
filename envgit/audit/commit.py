"""Own the raw commit of an entry: a pure function of the entry, its tree and its parent, and a signature around it.

The verifier builds the bytes anew and compares them: that one rule ends forged headers, second authors and re-wrapped armor.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from envgit.audit import checkpoint
from envgit.audit.canonical import FormatError
from envgit.audit.entry import Change, ChangeBody, ConfigBody, Entry, EntryKind, FileChange, RewriteBody, Signer, SupplementBody
from envgit.audit.names import escape
from envgit.audit.people import clean_email, clean_name
from envgit.audit.records import LogState
from envgit.model import ChangeKind, Digest, EventKind, ObjectId

NAMED = 3
NAME_COLUMNS = 60
SKIP_CI = "[skip ci]"
TRAILER = "Envgit-Entry"

_SIGNATURE = "gpgsig "


def unsigned(entry: Entry, leaf: bytes, tree: ObjectId, parent: ObjectId | None, state: LogState, signer: Signer) -> bytes:
    """Return the bytes of a commit before it is signed; `state` is where the log stands with the entry."""
    committed = _stamp(signer.name, signer.email, entry.recorded_at)
    body = entry.body
    authored = committed
    if isinstance(body, ChangeBody | ConfigBody):
        author = body.source.author
        authored = _stamp(clean_name(author.name), clean_email(author.email), author.time)
    lines = [f"tree {tree}"]
    if parent is not None:
        lines.append(f"parent {parent}")
    lines += [f"author {authored}", f"committer {committed}", "", message(entry, leaf, state)]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def message(entry: Entry, leaf: bytes, state: LogState) -> str:
    """Return the commit message: subject, checkpoint, and the entry's hash as a trailer."""
    middle = checkpoint.body(entry.origin, state.size, state.root)
    return f"{subject(entry)} {SKIP_CI}\n\n{middle}\n{TRAILER}: sha256:{leaf.hex()}\n"


def attach(data: bytes, armor: str) -> bytes:
    """Return a commit's bytes with its signature, where git looks for it: the last header."""
    head, blank, rest = data.partition(b"\n\n")
    return head + b"\n" + (_SIGNATURE + armor.replace("\n", "\n ")).encode() + blank + rest


def detach(data: bytes) -> tuple[bytes, str]:
    """Return a commit's bytes without its signature, and the armor; raise FormatError where there is none as `attach` puts it."""
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


def parents(data: bytes) -> tuple[ObjectId, ...]:
    """Return the parents that a commit's own bytes name; grafts and shallow marks have no say."""
    head = data.partition(b"\n\n")[0]
    return tuple(ObjectId(line[7:].decode("ascii", "replace")) for line in head.split(b"\n") if line.startswith(b"parent "))


def tree_of(data: bytes) -> ObjectId:
    """Return the tree that a commit's own bytes name."""
    if not data.startswith(b"tree ") or data[45:46] != b"\n":
        raise FormatError("a commit without a tree")
    return ObjectId(data[5:45].decode("ascii", "replace"))


def signed_leaf(plain: bytes) -> str:
    """Return the entry's hash, hex, that a commit's last line names; empty where it names none."""
    found = re.search(rb"\n\nEnvgit-Entry: sha256:([0-9a-f]{64})\n\Z", plain)
    return found[1].decode() if found else ""


def signed_checkpoint(plain: bytes) -> tuple[str, int, bytes] | None:
    """Return origin, size and root that a commit's message names, None where it has no checkpoint."""
    found = re.search(rb"\n\n([^\n]+)\n([0-9]{1,15})\n([A-Za-z0-9+/]{43}=)\n\nEnvgit-Entry: [^\n]+\n\Z", plain)
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
            return "configuration " + (body.problem or ("changed" if body.in_force else "pending"))
        case RewriteBody():
            return f"rewrite of {_name(body.branch)}: {_files(body.files) or 'no environment changed'}"
        case SupplementBody():
            return f"supplement to entry {body.of}"
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
    for event in file.events:
        if event.kind not in (EventKind.FINGERPRINT_KEY, EventKind.TEXT_CHANGED) or not (counted or len(file.events) > 1):
            yield str(event.kind)
    for change in counted:
        yield _change(change)


def _change(change: Change) -> str:
    return f"{_name(change.variable)} {change.kind}"


def _label(file: FileChange) -> str:
    return _name(f"{file.environment}/{file.unit}" if file.unit else file.environment)


def _name(text: str) -> str:
    escaped = "/".join(map(escape, text.split("/")))
    return escaped if len(escaped) <= NAME_COLUMNS else f"{escaped[:NAME_COLUMNS].rstrip('%')}~"


def _stamp(name: str, email: str, time: str) -> str:
    return f"{name} <{email}> {max(int(datetime.fromisoformat(time).timestamp()), 0)} +0000"


def without_signature(data: bytes) -> bytes:
    """Return a commit's bytes without its signature, or as they are where `detach` finds none."""
    try:
        return detach(data)[0]
    except FormatError:
        return data
