"""Make roots' approvals with test keys, as `ssh-keygen -Y sign` would: with keys on disk, and with a make-believe hardware key."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from envgit.audit import sshsig
from envgit.audit.keyset import NAMESPACE
from envgit.signing import SigningKey

APPLICATION = b"ssh:"


def approve(key: SigningKey, statement: bytes, namespace: str = NAMESPACE) -> str:
    """Return the armored signature of a key on disk."""
    return sshsig.armor(key.public, key.sign(sshsig.signed_data(statement, namespace)), namespace)


def hardware_line(key: SigningKey) -> str:
    """Return the public key of a hardware key that holds this one."""
    return f"sk-ssh-ed25519@openssh.com {b64encode(_hardware_blob(key)).decode()}"


def approve_by_hardware(key: SigningKey, statement: bytes, flags: int = 1, namespace: str = NAMESPACE) -> str:
    """Return the armored signature of a hardware key; bit 0 of `flags` says that somebody touched it."""
    data = sshsig.signed_data(statement, namespace)
    tail = bytes([flags]) + (7).to_bytes(4, "big")
    signature = key.sign(sha256(APPLICATION).digest() + tail + sha256(data).digest())
    kind = b"sk-ssh-ed25519@openssh.com"
    parts = (_hardware_blob(key), namespace.encode(), b"", b"sha512", _s(kind) + _s(signature) + tail)
    return sshsig.wrapped(b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(_s, parts)))


def _hardware_blob(key: SigningKey) -> bytes:
    return _s(b"sk-ssh-ed25519@openssh.com") + _s(key.public) + _s(APPLICATION)


def _s(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
