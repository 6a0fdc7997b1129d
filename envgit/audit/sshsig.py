"""Own the SSHSIG format, for ed25519 alone: what is signed, and the armor that git and ssh-keygen read.

Source: OpenSSH's PROTOCOL.sshsig. There is one armor for a signature: any other that decodes to the same is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256, sha512

from envgit.audit.canonical import FormatError

NAMESPACE = "git"
KEY_TYPE = b"ssh-ed25519"
_MAGIC = b"SSHSIG"
_HASH = b"sha512"
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_COLUMNS = 70


def signed_data(message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Return the bytes over which the ed25519 signature goes."""
    parts = (namespace.encode(), b"", _HASH, sha512(message).digest())
    return _MAGIC + b"".join(map(_string, parts))


def armor(public: bytes, signature: bytes, namespace: str = NAMESPACE) -> str:
    """Return the armored signature, as `ssh-keygen -Y sign` writes it, without a last newline."""
    blob = (
        _MAGIC
        + (1).to_bytes(4, "big")
        + b"".join(
            map(_string, (key_blob(public), namespace.encode(), b"", _HASH, _string(KEY_TYPE) + _string(signature)))
        )
    )
    text = b64encode(blob).decode()
    return "\n".join([_BEGIN, *(text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)), _END])


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


def fingerprint(public: bytes) -> str:
    """Return the fingerprint that ssh-keygen -l shows."""
    return "SHA256:" + b64encode(sha256(key_blob(public)).digest()).decode().rstrip("=")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
