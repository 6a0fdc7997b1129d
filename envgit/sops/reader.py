"""Own the reading of one file: bytes in, a snapshot out, whatever the bytes are. It never raises or tells content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envgit.fingerprint import digest
from envgit.model import Mac, Reason, Secret, Snapshot, Value, ValueType
from envgit.sops import cipher, lines, mac, metadata
from envgit.sops.cipher import Cipher
from envgit.sops.document import DocumentError, DocumentTooLargeError, Leaf, without_metadata
from envgit.sops.identities import Keyring, shortened
from envgit.sops.leaves import MAX_VARIABLES, Place, leaves
from envgit.sops.metadata import Metadata
from envgit.sops.rules import Rule
from envgit.sops.scalars import canonical
from envgit.sops.shamir import combine
from envgit.sops.successive import Successive, Successor
from envgit.sops.yaml import MAX_BYTES, MAX_DEPTH, NotTextError, TooLargeError, YamlError
from envgit.sops.yaml_documents import load

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_VARIABLES", "Reader", "holds_sops_block"]

# Values of a history's worth of revisions; beyond that everything is opened anew.
CACHED_VALUES = 60_000
CACHED_KEYS = 10_000
_SHOWN = 3

_BLOCK = re.compile(rb"^(?:sops|\"sops\"|'sops')[ \t]*:(?=[ \t]*(?:#[^\n]*)?\r?\n[ \t]+\S|[ \t]+[{&!])", re.MULTILINE)
# What git writes into a file that it could not merge, in this order.
_CONFLICT = tuple(re.compile(mark, re.MULTILINE) for mark in (rb"^<<<<<<< ", rb"^=======\r?$", rb"^>>>>>>> "))
_TYPES = {str(kind): kind for kind in ValueType if kind not in (ValueType.NULL, ValueType.MAP, ValueType.LIST)}
_EMPTY = Secret(b"")


def holds_sops_block(data: bytes) -> bool:
    """Tell at a glance whether a file is worth being called an environment: whether YAML has `sops:` at its top.

    What only looks like it is found out by reading.
    """
    return b"sops" in data and _BLOCK.search(data) is not None


class Reader:
    """Read files with one keyring, or with None keyless by choice.

    Data keys and plaintexts once opened are remembered, so that another revision costs only what is new in it.
    """

    __slots__ = ("_keyring", "_keys", "_last_cipher", "_opened", "_successive")

    def __init__(self, keyring: Keyring | None) -> None:
        self._keyring = keyring
        self._keys: dict[str, bytes | None] = {}
        self._successive = Successive()
        self._last_cipher: tuple[bytes, Cipher] | None = None
        self._opened: dict[tuple[bytes | None, str, str], Value] = {}

    def read(self, data: bytes) -> Snapshot:
        """Return what a file holds; what is wrong with it stands in `reason`, `mac` and `detail`."""
        snapshot = Snapshot(digest(data))
        try:
            return self._read(snapshot, data)
        except NotTextError as error:
            # A byte gone wrong in a file of sops's is another finding than a picture.
            reason = Reason.MALFORMED if holds_sops_block(data) else Reason.NOT_SOPS
            return snapshot._replace(reason=reason, detail=error.problem)
        except (TooLargeError, DocumentTooLargeError) as error:
            return snapshot._replace(reason=Reason.TOO_LARGE, detail=error.problem)
        except (YamlError, DocumentError) as error:
            said = _conflict(data) or f"{error.problem} (line {error.line})"
            return snapshot._replace(reason=Reason.MALFORMED, detail=said)

    def _read(self, snapshot: Snapshot, data: bytes) -> Snapshot:
        text = lines.split(data) if len(data) <= MAX_BYTES else None
        if text is not None and (after := self._successive.after(text)) is not None:
            return self._successor(snapshot, text, after)
        usual = lines.document(text) if text is not None else None
        try:
            documents = (usual,) if usual is not None else load(data)
        except DocumentError as error:
            if holds_sops_block(data) or error.problem != "it is no mapping of names to values":
                raise
            return snapshot._replace(reason=Reason.NOT_SOPS, detail=error.problem)
        if not documents or not (documents[0].items or holds_sops_block(data)):
            return snapshot._replace(reason=Reason.NOT_SOPS, detail="it is empty")
        _, block = without_metadata(documents[0])
        if block is None or (isinstance(block, Leaf) and block.type is ValueType.NULL):
            return snapshot._replace(reason=Reason.PLAINTEXT, detail="it is not encrypted: it has no sops block")
        known = metadata.parse(block)
        rule = Rule(known.rules)
        if rule.by_comment:
            documents = load(data, comments=True)
        places = leaves([without_metadata(document)[0] for document in documents], rule)
        made = self._opened_snapshot(_claimed(snapshot, known), places, known)
        if text is not None and usual is not None and not rule.by_comment:
            self._remember(text, known, places, made)
        return made

    def _remember(self, text: list[str], known: Metadata, places: Sequence[Place], made: Snapshot) -> None:
        if made.mac is Mac.GOOD and made.data_key is not None:
            self._successive.remember(text, known, made.data_key, places, made.values)

    def _successor(self, snapshot: Snapshot, text: list[str], after: Successor) -> Snapshot:
        """Return a revision of which only the changed values are opened; the code is checked over all of them."""
        snapshot, before = _claimed(snapshot, after.metadata), after.before
        fresh = [after.places[number] for number in after.changed]
        key = before.key.reveal()
        opened = list(self._values(fresh, key))
        values = list(before.values)
        for number, value in zip(after.changed, opened, strict=True):
            values[number] = value
        if _problem(fresh, opened) or self._mac_problem(after.places, values, after.metadata, key):
            return self._opened_snapshot(snapshot, after.places, after.metadata)
        made = snapshot._replace(values=tuple(values), data_key=before.key, mac=Mac.GOOD)
        self._successive.follow(text, after, made.values)
        return made

    def _opened_snapshot(self, snapshot: Snapshot, places: Sequence[Place], known: Metadata) -> Snapshot:
        key = self._data_key(known)
        values = tuple(self._values(places, key))
        snapshot = snapshot._replace(values=values)
        if key is None:
            return snapshot._replace(reason=Reason.NO_IDENTITY, detail=self._for_whom(known))
        problem = _problem(places, values) or self._mac_problem(places, values, known, key)
        return snapshot._replace(data_key=Secret(key), mac=Mac.INVALID if problem else Mac.GOOD, detail=problem)

    def _data_key(self, known: Metadata) -> bytes | None:
        if self._keyring is None:
            return None
        # Every share that opens goes in, as in sops: one that was forged shows as a code that does not fit.
        parts = [part for group in known.groups if (part := self._part(group)) is not None]
        if len(parts) < known.threshold:
            return None
        key = combine(parts) if len(known.groups) > 1 else parts[0]
        return key if key is not None and len(key) in cipher.KEY_SIZES else None

    def _part(self, group: Sequence[metadata.Wrapped]) -> bytes | None:
        return next((part for wrapped in group if (part := self._unwrap(wrapped.armor)) is not None), None)

    def _unwrap(self, armor: str) -> bytes | None:
        if not armor or self._keyring is None:
            return None
        if armor not in self._keys:
            if len(self._keys) >= CACHED_KEYS:
                self._keys.clear()
            self._keys[armor] = self._keyring.unwrap(armor)
        return self._keys[armor]

    def _cipher(self, key: bytes) -> Cipher:
        if self._last_cipher is None or self._last_cipher[0] != key:
            self._last_cipher = key, Cipher(key)
        return self._last_cipher[1]

    def _values(self, places: Sequence[Place], key: bytes | None) -> Iterator[Value]:
        gcm = self._cipher(key) if key is not None else None
        if len(self._opened) + len(places) > CACHED_VALUES:
            self._opened.clear()
        opened = self._opened
        for name, aad, leaf, encrypted in places:
            if not (encrypted and leaf.type is ValueType.STR and leaf.text.startswith(cipher.PREFIX)):
                shown = Secret(leaf.data) if leaf.data else _EMPTY
                yield Value(name, leaf.type, shown, "", b"", not encrypted, leaf.line)
                continue
            known = (key, aad, leaf.text)
            found = opened.get(known)
            # The very same value again makes it cheap to see that nothing happened to it.
            if found is None or found.line != leaf.line or found.name != name:
                kind, secret, iv = (found.type, found.secret, found.iv) if found else _open(gcm, leaf.text, aad)
                found = opened[known] = Value(name, kind, secret, leaf.text, iv, False, leaf.line)
            yield found

    def _mac_problem(self, places: Sequence[Place], values: Sequence[Value], known: Metadata, key: bytes) -> str:
        if not known.mac:
            return "the file has no message authentication code"
        token = cipher.parse(known.mac)
        written = self._cipher(key).open(token, known.mac_aad) if token is not None else None
        if written is None:
            return "the message authentication code does not open: it, or lastmodified, was changed by hand"
        covered = (
            (value.secret.reveal(), place.encrypted)
            for place, value in zip(places, values, strict=True)
            if value.secret is not None
        )
        if not mac.same(written, mac.mac(covered, known.rules.mac_only_encrypted)):
            return "the message authentication code does not fit: values were changed, moved or removed without sops"
        return ""

    def _for_whom(self, known: Metadata) -> str:
        recipients = known.recipients
        whom = f"for {shortened(recipients[0])}" + (f" and {len(recipients) - 1} more" if len(recipients) > 1 else "")
        if self._keyring is None:
            return f"{whom}; read without identities"
        tried = ", ".join(self._keyring.tried)
        if self._keyring.empty:
            return f"{whom}; no identity is at hand" + (f": {tried}" if tried else "")
        return f"{whom}; tried {tried}"


def _conflict(data: bytes) -> str:
    """Say where git left both sides of a merge, empty where it did not: no sentence of a parser's leads there."""
    start, at = -1, 0
    for mark in _CONFLICT:
        found = mark.search(data, at)
        if found is None:
            return ""
        start, at = (found.start() if start < 0 else start), found.end()
    line = data.count(b"\n", 0, start) + 1
    return f"it has merge conflict markers (line {line})"


