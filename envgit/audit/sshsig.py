"""Own the SSHSIG format, for ed25519 alone: what is signed, and the armor that git and ssh-keygen read.

Source: OpenSSH's PROTOCOL.sshsig, and PROTOCOL.u2f for keys on hardware. There is one armor for a signature: any other that
decodes to the same is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256, sha512
from typing import NamedTuple

from envgit.audit.canonical import FormatError

NAMESPACE = "git"
KEY_TYPE = b"ssh-ed25519"
HARDWARE_TYPE = b"sk-ssh-ed25519@openssh.com"
MAX_ARMOR = 8192
Verify = Callable[[bytes, bytes, bytes], bool]  # public key, signed data, signature
_MAGIC = b"SSHSIG"
_HASH = b"sha512"
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_COLUMNS = 70
_USER_PRESENT = 1


class Approval(NamedTuple):
    """A signature taken apart: the signer's key as a line, and what ed25519 has to be asked."""

    line: str
    public: bytes
    data: bytes
    signature: bytes


def signed_data(message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Return the bytes over which the ed25519 signature goes."""
    return _signed_head(namespace) + sha512(message).digest()


def armor(public: bytes, signature: bytes, namespace: str = NAMESPACE) -> str:
    """Return the armored signature, as `ssh-keygen -Y sign` writes it, without a last newline."""
    return wrapped(_armor_head(public, namespace) + signature)


@lru_cache(maxsize=64)
def _signed_head(namespace: str) -> bytes:
    """Return what is signed, up to the hash itself."""
    parts = b"".join(map(_string, (namespace.encode(), b"", _HASH)))
    return _MAGIC + parts + sha512().digest_size.to_bytes(4, "big")


@lru_cache(maxsize=64)
def _armor_head(public: bytes, namespace: str) -> bytes:
    """Return a signature's bytes up to the 64 of ed25519: the same for all that a key signs."""
    parts = b"".join(map(_string, (key_blob(public), namespace.encode(), b"", _HASH)))
    last = _string(KEY_TYPE) + (64).to_bytes(4, "big")
    return _MAGIC + (1).to_bytes(4, "big") + parts + (len(last) + 64).to_bytes(4, "big") + last


def wrapped(blob: bytes) -> str:
    """Return the armor around a signature's bytes."""
    text = b64encode(blob).decode()
    return "\n".join([_BEGIN, *(text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)), _END])


def approval(text: str, message: bytes, namespace: str) -> Approval:
    """Take apart a signature of `ssh-keygen -Y sign` by an ed25519 key, on disk or on hardware, over `message`.

    Raise FormatError for any other kind, namespace, hash or form. Whether it is good is for ed25519 to say.
    """
    try:
        blob = b64decode("".join(text.split("\n")[1:-1]), validate=True) if len(text) <= MAX_ARMOR else b""
    except (Base64Error, ValueError):
        raise FormatError("a signature that is no base64") from None
    key, said, reserved, hash_, signature = _fields(blob.removeprefix(_MAGIC + (1).to_bytes(4, "big")), 5)
    if wrapped(blob) != text or (said, reserved, hash_) != (namespace.encode(), b"", _HASH):
        raise FormatError(f"a signature that is not one for {namespace}")
    data = signed_data(message, namespace)
    kind, public, *application = _fields(key, 3 if key[4:].startswith(HARDWARE_TYPE) else 2)
    if kind == HARDWARE_TYPE:
        tail = signature[-5:]  # one byte of flags, four of a counter
        if not tail or not tail[0] & _USER_PRESENT:
            raise FormatError("a signature for which nobody touched the key")
        signature = signature[:-5]
        data = sha256(application[0]).digest() + tail + sha256(data).digest()
    of, raw = _fields(signature, 2)
    if kind not in (KEY_TYPE, HARDWARE_TYPE) or of != kind or len(public) != 32 or len(raw) != 64:
        raise FormatError("a signature by a key that is no ed25519 key")
    return Approval(f"{kind.decode()} {b64encode(key).decode()}", public, data, raw)


def root_line(line: str) -> str:
    """Return a root's public key, on disk or on hardware, without comment; raise FormatError for any other."""
    found = re.fullmatch(r"(ssh-ed25519|sk-ssh-ed25519@openssh\.com) ([A-Za-z0-9+/=]+)(?: [^\n]*)?", line.strip())
    try:
        blob = b64decode(found[2], validate=True) if found else b""
    except (Base64Error, ValueError):
        blob = b""
    kind, public, *_application = _fields(blob, 3 if found and found[1].startswith("sk-") else 2)
    if found is None or kind.decode("latin-1") != found[1] or len(public) != 32:
        raise FormatError("a public key that is no ed25519 key")
    return f"{found[1]} {found[2]}"


def _fields(data: bytes, number: int) -> list[bytes]:
    """Return exactly so many length-prefixed fields; raise FormatError where the bytes are others."""
    found, place = [], 0
    for _field in range(number):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    if place != len(data):
        raise FormatError("SSH fields of other lengths")
    return found


def dearmor(text: str, namespace: str = NAMESPACE) -> tuple[bytes, bytes]:
    """Return (public key, signature), 32 and 64 bytes; raise FormatError where the text is not what `armor` gives."""
    lines = text.split("\n")
    try:
        blob = b64decode("".join(lines[1:-1]), validate=True)
    except (Base64Error, ValueError):
        raise FormatError("a signature that is no base64") from None
    # The layout is fixed: all lengths are known, so that the two values lie at known places.
    head = len(_MAGIC) + 4 + 4 + 4 + len(KEY_TYPE) + 4
    public, signature = blob[head : head + 32], blob[-64:]
    if len(public) != 32 or len(signature) != 64 or armor(public, signature, namespace) != text:
        raise FormatError("a signature of another form")
    return public, signature


def key_blob(public: bytes) -> bytes:
    """Return the public key in SSH's wire form."""
    return _string(KEY_TYPE) + _string(public)


def public_line(public: bytes) -> str:
    """Return the public key as one line of authorized_keys, without comment."""
    return f"{KEY_TYPE.decode()} {b64encode(key_blob(public)).decode()}"


def public_bytes(line: str) -> bytes:
    """Return the 32 bytes of a public key line; raise FormatError where it is not exactly one for ed25519."""
    found = re.fullmatch(r"ssh-ed25519 ([A-Za-z0-9+/=]+)", line)
    try:
        blob = b64decode(found[1], validate=True) if found else b""
    except (Base64Error, ValueError):
        blob = b""
    public = blob[-32:]
    if len(blob) != len(key_blob(b"")) + 32 or key_blob(public) != blob:
        raise FormatError("a public key that is no ssh-ed25519 line")
    return public


@lru_cache(maxsize=256)
def fingerprint(public: bytes) -> str:
    """Return the fingerprint that ssh-keygen -l shows."""
    return _shown(key_blob(public))


def line_fingerprint(line: str) -> str:
    """Return the fingerprint of a key line, as ssh-keygen -l shows it; empty where the line is none."""
    try:
        return _shown(b64decode(line.split(" ")[1], validate=True))
    except (IndexError, Base64Error, ValueError):
        return ""


def _shown(blob: bytes) -> str:
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
