"""Own the form that nearly every file has: a line for each variable, then sops's block, as sops itself writes them out.

There a line says what it says without a parser of YAML. Whatever is not exactly of that form is none of ours; where this answers, it
answers what the parser would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from envgit.model import ValueType
from envgit.sops.document import METADATA_KEY, Branch, Entry, Leaf, Listing
from envgit.sops.scalars import resolve

_CODE = r"ENC\[AES256_GCM,[A-Za-z0-9+/=,:]*+\]"
_VARIABLE = rf'[A-Za-z_][A-Za-z0-9_-]{{0,200}}: (?:{_CODE}|"")'
_WORD = r"[A-Za-z0-9_^(][A-Za-z0-9_^$()|.*+-]{0,200}"
_MAC = rf"    mac: {_CODE}"
_MODIFIED = r'    lastmodified: "[0-9TZ:.+-]{1,40}"'
_FIELD = (
    rf"(?:{_MAC}|{_MODIFIED}|    (?:(?:un)?encrypted_(?:suffix|regex)|mac_only_encrypted|version): {_WORD}"
    r"|    (?:kms|gcp_kms|azure_kv|hc_vault|pgp): \[\])\n"
)
_INDENT = " " * 12
_RECIPIENT = rf"        - recipient: age1[0-9a-z]{{1,4000}}\n          enc: \|\n(?:{_INDENT}[A-Za-z0-9+/=-][A-Za-z0-9+/= -]*\n)++"
_FORM = re.compile(rf"(?:(?:{_VARIABLE}|#[ -~]*+)\n)++sops:\n(?:    age:\n(?:{_RECIPIENT})++|{_FIELD})++", re.ASCII)
_LINE = re.compile(rf"({_VARIABLE})|({_MAC})|({_MODIFIED})", re.ASCII)
# The parts of a block whose form is known.
_PART = re.compile(r" {4}age:\n((?: {8}[^\n]*\n)++)| {4}([a-z_]+): ([^\n]*)\n")
_WRAPPED = re.compile(r" {8}- recipient: ([^\n]*)\n {10}enc: \|\n((?: {12}[^\n]*\n)++)")

VARIABLE, MAC, MODIFIED = 1, 2, 3

MOST = 40_000  # what the parser's limits and the walk's let through in any case


def split(data: bytes) -> list[str] | None:
    """Return the lines of a file that may be of that form, None for one that cannot: it holds other than ASCII, or too many lines."""
    try:
        text = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        return None
    return text if len(text) <= MOST else None


def document(lines: list[str]) -> Branch | None:
    """Return the document that lines make, None where they are not of that form."""
    text = "\n".join(lines)
    if not _FORM.fullmatch(text):
        return None
    end = lines.index(f"{METADATA_KEY}:")
    entries = [
        Entry(line.partition(": ")[0], leaf(line, number))
        for number, line in enumerate(lines[:end], start=1)
        if line[0] != "#"
    ]
    keys = {entry.key for entry in entries}
    if len(keys) < len(entries) or not entries or METADATA_KEY in keys or any(map(_other_than_text, keys)):
        return None
    block = Branch(tuple(_fields("\n".join(lines[end + 1 :]), end + 2)), end + 2)
    return Branch((*entries, Entry(METADATA_KEY, block)), entries[0].value.line)


def leaf(line: str, number: int) -> Leaf:
    """Return the value that a variable's line holds."""
    text = text_of(line)
    return Leaf(text, ValueType.STR, text.encode(), number)


def text_of(line: str) -> str:
    """Return what stands behind a line's key, without quotation marks."""
    return line.partition(": ")[2].strip('"')


def successor(old: str, new: str) -> int:
    """Return what kind of line took another's place: VARIABLE under the same key, MAC, MODIFIED, or 0 for anything else."""
    before, after = _LINE.fullmatch(old), _LINE.fullmatch(new)
    if before is None or after is None or before.lastindex != after.lastindex:
        return 0
    kind = after.lastindex or 0
    return kind if kind != VARIABLE or old.partition(": ")[0] == new.partition(": ")[0] else 0


def _fields(block: str, first: int) -> Iterator[Entry]:
    """Return what a `sops` block holds, whose lines begin with number `first`."""
    for line, found in _numbered(_PART, block, first):
        recipients, key, text = found.groups()
        if recipients is not None:
            yield Entry("age", Listing(tuple(_recipients(recipients, line + 1)), line + 1))
        elif text == "[]":
            yield Entry(key, Listing((), line))
        elif text[0] == '"':
            yield Entry(key, Leaf(text[1:-1], ValueType.STR, text[1:-1].encode(), line))
        else:
            yield Entry(key, Leaf(text, *resolve(text, "", None), line))


def _recipients(block: str, first: int) -> Iterator[Branch]:
    for line, found in _numbered(_WRAPPED, block, first):
        armor = "".join(row[len(_INDENT) :] for row in found[2].splitlines(keepends=True))
        yield Branch((Entry("recipient", _text(found[1], line)), Entry("enc", _text(armor, line + 1))), line)


def _numbered(pattern: re.Pattern[str], block: str, first: int) -> Iterator[tuple[int, re.Match[str]]]:
    """Return what a pattern finds, each with the number of its first line, where the block's is `first`."""
    line, at = first, 0
    for found in pattern.finditer(block):
        line, at = line + block.count("\n", at, found.start()), found.start()
        yield line, found


def _text(text: str, line: int) -> Leaf:
    return Leaf(text, ValueType.STR, text.encode(), line)


def _other_than_text(key: str) -> bool:
    return resolve(key, "", None)[0] is not ValueType.STR
