"""Own the commit of an entry: section 5 of the format, from the entry to the bytes and from bytes to their parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.oracle import entries, signatures, trees

Entry = dict[str, Any]
SHOWN, FIRST = 60, 3
LONGEST = 200
ENDS = " \u00a0.,:;\"\\'"
NOBODY, NOWHERE = "unknown", "unknown@envgit.invalid"
_REMOVED = re.compile(
    "[\u0000-\u001f\u007f-\u009f<>\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_TRAILER = re.compile(rb"(?:\A|\n)Envgit-Entry: sha256:([0-9a-f]{64})\n\Z")
_SIZE = re.compile(rb"[1-9][0-9]*")


def clean_name(name: str) -> str:
    """Return a name as it may stand in a header."""
    return _REMOVED.sub("", name)[:LONGEST].strip(ENDS) or NOBODY


def clean_address(address: str) -> str:
    """Return an e-mail address as it may stand in a header."""
    made = _REMOVED.sub("", address).strip(ENDS)
    return made if len(made) <= LONGEST and re.fullmatch(r"[^@\s]+@[^@\s]+", made) else NOWHERE


def _person(name: str, address: str, time: str) -> str:
    return f"{clean_name(name)} <{clean_address(address)}> {max(0, entries.seconds(time))} +0000"


def shown(name: str) -> str:
    """Return a name as it stands in a subject."""
    made = "/".join(trees.escaped(part) for part in name.split("/"))
    return made if len(made) <= SHOWN else f"{made[:SHOWN]}~"


def subject(entry: Entry) -> str:
    """Return the subject of an entry's commit."""
    kind = entry["kind"]
    if kind == "change":
        return _happened(entry["files"])
    if kind == "config":
        if entry.get("problem", ""):
            return f"configuration {shown(entry['problem'])}"
        return f"configuration {'changed' if entry['in_force'] else 'pending'}"
    if kind == "rewrite":
        return f"rewrite of {shown(entry['branch'])}: {_happened(entry['files'])}"
    if kind == "supplement":
        return f"supplement to entry {entry['of']}"
    if kind == "signers":
        return f"signers, version {entry['signers']['version']}"
    return f"anchor at {entry['size']}, {entry['type']}" if kind == "anchor" else "genesis"


def _happened(files: list[Entry]) -> str:
    told = [((file["environment"], file.get("unit", "")), words) for file in files for words in _told(file)]
    parts, before = [], None
    for place, words in told[:FIRST]:
        name = shown(f"{place[0]}/{place[1]}" if place[1] else place[0])
        parts.append(words if place == before else f"{name}: {words}")
        before = place
    more = [f"and {len(told) - FIRST} more"] if len(told) > FIRST else []
    return ", ".join([*parts, *more]) or "no environment changed"


def _told(file: Entry) -> list[str]:
    events = [event["kind"] for event in file.get("events", [])]
    changes = file.get("changes", [])
    said = [kind for kind in events if kind not in ("fingerprint-key", "text-changed")]
    said += [f"{shown(row['variable'])} {row['kind']}" for row in changes if row["kind"] != "reencrypted"]
    return said or events[:1] or (["re-encrypted"] if changes else [])


def unsigned(entry: Entry, tree: str, parent: str | None, checkpoint: str, leaf: bytes, signer: Entry) -> bytes:
    """Return the commit of an entry without its signature."""
    committer = _person(signer["name"], signer["email"], entry["recorded_at"])
    author = committer
    if entry["kind"] in ("change", "config"):
        person = entry["source"]["author"]
        author = _person(person["name"], person["email"], person["time"])
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {author}", f"committer {committer}"]
    message = f"{subject(entry)} [skip ci]\n\n{checkpoint}\nEnvgit-Entry: sha256:{leaf.hex()}\n"
    return ("\n".join(lines) + "\n\n" + message).encode()


def signed(plain: bytes, armor: str) -> bytes:
    """Return a commit with its signature."""
    head, blank, message = plain.partition(b"\n\n")
    return head + b"\ngpgsig " + armor.replace("\n", "\n ").encode() + blank + message


@dataclass(frozen=True)
class Parts:
    """What the bytes of a commit say; headers are in order, with the lines that continue them."""

    headers: list[tuple[bytes, bytes]]
    plain: bytes
    message: bytes
    leaf: bytes | None
    armor: signatures.Armored | None
    armor_text: str

    @property
    def tree(self) -> str:
        """The tree that the commit names first."""
        return next((value.decode("latin-1") for name, value in self.headers if name == b"tree"), "")

    @property
    def parents(self) -> list[str]:
        """The parents that the commit names."""
        return [value.decode("latin-1") for name, value in self.headers if name == b"parent"]

    @property
    def checkpoint(self) -> list[bytes]:
        """The three lines before the last but one, fewer where there are not so many."""
        return self.message.split(b"\n")[-6:-3]

    @property
    def size(self) -> bytes:
        """The size that the checkpoint names, nothing where it names none."""
        lines = self.checkpoint
        return lines[1] if len(lines) == 3 and _SIZE.fullmatch(lines[1]) else b""


def parts(raw: bytes) -> Parts:
    """Take a commit apart."""
    head, _blank, message = raw.partition(b"\n\n")
    headers: list[tuple[bytes, bytes]] = []
    kept: list[bytes] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + b"\n" + line[1:])
        else:
            name, _space, value = line.partition(b" ")
            headers.append((name, value))
        if headers[-1][0] != b"gpgsig":
            kept.append(line)
    found = _TRAILER.search(raw)
    marks = [(name, value) for name, value in headers if name.startswith(b"gpgsig")]
    armor = None
    text = ""
    if len(marks) == 1 and marks[0][0] == b"gpgsig":
        text = marks[0][1].decode("latin-1")
        armor = signatures.armored(text)
        if armor is not None and (armor.namespace != b"git" or armor.key.algorithm != signatures.PLAIN):
            armor = None
    plain = b"\n".join(kept) + b"\n\n" + message
    return Parts(headers, plain, message, bytes.fromhex(found[1].decode()) if found else None, armor, text)
