"""Own how frozen values become JSON and come back, strictly: one form out, and only that form in.

The classes' own type hints are the schema (entry and records have the shapes): a field without default always stands,
one with a default is left out where it has it, and no key is unknown. A field's trailing underscore is not in its key.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, KeysView, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from envgit.audit import entry as shapes
from envgit.audit.canonical import FormatError, as_bytes, check, decode_unchecked, parse, quoted
from envgit.audit.entry import EVENT_FIELDS, VERSION, Body, Change, Entry, EntryKind, Event
from envgit.model import ChangeKind, CommitId, Config, Digest, EventKind, Fingerprint, KeyId

Value = TypeVar("Value")
Read = Callable[[Any], Any]
MISSING = object()
Write = Callable[[Any], str]

BODIES: Mapping[str, type] = {
    EntryKind.GENESIS: shapes.Genesis,
    EntryKind.CHANGE: shapes.ChangeBody,
    EntryKind.CONFIG: shapes.ConfigBody,
    EntryKind.REWRITE: shapes.RewriteBody,
    EntryKind.SUPPLEMENT: shapes.SupplementBody,
    EntryKind.SIGNERS: shapes.SignersBody,
    EntryKind.ANCHOR: shapes.AnchorBody,
}
ENVELOPE = ("version", "origin", "sequence", "kind", "recorded_at", "recorder")

_FORMS: Mapping[object, re.Pattern[str]] = {
    CommitId: re.compile(r"[0-9a-f]{40}"),
    Digest: re.compile(r"sha256:[0-9a-f]{64}"),
    Fingerprint: re.compile(r"[0-9a-f]{32}"),
    KeyId: re.compile(r"[0-9a-f]{32}"),
}
# Fields that hold a time: RFC 3339 in whole seconds, in UTC or with the offset that git had.
_TIMES = frozenset({"time", "landed_at", "at", "began_at"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)
# The origin is a line of every commit message.
_ORIGIN = re.compile(r"[^\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]{1,1000}")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")
_UNIONS = (Union, types.UnionType)
_ESCAPED = re.compile("[\udc80-\udcff]")

# What an event of a kind always says, beside `kind` itself.
_NEEDED = {
    EventKind.MOVED: "from",
    EventKind.ACCESS_GRANTED: "recipient",
    EventKind.ACCESS_REVOKED: "recipient",
    EventKind.UNREADABLE: "reason",
    EventKind.FINGERPRINT_KEY: "id",
}

# A configuration is written with every default filled in, so that it says what was in force.
_WHOLE = (Config,)
# These stand in every log.json and hardly ever change.
_STEADY = (Config, shapes.Signers)


class UnknownVersion(FormatError):
    """An entry has a version that this envgit does not know."""


def encode_entry(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry; raise FormatError where nobody could read them again."""
    data = as_bytes(_entry_text(entry))
    decode_entry(data)
    return data


def entry_document(entry: Entry) -> dict[str, object]:
    """Return an entry as the JSON object that stands on the branch."""
    return cast("dict[str, object]", parse(_entry_text(entry)))


def decode_entry(data: bytes) -> Entry:
    """Return the entry that canonical bytes hold; its body is None where the kind is unknown here.

    Raise UnknownVersion for another version of the format, FormatError for anything that `encode_entry` would not have
    written.
    """
    value = decode_unchecked(data)
    if not isinstance(value, dict):
        raise FormatError("an entry that is no object")
    if type(value.get("version")) is int and value["version"] != VERSION:
        check(value)
        raise UnknownVersion("an entry of another version")
    head = {name: value.pop(name) for name in ENVELOPE if name in value}
    _envelope(head)
    kind = head["kind"]
    if kind not in BODIES:
        check(value)
    body = from_json(BODIES[kind], value) if kind in BODIES else None
    recorder = from_json(shapes.Recorder, head["recorder"])
    return Entry(VERSION, head["origin"], head["sequence"], kind, head["recorded_at"], recorder, body)


def _envelope(head: Mapping[str, Any]) -> None:
    if len(head) != len(ENVELOPE):
        raise FormatError("an entry without its whole envelope")
    if isinstance(head["version"], bool) or head["version"] != VERSION:
        raise FormatError("an entry whose version is no number")
    if _integer(head["sequence"]) < 0:
        raise FormatError("an entry whose sequence is negative")
    if not _ORIGIN.fullmatch(_string(head["origin"])) or not _KIND.fullmatch(_string(head["kind"])):
        raise FormatError("an entry whose origin or kind is none")
    if not _time(head["recorded_at"]).endswith("Z"):
        raise FormatError("an entry whose recorded_at is not in UTC")


def to_json(value: Any) -> dict[str, Any]:
    """Return the JSON object of a frozen value."""
    return cast("dict[str, Any]", parse(_text(value)))


def record_bytes(value: object) -> bytes:
    """Return the canonical bytes of a frozen value: its types leave nothing to check."""
    return as_bytes(_text(value))


def read_record(cls: type[Value], data: bytes) -> Value:
    """Return the value of class `cls` that canonical bytes hold; raise FormatError where `record_bytes` differs."""
    return from_json(cls, decode_unchecked(data))


def from_json(cls: type[Value], value: object) -> Value:
    """Return the value of class `cls` that a JSON object holds; raise FormatError where `to_json` would not give it."""
    found: Value = _reader(cast("Any", cls))(value)
    return found


