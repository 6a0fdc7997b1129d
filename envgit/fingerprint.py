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
from typing import NamedTuple

from envgit.model import Digest, Fingerprint, KeyId, Secret, Value, ValueType

KEY_BYTES = 32
FINGERPRINT_BYTES = 16
REMEMBERED = 100_000
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEY_LABEL = b"envgit fingerprint key v1\0"


class _Row(NamedTuple):
    """The last value of a variable, its fingerprint, and its row of a state: most values of a revision were in the one before."""

    type: ValueType
    value: Secret
    mark: Fingerprint
    text: str


@dataclass(frozen=True, slots=True)
class FingerprintKey:
    """A key and the id that the log calls it by, which is a hash of it."""

    id: KeyId
    secret: Secret
    _known: dict[str, _Row] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, key: bytes) -> FingerprintKey:
        """Name the key of 32 bytes."""
        return cls(KeyId(sha256(_KEY_LABEL + key).hexdigest()[:32]), Secret(key))

    def fingerprint(self, variable: str, kind: ValueType, value: Secret) -> Fingerprint:
        """Return the fingerprint, 32 hex digits, of a value under a variable's name and type."""
        return self._row(variable, kind, value).mark

    def _row(self, variable: str, kind: ValueType, value: Secret) -> _Row:
        row = self._known.get(variable)
        if row is None or row.type is not kind or (row.value is not value and row.value != value):
            message = b"".join(
                len(part).to_bytes(8, "big") + part
                for part in (variable.encode("utf-8", "surrogateescape"), kind.encode(), value.reveal())
            )
            mark = Fingerprint(hmac.digest(self.secret.reveal(), message, "sha256")[:FINGERPRINT_BYTES].hex())
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            row = _Row(kind, value, mark, _JSON.encode([variable, str(kind), mark]))
            self._known[variable] = row
        return row

    def of_value(self, value: Value) -> Fingerprint | None:
        """Return the fingerprint of a variable, None where its value is unknown."""
        return None if value.secret is None else self.fingerprint(value.name, value.type, value.secret)

    def state(self, values: Iterable[Value]) -> Digest | None:
        """Return the digest that names what all `values` are together, None where any is unknown."""
        rows: dict[str, str] = {}
        for value in values:
            if value.secret is None:
                return None
            rows[value.name] = self._row(value.name, value.type, value.secret).text
        return _state(self.id, [rows[name] for name in sorted(rows)])


def state(key: KeyId, rows: Iterable[tuple[str, str, str]]) -> Digest:
    """Return the state digest of (variable, type, fingerprint) rows under `key`."""
    return _state(key, [_JSON.encode(row) for row in sorted(rows)])


def _state(key: KeyId, rows: Iterable[str]) -> Digest:
    canonical = f"[{_JSON.encode(key)},[{','.join(rows)}]]"
    return Digest("sha256:" + sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest())


def digest(data: bytes) -> Digest:
    """Return the SHA-256 of a file's bytes, as entries write it."""
    return Digest("sha256:" + sha256(data).hexdigest())
