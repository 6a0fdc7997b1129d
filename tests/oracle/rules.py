"""Own who may sign, who may change that, which configurations need the roots, and what an anchor has to be."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256, sha512
from typing import Any

from tests.oracle import merkle, signatures
from tests.oracle.json_ import data_of
from tests.oracle.replay import Standing

Record = dict[str, Any]
NAMESPACE = b"envgit-approval"
LONGEST = 8192
LINE = "\u2014 "


def signer_of(signers: Record, key: signatures.Key) -> Record | None:
    """Return who a key is of, None where the key set does not name it."""
    return next((row for row in signers["signers"] if signatures.key_of_line(row["key"]) == key), None)


def may_sign(signer: Record | None, kind: str | None, number: int) -> bool:
    """Tell whether a signer may sign an entry; `kind` is None for one whose kind is not known here."""
    if signer is None or (kind is not None and kind not in signer["kinds"]):
        return False
    until = signer.get("until")
    return signer["from"] <= number and (until is None or number < until)


def voters(roots: list[Record], approvals: list[str], statement: bytes) -> set[str]:
    """Return the names of the roots who made a good signature over a statement."""
    found = set()
    for text in approvals:
        key = approver(text, statement)
        found |= {row["name"] for row in roots if key is not None and signatures.key_of_line(row["key"]) == key}
    return found


def approver(text: str, statement: bytes) -> signatures.Key | None:
    """Return whose approval of a statement a text is, None where it is none."""
    made = signatures.armored(text) if len(text) <= LONGEST else None
    if made is None or made.namespace != NAMESPACE or not signatures.holds(made, statement):
        return None
    return made.key


def signers_problem(before: Standing, entry: Record) -> str | None:
    """Return the code of what is wrong with a new version of the key set."""
    old, new = before.log["signers"], entry["signers"]
    if new["version"] != old["version"] + 1:
        return "signers-version"
    if not _well_formed(before, old, new, entry["sequence"]):
        return "wrong-signers"
    statement = data_of({"genesis": before.genesis, "kind": "signers", "origin": entry["origin"], "signers": new})
    approvals = entry.get("approvals", [])
    both = [*old["roots"], *new["roots"]]
    if any(not voters(both, [text], statement) for text in approvals):
        return "unapproved-signers"
    for keys in (old, new):
        if len(voters(keys["roots"], approvals, statement)) < keys["threshold"]:
            return "unapproved-signers"
    return None


def formed(signers: Record) -> bool:
    """Tell whether a key set is well-formed by itself."""
    names = {row["name"] for row in signers["roots"]}
    lines = [row["key"] for row in (*signers["roots"], *signers["signers"])]
    keys = [signatures.key_of_line(line) for line in lines]
    if None in keys or len(set(lines)) != len(lines):
        return False
    if any(signatures.key_of_line(row["key"]).algorithm != signatures.PLAIN for row in signers["signers"]):
        return False
    return 0 <= signers["threshold"] <= len(names)


def _well_formed(before: Standing, old: Record, new: Record, number: int) -> bool:
    if not formed(new) or (not new["threshold"] and (old["threshold"] or new["roots"])):
        return False
    now = {row["key"]: row for row in new["signers"]}
    for row in old["signers"]:
        same = now.get(row["key"])
        if same is None or same["from"] != row["from"]:
            return False
        if row.get("until") is not None and (same.get("until") is None or same["until"] > row["until"]):
            return False
    return _new_signers(old, new, number) and _reapproved(before, old, new, number)


def _new_signers(old: Record, new: Record, number: int) -> bool:
    was = {row["key"]: row for row in old["signers"]}
    for row in new["signers"]:
        known = was.get(row["key"])
        until = row.get("until")
        if until is not None and until != (known or {}).get("until") and until < 1:
            return False
    return True


def _reapproved(before: Standing, old: Record, new: Record, number: int) -> bool:
    was, now = old.get("reapproved", []), new.get("reapproved", [])
    if now[: len(was)] != was:
        return False
    return all(
        0 <= row["from"] < row["size"] <= number
        and row["root"] == f"sha256:{merkle.root(before.leaves[: row['size']]).hex()}"
        for row in now[len(was) :]
    )


def narrows(old: Record, entry: Record) -> bool:
    """Tell whether a configuration audits less, reveals more, or is about another branch."""
    new = entry["config"]
    if new["environments"] and (
        not old["environments"] or new["environments"][: len(old["environments"])] != old["environments"]
    ):
        return True
    if any(pattern not in old["reveal"] for pattern in new["reveal"]):
        return True
    if any(new[name] != old[name] for name in ("branch", "audit_branch")):
        return True
    return any(event["kind"] == "released" for file in entry.get("files", []) for event in file.get("events", []))


def config_unapproved(before: Standing, entry: Record) -> bool:
    """Tell whether a configuration lacks approvals that it needs, or has some that are none."""
    signers, config = before.log["signers"], entry["config"]
    of, approvals = entry.get("of"), entry.get("approvals", [])
    if of is None and not approvals:
        return bool(entry["in_force"] and config and signers["threshold"] > 0 and narrows(before.log["config"], entry))
    asked = before.values[of] if of is not None and 0 <= of < before.size else {}
    if config is None or asked.get("kind") != "config" or asked["in_force"] or asked["config"] != config:
        return True
    if of != before.log["config_pending"]:  # it waits no more: an approval counts once
        return True
    statement = data_of(
        {"config": config, "genesis": before.genesis, "kind": "config", "of": of, "origin": entry["origin"]}
    )
    if any(approver(text, statement) is None for text in approvals):
        return True
    return len(voters(signers["roots"], approvals, statement)) < signers["threshold"]


def false_anchor(before: Standing, entry: Record) -> bool:
    """Tell whether an anchor is for another log than the one that it stands in, or for none."""
    size = entry["size"]
    if not 0 < size <= before.size:
        return True
    top = merkle.root(before.leaves[:size])
    if entry["root"] != f"sha256:{top.hex()}":
        return True
    body = merkle.checkpoint(entry["origin"], size, top)
    if entry["type"] == "rfc3161":
        return not _stamped(entry["evidence"], body.encode())
    by_log = [line for line in note_lines(entry["evidence"], body) if line[0] == entry["origin"]]
    said = [_by_signer(before, entry, line, body) for line in by_log]
    if False in said or True not in said:
        return True
    return entry["type"] == "cosigned" and len(note_lines(entry["evidence"], body)) < 2


def note_lines(note: str, body: str) -> list[tuple[str, bytes, bytes]]:
    """Return name, key hash and signature of each line of a signed note with this text, nothing where it is no such note."""
    if not note.startswith(body + "\n") or not note.endswith("\n") or re.search("[\0-\x09\x0b-\x1f]", note):
        return []
    found = []
    for line in note[len(body) + 1 : -1].split("\n"):
        name, _space, encoded = line.removeprefix(LINE).rpartition(" ")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return []
        if not line.startswith(LINE) or not name or len(data) < 5 or any(c.isspace() or c == "+" for c in name):
            return []
        found.append((name, data[:4], data[4:]))
    return found


def note_key_hash(name: str, kind: int, key: bytes) -> bytes:
    """Return the four bytes by which a signature line names its key."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def _by_signer(before: Standing, entry: Record, line: tuple[str, bytes, bytes], body: str) -> bool | None:
    """Tell whether a line in the log's name is good, None where it names no key that may sign there."""
    for row in before.log["signers"]["signers"]:
        key = signatures.key_of_line(row["key"])
        if key is None or not may_sign(row, "anchor", entry["sequence"]):
            continue
        if line[1] == note_key_hash(line[0], 1, key.public):
            return signatures.good(key.public, body.encode(), line[2])
    return None


def _stamped(evidence: str, body: bytes) -> bool:
    try:
        data = base64.b64decode(evidence, validate=True)
        imprint = _imprint(data)
    except (binascii.Error, ValueError, IndexError):
        return False
    return imprint in (sha256(body).digest(), sha512(body).digest())


def _der(data: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each element that DER bytes are a sequence of."""
    found = []
    while data:
        tag, length, at = data[0], data[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(data[2:at], "big")
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        data = data[at + length :]
    return found


def _imprint(response: bytes) -> bytes:
    """Return the hash that a TimeStampResp is about."""
    _status, token = _der(_der(response)[0][1])[:2]
    signed = _der(_der(token[1])[1][1])[0][1]
    inside = _der(signed)[2][1]
    info = _der(_der(_der(inside)[1][1])[0][1])[0][1]
    return _der(_der(info)[2][1])[1][1]
