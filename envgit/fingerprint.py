"""Own fingerprints: keyed hashes of values that say "same" or "other" and nothing else, and the state of a file.

A fingerprint is HMAC-SHA256 over (variable, type, value), each prefixed by its length in eight bytes, cut to 16 bytes: docs/format.md
has the bytes. The key belongs to the log, one for each file and set of recipients; nothing here stores or wraps it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from envgit.model import Digest, Fingerprint, KeyId, Secret, Value, ValueType

KEY_BYTES = 32
FINGERPRINT_BYTES = 16
REMEMBERED = 100_000  # most values of a revision were in the one before
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEY_LABEL = b"envgit fingerprint key v1\0"


@dataclass(frozen=True, slots=True)
class FingerprintKey:
    """A key and the id that the log calls it by, which is a hash of it."""

    id: KeyId
    secret: Secret
    _known: dict[str, tuple[ValueType, bytes, Fingerprint]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, key: bytes) -> FingerprintKey:
        """Name the key of 32 bytes."""
        return cls(KeyId(sha256(_KEY_LABEL + key).hexdigest()[:32]), Secret(key))

    def fingerprint(self, variable: str, kind: ValueType, value: Secret) -> Fingerprint:
        """Return the fingerprint, 32 hex digits, of a value under a variable's name and type."""
        known = self._known.get(variable)
        if known is None or known[0] is not kind or known[1] != value.reveal():
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[variable] = kind, value.reveal(), self._made(variable, kind, value)
        return known[2]

    def _made(self, variable: str, kind: ValueType, value: Secret) -> Fingerprint:
        message = b"".join(
            len(part).to_bytes(8, "big") + part
            for part in (variable.encode("utf-8", "surrogateescape"), kind.encode(), value.reveal())
        )
        return Fingerprint(hmac.digest(self.secret.reveal(), message, "sha256")[:FINGERPRINT_BYTES].hex())

    def of_value(self, value: Value) -> Fingerprint | None:
        """Return the fingerprint of a variable, None where its value is unknown."""
        return None if value.secret is None else self.fingerprint(value.name, value.type, value.secret)

    def state(self, values: Iterable[Value]) -> Digest | None:
        """Return the digest that names what all `values` are together, None where any is unknown."""
        rows = []
        for value in values:
            if value.secret is None:
                return None
            rows.append((value.name, value.type.value, self.fingerprint(value.name, value.type, value.secret)))
        return state(self.id, rows)


def state(key: KeyId, rows: Iterable[tuple[str, str, str]]) -> Digest:
    """Return the state digest of (variable, type, fingerprint) rows under `key`."""
    canonical = _JSON.encode([key, sorted(rows)])
    return Digest("sha256:" + sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest())


def digest(data: bytes) -> Digest:
    """Return the SHA-256 of a file's bytes, as entries write it."""
    return Digest("sha256:" + sha256(data).hexdigest())
