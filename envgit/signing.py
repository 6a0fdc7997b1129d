"""Own the key that signs entries: ed25519 by cryptography, in OpenSSH's file format, and nothing else.

A key's text never reaches a message; what is wrong with it is said in our own words.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from envgit.audit import sshsig
from envgit.errors import CannotTell

KEY = "ENVGIT_SIGNING_KEY"
WITNESS = "ENVGIT_WITNESS_KEY"
MAX_KEY_BYTES = 64 * 1024


class SigningKey:
    """An ed25519 private key that signs commits; it has no text form but `to_openssh`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_openssh(cls, text: str, where: str) -> SigningKey:
        """Read a key as ssh-keygen writes it; raise CannotTell, naming `where`, for any other kind or a broken text."""
        # Secrets pasted into forms lose their last newline or gain carriage returns; OpenSSH's parser wants neither.
        data = ("\n".join(line.strip() for line in text.strip().splitlines()) + "\n").encode("utf-8", "replace")
        try:
            key = load_ssh_private_key(data, password=None)
        except TypeError:
            raise CannotTell(f"the signing key in {where} has a passphrase; envgit needs one without") from None
        except (ValueError, UnsupportedAlgorithm, IndexError):
            raise CannotTell(
                f"the signing key in {where} is corrupt or no OpenSSH private key; "
                "ssh-keygen -t ed25519 -N '' -f FILE makes one"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise CannotTell(f"the signing key in {where} is no ed25519 key; ssh-keygen -t ed25519 makes one")
        return cls(key)

    @property
    def public_line(self) -> str:
        """The public half, as one line of authorized_keys without comment."""
        return sshsig.public_line(self.public)

    def to_openssh(self) -> str:
        """Return the private key as OpenSSH keeps it, without passphrase."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()

    def sign_commit(self, data: bytes) -> str:
        """Return the armored signature over a commit's bytes, in git's namespace."""
        return sshsig.armor(self.public, self._key.sign(sshsig.signed_data(data)))

    def sign(self, data: bytes) -> bytes:
        """Return the bare ed25519 signature, 64 bytes, as C2SP's notes have it; no such text begins as SSHSIG's does."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"SigningKey({sshsig.fingerprint(self.public)})"


def verified(public: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether an ed25519 signature over `data` is good; 32, any and 64 bytes."""
    try:
        _public(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _public(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def load(environ: Mapping[str, str], setting: str | None, variable: str = KEY) -> tuple[SigningKey, str] | None:
    """Return the key and where it was: the text in `variable`, the file that `variable`_FILE names, else that of git's setting.

    Raise CannotTell where the one that is named cannot be used; None where none is named.
    """
    if text := environ.get(variable, ""):
        return SigningKey.from_openssh(text, variable), variable
    name = environ.get(f"{variable}_FILE", "") or setting
    if not name:
        return None
    # Path's own expanduser raises for a user that is not known.
    return SigningKey.from_openssh(_read(Path(os.path.expanduser(name))), name), name  # noqa: PTH111


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise CannotTell(f"the signing key {path} can be read by others than its owner; chmod 600 {path}")
            return file.read(MAX_KEY_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise CannotTell(f"cannot read the signing key {path}: {error.strerror}") from None
