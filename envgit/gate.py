"""Own the outgoing gate: nothing leaves a run that holds a value which the run decrypted, in whatever disguise.

The gate knows values, never where a text came from: whatever writes a text says by spans which parts of it are names and digests.
What is compared is what a reader could undo: entities, percent signs and backslashes in the text are undone before it is searched,
and base64 and hexadecimal forms of the values are sought in it.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from envgit.errors import EnvgitError
from envgit.escape import terminal

# Shorter values occur by accident everywhere: they are refused only where they are the whole of a field of free text.
SOUGHT_BYTES = 8

# What stands between these in a draft is a name, a digest, a number or a link of ours. Nobody else can write them: terminal() escapes
# private characters.
OPEN, CLOSE = "\ue000", "\ue001"

_EXEMPT = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
_TAGS = re.compile(r"</?(?:code|span|b|sub|summary)>")
_BACKSLASH = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\\\"'/|`nrt]))")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t"}
_SPACE = re.compile(r"\s+")
_LETTERS = re.compile(r"[a-z]+")
_PHRASE = re.compile(r"[a-z]+(?:[ -][a-z]+)+")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_WRAPPED = re.compile(r"[\s>]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_BETWEEN_DIGITS = re.compile(r"0x|[\s:,-]")


class Leak(EnvgitError):
    """A text would have shown a value; it was not sent."""


class Needle(NamedTuple):
    """One form of a value: `form` says how it is disguised."""

    text: str
    form: str
    of: str


class Gate:
    """Search outgoing texts for the values of a run.

    `values` are (what the value is called, its bytes). `vocabulary` are words of our own texts, in lower case: a value that is one of
    them is no leak where it stands in a text.
    """

    def __init__(self, values: Iterable[tuple[str, bytes]], vocabulary: Iterable[str] = ()) -> None:
        known: dict[bytes, str] = {}
        for name, value in values:
            known.setdefault(value, name)
        words = tuple(vocabulary)
        self._words, self._vocabulary = frozenset(words), "\n".join(words)
        self._short = {_text(value): name for value, name in known.items() if 0 < len(value) < SOUGHT_BYTES}
        self._long = tuple(self._sought(known))

    def check(self, what: str, draft: str, fields: Iterable[str] = ()) -> str:
        """Return a draft without its marks; raise Leak, naming the variable, where it holds a value.

        `fields` are the free texts in it: also a short value must not be the whole of one.
        """
        found = self.found(_EXEMPT.sub(CLOSE, draft)) or self._whole(fields)
        if found is not None:
            raise Leak(
                f"refused to send {what}: it would show the value of {terminal(found.of)} ({found.form}), and nothing of it was sent; "
                "unless that value is a common word this is a defect in envgit, please report it"
            )
        return draft.replace(OPEN, "").replace(CLOSE, "")

    def check_document(
        self, what: str, document: object, typed: frozenset[str], shown: frozenset[str] = frozenset()
    ) -> None:
        """Check every text of a JSON document but those under the keys `typed`, which are names, digests and words of ours.

        What stands under the keys `shown` may equal a short value.
        """
        for text, key in _leaves(document, typed):
            self.check(what, text, () if key in shown else (text,))

    def found(self, text: str) -> Needle | None:
        """Return a value that a text holds, None where it holds none."""
        for haystack, folded in _read(text):
            grams = {haystack[at : at + SOUGHT_BYTES] for at in range(len(haystack) - SOUGHT_BYTES + 1)}
            for needle in self._long:
                if (needle.form == "hexadecimal") is not folded:
                    continue
                # Eight bytes may be fewer characters.
                likely = len(needle.text) < SOUGHT_BYTES or needle.text[:SOUGHT_BYTES] in grams
                if likely and needle.text in haystack:
                    return needle
        return None

    def _whole(self, fields: Iterable[str]) -> Needle | None:
        for field in fields:
            name = self._short.get(field.strip())
            if name is not None:
                return Needle(field, "in clear", name)
        return None

    def _sought(self, known: Mapping[bytes, str]) -> Iterator[Needle]:
        seen: set[str] = set()
        for value, name in known.items():
            for part in dict.fromkeys((value, *(line.strip() for line in value.splitlines()))):
                if len(part) < SOUGHT_BYTES:
                    continue
                ours = self._our_word(part)
                for text, form in _disguises(part):
                    if text not in seen and not (ours and form == "in clear"):
                        seen.add(text)
                        yield Needle(text, form, name)

    def _our_word(self, value: bytes) -> bool:
        folded = value.decode("ascii", "replace").lower()
        if _LETTERS.fullmatch(folded):
            return folded in self._vocabulary
        return _PHRASE.fullmatch(folded) is not None and self._words.issuperset(re.split("[ -]", folded))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _disguises(value: bytes) -> Iterator[tuple[str, str]]:
    text = _text(value)
    yield text, "in clear"
    if (escaped := terminal(text)) != text:
        yield escaped, "in clear"
    if (bare := _SPACE.sub("", text)) != text and len(bare) >= SOUGHT_BYTES:
        yield bare, "in clear"
    yield value.hex(), "hexadecimal"
    # Base64 reads three bytes at a time: the value can begin at any of them. Digits that it shares with its neighbours are left out.
    for before in range(3):
        coded = b64encode(b"\0" * before + value).decode()
        inner = coded[(0, 2, 3)[before] : len(value + b"\0" * before) * 8 // 6]
        yield inner, "base64"
        if (safe := inner.replace("+", "-").replace("/", "_")) != inner:
            yield safe, "base64"


def _read(text: str) -> Iterator[tuple[str, bool]]:
    """Return a text in every way in which a reader may undo it; the second of a pair says that it is for hexadecimal digits alone."""
    entities = html.unescape(_TAGS.sub("", text))
    once = [
        text,
        entities,
        _percent(text),
        _percent(entities),
        unquote_plus(entities),
        _backslash(text),
        _backslash(entities),
    ]
    twice = [html.unescape(entities), _percent(once[3]), _backslash(once[6]), _INVISIBLE.sub("", entities)]
    yield from ((reading, False) for reading in dict.fromkeys((*once, *twice)))
    yield _WRAPPED.sub("", text), False
    yield _BETWEEN_DIGITS.sub("", text).lower(), True


def _percent(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _backslash(text: str) -> str:
    """Undo JSON's and the terminal's escapes; two halves of a pair are one character."""
    return _PAIR.sub(_joined, _BACKSLASH.sub(_unescaped, text)) if "\\" in text else text


def _joined(found: re.Match[str]) -> str:
    return found[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _unescaped(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    if digits is None:
        return _SIMPLE.get(found[4], found[4])
    code = int(digits, 16)
    if found[1] and code >= 0x80:  # terminal() writes a byte that was not UTF-8 so, and a Latin-1 control
        return chr(0xDC00 + code)
    return chr(code) if code < 0x110000 else found[0]


def _leaves(document: object, typed: frozenset[str], key: str = "") -> Iterator[tuple[str, str]]:
    match document:
        case str():
            yield document, key
        case Mapping():
            for name, value in document.items():
                if name not in typed:
                    yield from _leaves(value, typed, str(name))
        case list() | tuple():
            for value in document:
                yield from _leaves(value, typed, key)
