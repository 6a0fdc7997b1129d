"""Own how frozen values become JSON and come back, strictly: one form out, and only that form in.

The classes' own type hints are the schema (entry and state have the shapes): a field without default always stands, a field with one is
left out where it has it, and no key is unknown. A trailing underscore of a field is not part of its key.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from envgit.audit import entry as shapes
from envgit.audit.canonical import FormatError, decode, encode
from envgit.audit.entry import EVENT_FIELDS, VERSION, Entry, EntryKind, Event
from envgit.model import CommitId, Config, Digest, Fingerprint, KeyId

Value = TypeVar("Value")
Read = Callable[[Any], Any]

BODIES: Mapping[str, type] = {
    EntryKind.GENESIS: shapes.Genesis,
    EntryKind.CHANGE: shapes.ChangeBody,
    EntryKind.CONFIG: shapes.ConfigBody,
    EntryKind.REWRITE: shapes.RewriteBody,
    EntryKind.SUPPLEMENT: shapes.SupplementBody,
}
ENVELOPE = ("version", "origin", "sequence", "kind", "recorded_at", "recorder")

_FORMS: Mapping[object, re.Pattern[str]] = {
    CommitId: re.compile(r"[0-9a-f]{40}"),
    Digest: re.compile(r"sha256:[0-9a-f]{64}"),
    Fingerprint: re.compile(r"[0-9a-f]{32}"),
    KeyId: re.compile(r"[0-9a-f]{32}"),
}
_UTC = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
_ESCAPED = re.compile("[\udc80-\udcff]")

# A configuration is written with every default filled in, so that it says what was in force.
_WHOLE = (Config,)


class UnknownVersion(FormatError):
    """An entry has a version that this envgit does not know."""


def encode_entry(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry."""
    return encode(entry_document(entry))


def entry_document(entry: Entry) -> dict[str, object]:
    """Return an entry as the JSON object that stands on the branch."""
    head = {name: getattr(entry, name) for name in ENVELOPE if name != "recorder"}
    return {**head, "recorder": to_json(entry.recorder), **(to_json(entry.body) if entry.body is not None else {})}


def decode_entry(data: bytes) -> Entry:
    """Return the entry that canonical bytes hold; its body is None where the kind is unknown here.

    Raise UnknownVersion for another version of the format, FormatError for anything that `encode_entry` would not have written.
    """
    value = decode(data)
    if not isinstance(value, dict):
        raise FormatError("an entry that is no object")
    if value.get("version") != VERSION or isinstance(value.get("version"), bool):
        raise UnknownVersion("an entry of another version")
    head = {name: value.pop(name) for name in ENVELOPE if name in value}
    if len(head) != len(ENVELOPE):
        raise FormatError("an entry without its whole envelope")
    sequence, kind, recorded_at = head["sequence"], head["kind"], head["recorded_at"]
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 0:
        raise FormatError("an entry whose sequence is no number")
    if not all(isinstance(text, str) and text for text in (head["origin"], kind)):
        raise FormatError("an entry without origin or kind")
    if not isinstance(recorded_at, str) or not _UTC.fullmatch(recorded_at):
        raise FormatError("an entry whose recorded_at is no UTC time in whole seconds")
    body = from_json(BODIES[kind], value) if kind in BODIES else None
    recorder = from_json(shapes.Recorder, head["recorder"])
    return Entry(VERSION, head["origin"], sequence, kind, recorded_at, recorder, body)


def to_json(value: object) -> dict[str, Any]:
    """Return the JSON object of a frozen value."""
    found = {}
    for name, key, default in _plan(type(value)):
        item = getattr(value, name)
        if item != default or default is MISSING:
            found[key] = _plain(item)
    return found


def from_json(cls: type[Value], value: object) -> Value:
    """Return the value of class `cls` that a JSON object holds; raise FormatError where it is not what `to_json` gives."""
    found: Value = _reader(cls)(value)
    return found


def path_text(text: str) -> str:
    """Return a path or name as JSON can hold it: bytes that are not UTF-8 as `%XX`, and then `%` itself as `%25`."""
    if not _ESCAPED.search(text):
        return text
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text.replace("%", "%25"))


@cache
def _plan(cls: type) -> tuple[tuple[str, str, object], ...]:
    whole = cls in _WHOLE
    return tuple((f.name, f.name.rstrip("_"), MISSING if whole else f.default) for f in fields(cls))


def _plain(item: object) -> object:
    if isinstance(item, StrEnum):
        return str(item)
    if isinstance(item, str):
        return path_text(item)
    if isinstance(item, tuple):
        return [_plain(part) for part in item]
    return to_json(item) if is_dataclass(item) else item


@cache
def _reader(cls: type) -> Read:
    hints = get_type_hints(cls)
    plan = {key: (name, _of(hints[name]), default) for name, key, default in _plan(cls)}
    needed = frozenset(key for key, (_name, _read, default) in plan.items() if default is MISSING)
    label = cls.__name__

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise FormatError(f"{label} that is no object")
        if not needed <= value.keys():
            raise FormatError(f"{label} without {min(needed - value.keys())}")
        found = {}
        for key, item in value.items():
            if key not in plan:
                raise FormatError(f"{label} with an unknown field")
            name, of, default = plan[key]
            found[name] = of(item)
            if default is not MISSING and found[name] == default:
                raise FormatError(f"{label} that says {key}, which is left out where it is the default")
        made = cls(**found)
        if isinstance(made, Event):
            _fields_of_kind(made, found)
        return made

    return read


def _fields_of_kind(event: Event, found: Mapping[str, object]) -> None:
    allowed = EVENT_FIELDS[event.kind]
    if not found.keys() <= {"kind", *allowed}:
        raise FormatError(f"Event {event.kind} with a field of another kind")


def _of(hint: Any) -> Read:
    if hint in _FORMS:
        return _text(_FORMS[hint])
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [_of(part) for part in get_args(hint) if part is not types.NoneType]
        return lambda value: None if value is None else inner[0](value)
    if origin is tuple:
        of = _of(get_args(hint)[0])
        return lambda value: tuple([of(item) for item in _list(value)])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _member({str(member): member for member in hint})
    if is_dataclass(hint) and isinstance(hint, type):
        return _reader(hint)
    return {str: _string, int: _integer, bool: _boolean}[hint]


def _text(form: re.Pattern[str]) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise FormatError("an id or digest of another form")
        return value

    return read


def _member(members: Mapping[str, StrEnum]) -> Read:
    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in members:
            raise FormatError("a word that is none of its kind")
        return members[value]

    return read


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise FormatError("something that is no list")
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise FormatError("something that is no text")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError("something that is no number")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise FormatError("something that is neither true nor false")
    return value
