"""Own the message authentication code of a file: what it covers, and how it is compared.

It covers values in order: neither keys nor types nor comments. Never take a good one as "nothing changed".
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256, sha512

# mac_only_encrypted begins its hash with this, so that the two kinds of code never agree.
_ONLY_ENCRYPTED = sha256(b"sops").digest()


def mac(values: Iterable[tuple[bytes, bool]], only_encrypted: bool) -> str:
    """Return the code over plaintexts in sops's encoding, each with whether the rule encrypts it: upper-case hex."""
    if only_encrypted:
        covered = b"".join(data for data, encrypted in values if encrypted)
        return sha512(_ONLY_ENCRYPTED + covered).hexdigest().upper()
    return sha512(b"".join(data for data, _ in values)).hexdigest().upper()


def same(written: bytes, computed: str) -> bool:
    """Compare the code of the file with the one computed; lower case is another, as in sops."""
    return hmac.compare_digest(written, computed.encode())
