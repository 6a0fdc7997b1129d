"""Own C2SP signed notes: text, signature lines, key names and ids, and cosignatures, which carry a time.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature (cosignature/v1, ed25519).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from envgit.audit.canonical import FormatError
from envgit.audit.sshsig import Verify

MAX_BYTES = 64 * 1024
MAX_LINES = 64
LATEST = 253402300799  # the last second that a date can hold
ED25519 = 1
COSIGNATURE = 4

_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_CHECKPOINT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n((?:[^\n]+\n)*)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Line(NamedTuple):
    """One signature of a note: the key's name and id, and what the kind of key makes of it."""

    name: str
    id: bytes
    signature: bytes


class Note(NamedTuple):
    """A note: its text, with the last newline, and its signatures."""

    text: str
    lines: tuple[Line, ...]


class NoteKey(NamedTuple):
    """A key that signs notes: `kind` is ED25519 or COSIGNATURE, `public` has 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names it."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as text, as policies and people hand it on."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"


class Checkpoint(NamedTuple):
    """The text of a note that says where a log stands; `root` has 32 bytes."""

    origin: str
    size: int
    root: bytes


def parse(data: str | bytes) -> Note:
    """Return a signed note; raise FormatError where it is none."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError("a note that is no UTF-8") from None
    body, blank, tail = text.rpartition("\n\n")
    if len(text) > MAX_BYTES or not blank or not tail.endswith("\n") or _CONTROL.search(text):
        raise FormatError("no signed note")
    rows = tail[:-1].split("\n")
    if len(rows) > MAX_LINES:
        raise FormatError(f"a note with more than {MAX_LINES} signatures")
    return Note(body + "\n", tuple(map(_line, rows)))


def _line(row: str) -> Line:
    found = _LINE.fullmatch(row)
    raw = _decoded(found[2]) if found else b""
    if found is None or len(raw) <= 4:
        raise FormatError("a note with a line that is no signature")
    return Line(found[1], raw[:4], raw[4:])


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise FormatError("something that is no base64") from None


def vkey(text: str) -> NoteKey:
    """Return a key from its text; raise FormatError where it is none, or its id is another's."""
    found = _VKEY.fullmatch(text)
    raw = _decoded(found[3]) if found else b""
    if found is None or len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
        raise FormatError("a key that is no ed25519 verifier key, as NAME+ID+BASE64")
    key = NoteKey(found[1], raw[0], raw[1:])
    if key.id.hex() != found[2]:
        raise FormatError(f"the key of {found[1]}, whose id is not that of its name and bytes")
    return key


def checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is; raise FormatError where it is none."""
    found = _CHECKPOINT.fullmatch(text)
    if found is None:
        raise FormatError("a note that is no checkpoint")
    return Checkpoint(found[1], int(found[2]), _decoded(found[3]))


def joined(text: str, lines: Iterator[Line] | tuple[Line, ...]) -> str:
    """Return a note as bytes have it, each signature once."""
    rows = dict.fromkeys(f"— {line.name} {b64encode(line.id + line.signature).decode()}\n" for line in lines)
    return f"{text}\n{''.join(rows)}"


def signed_by(note: Note, key: NoteKey, verify: Verify) -> bool:
    """Tell whether an ed25519 key signed a note; raise FormatError where a signature names it and is not good."""
    found = [line for line in note.lines if (line.name, line.id) == (key.name, key.id)]
    if not all(verify(key.public, note.text.encode(), line.signature) for line in found):
        raise FormatError(f"a note whose signature by {key.name} is not good")
    return bool(found)


def cosigned_message(text: str, seconds: int) -> bytes:
    """Return the bytes that a witness signs: the checkpoint, and when, in seconds since 1970."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def cosignature(key: NoteKey, seconds: int, signature: bytes) -> Line:
    """Return a witness's line; `signature` has 64 bytes, over `cosigned_message`."""
    return Line(key.name, key.id, seconds.to_bytes(8, "big") + signature)


def cosigned_at(note: Note, key: NoteKey, verify: Verify) -> int | None:
    """Return when a witness cosigned a note last, in seconds since 1970, None where it did not.

    Raise FormatError where a signature names it and is not good.
    """
    times = []
    for line in note.lines:
        if (line.name, line.id) != (key.name, key.id):
            continue
        seconds = int.from_bytes(line.signature[:8], "big")
        good = len(line.signature) == 72 and seconds <= LATEST
        if not good or not verify(key.public, cosigned_message(note.text, seconds), line.signature[8:]):
            raise FormatError(f"a note whose cosignature by {key.name} is not good")
        times.append(seconds)
    return max(times, default=None)
