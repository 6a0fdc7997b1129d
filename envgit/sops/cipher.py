"""Own AES-256-GCM as sops uses it: `ENC[AES256_GCM,…]` texts, nonces of 32 bytes, the path as additional data."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_SIZES = (16, 24, KEY_BYTES)  # what AES takes, and so what sops takes
NONCE_BYTES = 32
TAG_BYTES = 16

PREFIX = "ENC[AES256_GCM,"
COMMENT_END = "type:comment]"
# sops matches from the start only, and what follows the last bracket of the line is ignored. Base64 has no comma, so
# the classes leave the matcher no choice: sops's own pattern would be quadratic here.
_TOKEN = re.compile(r"ENC\[AES256_GCM,data:([^,\n]+),iv:([^,\n]+),tag:([^,\n]+),type:([^\]\n]+)\][^\]\n]*(?:\n|\Z)")


class Token(NamedTuple):
    """A ciphertext as it stands in a file: `sealed` is the ciphertext with its tag behind it."""

    sealed: bytes
    iv: bytes
    type: str


def parse(text: str) -> Token | None:
    """Return the parts of an `ENC[…]` text, None where it is none or its base64 is broken."""
    found = _TOKEN.match(text)
    if found is None:
        return None
    data, iv, tag, kind = found.groups()
    try:
        return Token(
            a2b_base64(data, strict_mode=True) + a2b_base64(tag, strict_mode=True),
            a2b_base64(iv, strict_mode=True),
            kind,
        )
    except (Base64Error, ValueError):
        return None


class Cipher:
    """Open and seal values under one data key, 16, 24 or 32 bytes."""

    __slots__ = ("_gcm",)

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def open(self, token: Token, aad: str) -> bytes | None:
        """Return the plaintext, None where key, path or ciphertext are not the ones that were sealed."""
        try:
            return self._gcm.decrypt(token.iv, token.sealed, aad.encode())
        except (InvalidTag, ValueError, OverflowError):
            return None

    def seal(self, data: bytes, aad: str, kind: str) -> str:
        """Return the `ENC[…]` text of a value under a new nonce."""
        iv = os.urandom(NONCE_BYTES)
        sealed = self._gcm.encrypt(iv, data, aad.encode())
        parts = (b64encode(part).decode() for part in (sealed[:-TAG_BYTES], iv, sealed[-TAG_BYTES:]))
        return "{}data:{},iv:{},tag:{},type:{}]".format(PREFIX, *parts, kind)