def _claimed(snapshot: Snapshot, known: Metadata) -> Snapshot:
    groups = tuple(tuple(wrapped.recipient for wrapped in group) for group in known.groups)
    return snapshot._replace(
        recipients=known.recipients,
        groups=groups if len(groups) > 1 else (),
        threshold=min(known.threshold, len(groups)),
        rules=known.rules,
    )


def _open(gcm: Cipher | None, text: str, aad: str) -> tuple[ValueType, Secret | None, bytes]:
    """Return type, plaintext and nonce of a ciphertext; no plaintext where it does not open."""
    token = cipher.parse(text)
    if token is None:
        return ValueType.STR, None, b""
    kind = _TYPES.get(token.type, ValueType.STR)
    data = gcm.open(token, aad) if gcm is not None else None
    typed = canonical(token.type, data) if data is not None else None
    return (typed[0], Secret(typed[1]), token.iv) if typed else (kind, None, token.iv)


def _problem(places: Sequence[Place], values: Sequence[Value]) -> str:
    """Say which leaves are not as the rule wants them, where the data key is known."""
    wrong = [
        f"{value.name} (line {value.line}) {trouble}"
        for place, value in zip(places, values, strict=True)
        if (trouble := _trouble(place, value))
    ]
    more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return ", ".join(wrong[:_SHOWN]) + more


def _trouble(place: Place, value: Value) -> str:
    if value.secret is None:
        return "does not open"
    if value.token:
        # The type is not authenticated, and this one crashes sops.
        return "has the type bytes, which sops never writes" if value.type is ValueType.BYTES else ""
    return "is in clear, and the rule wants it encrypted" if place.encrypted and place.leaf.data else ""
