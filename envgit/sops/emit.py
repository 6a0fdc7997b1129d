"""Own YAML as go-yaml writes it for sops: four columns a level, comments above, quotes only where needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from envgit.model import ValueType
from envgit.sops.document import Branch, Comment, Entry, Leaf, Listing, Tree
from envgit.sops.scalars import resolve

INDENT = 4

_FLOAT_WORDS = {"NaN": ".nan", "+Inf": ".inf", "-Inf": "-.inf"}
# Go writes an exponent beyond these.
_LOWEST, _HIGHEST = -4, 6

# Words and numbers of YAML 1.1 that go-yaml quotes for the sake of older readers.
_OLD_BOOL = frozenset(re.findall(r"\S+", "y Y yes Yes YES on On ON n N no No NO off Off OFF"))
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
# Plain text that every YAML reader takes as it is; anything else is quoted, which is never wrong.
_LETTER = r"\u00a1-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\ufffd"  # what go-yaml prints: nothing beyond 16 bits
_PRINTABLE = re.compile(rf"[\x20-\x7e\u00a0{_LETTER}]*")
_PLAIN = re.compile(
    rf"[A-Za-z0-9_./$^(;\\~+=<{_LETTER}-](?:[\x21\x22\x24-\x39\x3b-\x7e{_LETTER}]|(?<! )#|:(?=[^ ])| (?=[^ #]))*"
)
_LITERAL = re.compile(r"[^\s][^\r]*", re.DOTALL)


def lines(branch: Branch, indent: int = 0) -> Iterator[str]:
    """Yield the lines of a document."""
    margin = " " * indent
    for item in branch.items:
        if isinstance(item, Comment):
            yield f"{margin}#{item.text}"
        else:
            yield from _entry(item, indent)


def scalar(leaf: Leaf, indent: int) -> str:
    """Return a value, `indent` columns in; strings as they resolve back to themselves."""
    if leaf.type is ValueType.STR:
        return string(leaf.data.decode(), indent)
    if leaf.type is ValueType.NULL:
        return "null"
    text = leaf.data.decode()
    if leaf.type is ValueType.BOOL:
        return text.lower()
    if leaf.type is ValueType.FLOAT:
        return _FLOAT_WORDS.get(text) or _float(text)
    return text


def string(text: str, indent: int) -> str:
    """Return a text: plain, quoted, or as a block where it has lines."""
    if "\n" in text and _LITERAL.fullmatch(text) and all(map(_PRINTABLE.fullmatch, text.split("\n"))):
        return _block(text, indent)
    if not _PRINTABLE.fullmatch(text):
        return _double(text)
    if text in _OLD_BOOL or _BASE_60.fullmatch(text) or resolve(text, "", None)[0] is not ValueType.STR or text == "<<":
        return _double(text)
    if _PLAIN.fullmatch(text) and text != "-" and not text.startswith(("- ", "---", "...")):
        return text
    return "'" + text.replace("'", "''") + "'"


def _deeper(indent: int) -> int:
    """Return the column of the next level: go-yaml goes to the next multiple, also from within a list's item."""
    return INDENT * ((indent + INDENT) // INDENT)


def _float(text: str) -> str:
    if text == "-0":
        return "-0.0"  # sops writes -0, reads an integer back, and then refuses its own file
    sign, digits, _ = Decimal(text).normalize().as_tuple()
    exponent = Decimal(text).adjusted()
    if _LOWEST <= exponent < _HIGHEST:
        return text
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{digits[0]}{'.' + fraction if fraction else ''}e{exponent:+03d}"


def _key(text: str, indent: int) -> str:
    """Return a key, which has to stand on one line."""
    return _double(text) if "\n" in text else string(text, indent)


def _entry(entry: Entry, indent: int) -> Iterator[str]:
    margin, key, value = " " * indent, _key(entry.key, indent), entry.value
    if isinstance(value, Leaf):
        yield f"{margin}{key}: {scalar(value, _deeper(indent))}"
    elif not any(not isinstance(item, Comment) for item in value.items):
        # A container that holds comments alone stays empty: they go above it, or YAML would read null.
        yield from (f"{margin}#{item.text}" for item in value.items if isinstance(item, Comment))
        yield f"{margin}{key}: {'{}' if isinstance(value, Branch) else '[]'}"
    else:
        yield f"{margin}{key}:"
        yield from lines(value, _deeper(indent)) if isinstance(value, Branch) else _listing(value, _deeper(indent))


def _listing(listing: Listing, indent: int) -> Iterator[str]:
    margin = " " * indent
    for item in listing.items:
        if isinstance(item, Comment):
            yield f"{margin}#{item.text}"
        else:
            yield from _item(item, margin, indent)


def _item(item: Tree, margin: str, indent: int) -> Iterator[str]:
    """Yield a list's item: its first line behind the dash, where no comment comes before it."""
    if isinstance(item, Leaf):
        yield f"{margin}- {scalar(item, _deeper(indent))}"
        return
    inner = list(lines(item, indent + 2) if isinstance(item, Branch) else _listing(item, indent + 2))
    if not any(not isinstance(part, Comment) for part in item.items):
        yield from (f"{margin}#{part.text}" for part in item.items if isinstance(part, Comment))
        yield f"{margin}- {'{}' if isinstance(item, Branch) else '[]'}"
    elif inner[0].lstrip().startswith("#"):
        yield f"{margin}-"
        yield from inner
    else:
        yield f"{margin}- {inner[0].lstrip()}"
        yield from inner[1:]


def _double(text: str) -> str:
    # JSON's escapes are YAML's; what JSON leaves as it is and YAML does not print is escaped by hand.
    return "".join(
        char if _PRINTABLE.fullmatch(char) else f"\\U{ord(char):08X}" for char in json.dumps(text, ensure_ascii=False)
    )


def _block(text: str, indent: int) -> str:
    body = text.rstrip("\n")
    kept = len(text) - len(body)
    mark = "|-" if kept == 0 else "|" if kept == 1 else "|+"
    margin = " " * indent
    inner = [margin + line if line else "" for line in text.removesuffix("\n").split("\n")]
    return "\n".join([mark, *inner])
