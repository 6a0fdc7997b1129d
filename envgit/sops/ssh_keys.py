"""Own what an SSH private key tells without being opened: its public half, and whether a passphrase protects it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_MAGIC = b"openssh-key-v1\0"
_ARMOR = re.compile(r"-----BEGIN ([A-Z ]+)-----\s(.*?)-----END \1-----", re.DOTALL)
_TYPES = ("ssh-ed25519", "ssh-rsa")


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key by its public half, which is empty where the format hides it."""

    public: str
    encrypted: bool

    @property
    def path_independent(self) -> bool:
        """Whether the file names its public half, so that it can be tried only where it fits."""
        return bool(self.public)


def inspect(text: str) -> SshKey | None:
    """Look at a private key in OpenSSH's format or PEM; None where it is neither or of a type that age cannot use."""
    match = _ARMOR.search(text)
    if match is None:
        return None
    if match[1] == "OPENSSH PRIVATE KEY":
        return _openssh(match[2])
    if match[1] == "RSA PRIVATE KEY":
        encrypted = "ENCRYPTED" in match[2]
        return SshKey("" if encrypted else _rsa_public(match[0]), encrypted)
    return None


def _openssh(body: str) -> SshKey | None:
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(_MAGIC):
        return None
    cipher, rest = _field(data[len(_MAGIC) :])
    for _ in range(2):  # the key derivation's name and options
        _, rest = _field(rest)
    public, _ = _field(rest[4:])
    kind = _field(public)[0].decode("ascii", "replace")
    if kind not in _TYPES:
        return None
    return SshKey(f"{kind} {base64.b64encode(public).decode()}", cipher != b"none")


def _field(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:4], "big")
    return data[4 : 4 + size], data[4 + size :]


def _rsa_public(pem: str) -> str:
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
        form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return key.public_key().public_bytes(*form).decode()
    except (ValueError, TypeError, AttributeError):
        return ""