def path_text(text: str) -> str:
    """Return a path or name as JSON can hold it: bytes that are not UTF-8 as `%XX`, and then `%` itself as `%25`."""
    if text.isascii() or not _ESCAPED.search(text):
        return text
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text.replace("%", "%25"))


@cache
def _plan(cls: Any) -> tuple[tuple[str, str, object], ...]:
    whole = cls in _WHOLE
    defaults = {} if whole else cls._field_defaults
    return tuple((name, name.rstrip("_"), defaults.get(name, MISSING)) for name in cls._fields)


def _entry_text(entry: Entry) -> str:
    """Return an entry's JSON: the fields of its body stand between those of the envelope."""
    fields = _fields(Entry)(entry)
    if entry.body is not None:
        fields += _fields(cast("Any", type(entry.body)))(entry.body)
    fields.sort()  # no key is the beginning of another's, up to its quotation mark
    return "{" + ",".join(fields) + "}"


def _text(value: object) -> str:
    return _writer(cast("Any", type(value)))(value)


@cache
def _writer(cls: Any) -> Write:
    fields = _fields(cls)
    return lambda value: "{" + ",".join(fields(value)) + "}"


@cache
def _fields(cls: Any) -> Callable[[Any], list[str]]:
    """Return how a value's fields are written, each with its key, in the order of the keys."""
    hints = get_type_hints(cls)
    rows = sorted(
        (key, cls._fields.index(name), default, _writes(hints[name]))
        for name, key, default in _plan(cls)
        if hints[name] != Body | None
    )
    plan = [(index, f'"{key}":', default, write) for key, index, default, write in rows]

    def fields(value: Any) -> list[str]:
        return [
            key + ("null" if item is None else write(item))
            for index, key, default, write in plan
            if (item := value[index]) != default
        ]

    return fields


def _writes(hint: Any) -> Write:
    """Return how values of a type are written that are not null."""
    if get_origin(hint) is tuple:
        of = _writes(get_args(hint)[0])
        return lambda items: "[" + ",".join([of(item) for item in items]) + "]"
    if get_origin(hint) in _UNIONS:
        return _writes(next(part for part in get_args(hint) if part is not types.NoneType))
    if hint is str:
        return lambda text: quoted(text if text.isascii() else path_text(text))
    if hint is int:
        return str
    if hint is bool:
        return lambda item: "true" if item else "false"
    if hint in _STEADY:
        return _kept(_writer(hint))
    return _writer(hint) if hasattr(hint, "_fields") else quoted


def _kept(write: Write) -> Write:
    """Return a writer that remembers what it wrote last."""
    last: tuple[object, str] = (MISSING, "")

    def again(item: object) -> str:
        nonlocal last
        if last[0] is not item:
            last = (item, write(item))
        return last[1]

    return again


@cache
def _reader(cls: Any) -> Read:
    hints = get_type_hints(cls)
    plan = [(key, _time if name in _TIMES else _of(hints[name]), default) for name, key, default in _plan(cls)]
    keys = {key for key, _read, _default in plan}
    label = cls.__name__

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise FormatError(f"{label} that is no object")
        if not keys >= value.keys():
            raise FormatError(f"{label} with an unknown field")
        found = []
        for key, of, default in plan:
            if key in value:
                made = of(value[key])
                if made == default:
                    raise FormatError(f"{label} that says {key}, which is left out where it is the default")
                found.append(made)
            elif default is MISSING:
                raise FormatError(f"{label} without {key}")
            else:
                found.append(default)
        return cls._make(found)

    return _checked(read) if cls in (Event, Change) else read


def _checked(read: Read) -> Read:
    """Return a reader that also checks what only some kinds of event and change may say, and what they must."""

    def checked(value: Any) -> object:
        made = read(value)
        _of_kind(made, value.keys())
        return made

    return checked


def _of_kind(made: object, found: KeysView[str]) -> None:
    if isinstance(made, Event):
        if not found <= {"kind", *(name.rstrip("_") for name in EVENT_FIELDS[made.kind])}:
            raise FormatError(f"Event {made.kind} with a field of another kind")
        if made.kind in _NEEDED and _NEEDED[made.kind] not in found:
            raise FormatError(f"Event {made.kind} without {_NEEDED[made.kind]}")
    elif isinstance(made, Change) and (made.kind is ChangeKind.RENAMED) != ("from" in found):
        raise FormatError(f"Change {made.kind} with or without from, other than its kind has it")


def _of(hint: Any) -> Read:
    if hint in _FORMS:
        return _formed(_FORMS[hint])
    origin = get_origin(hint)
    if origin in _UNIONS:
        inner = [_of(part) for part in get_args(hint) if part is not types.NoneType]
        return lambda value: None if value is None else inner[0](value)
    if origin is tuple:
        of = _of(get_args(hint)[0])
        return lambda value: tuple([of(item) for item in _list(value)])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _member({str(member): member for member in hint})
    plain: dict[Any, Read] = {str: _string, int: _integer, bool: _boolean}
    return plain[hint] if hint in plain else _reader(hint)


def _formed(form: re.Pattern[str]) -> Read:
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


def _time(value: object) -> str:
    text = _string(value)
    if _is_time(text):
        return text
    raise FormatError("a time that is not RFC 3339 in whole seconds")


@lru_cache(maxsize=1024)  # an entry has the same one several times, a run in each entry
def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False  # a day or an hour that no calendar has


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
