"""How entries become JSON and come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.audit import entry as shapes
from envgit.audit.canonical import FormatError, decode, encode
from envgit.audit.codec import (
    BODIES,
    UnknownVersion,
    decode_entry,
    encode_entry,
    from_json,
    path_text,
    read_record,
    record_bytes,
    to_json,
)
from envgit.audit.entry import EVENT_FIELDS, Change, Entry, Event, FileChange, Recorder
from envgit.audit.records import FileRecord, LogRecord, VariableRecord
from envgit.model import ChangeKind, CommitId, Config, Digest, EventKind, Fingerprint, KeyId

from .chain import Chain

HEX = st.text("0123456789abcdef", min_size=40, max_size=40)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
TIMES = st.sampled_from(("2026-11-23T20:51:07Z", "1969-12-31T23:59:59-14:00", "9999-12-31T00:00:00+05:45"))
LEAVES = {
    str: WORDS,
    int: st.integers(0, 2**53 - 1),
    bool: st.booleans(),
    CommitId: HEX,
    Digest: st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:".__add__),
    Fingerprint: HEX.map(lambda text: text[:32]),
    KeyId: HEX.map(lambda text: text[:32]),
}
NAMED_TIMES = {"time", "landed_at", "at", "began_at"}


def _event(event: Event) -> Event:
    kept = {name: getattr(event, name) for name in EVENT_FIELDS[event.kind]}
    needed: dict[str, object] = {"from_": "a", "recipient": "a", "reason": "malformed", "id": "0" * 32}
    kept = {name: value or needed.get(name) or value for name, value in kept.items()}
    return Event(event.kind, **kept)


def _change(change: Change) -> Change:
    return shapes.Change(change.variable, change.kind, from_="a" if change.kind is ChangeKind.RENAMED else "")


def _field(name: str, hint: Any, cls: type) -> st.SearchStrategy[Any]:
    if name in NAMED_TIMES:
        return TIMES if cls is not shapes.Review else TIMES | st.just("")
    return values(hint)


def values(cls: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a frozen value, by its types."""
    if cls in LEAVES:
        return LEAVES[cls]
    if hasattr(cls, "_fields"):
        hints = get_type_hints(cls)
        made = st.builds(cls, **{name: _field(name, hint, cls) for name, hint in hints.items()})
        return made.map(_event) if cls is Event else made.map(_change) if cls is Change else made
    arguments = getattr(cls, "__args__", ())
    if type(None) in arguments:
        return st.none() | values(next(part for part in arguments if part is not type(None)))
    if arguments:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    return st.sampled_from(list(cls))


ENTRIES = st.sampled_from(sorted(BODIES)).flatmap(
    lambda kind: st.builds(
        Entry,
        st.just(1),
        st.just("host/path"),
        st.integers(0, 2**53 - 1),
        st.just(kind),
        st.just("2026-11-23T20:51:07Z"),
        values(Recorder),
        values(BODIES[kind]),
    )
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(ENTRIES)
def test_decode_undoes_encode(entry: Entry) -> None:
    """Any entry of any kind comes back as it was."""
    assert decode_entry(encode_entry(entry)) == entry


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_decode_raises_nothing_else(chain: Chain, data: st.DataObject) -> None:
    """An entry with any part of its JSON replaced decodes to an entry with the same bytes, or raises FormatError."""
    value = json.loads(data.draw(st.sampled_from([made.data for made in chain.made])))
    node: Any = value
    while isinstance(node, dict | list) and node:
        parent, key = node, data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        node = node[key]
        if data.draw(st.integers(0, 2)) == 0:
            break
    parent[key] = data.draw(st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | WORDS | st.just([]) | st.just({}))
    raw = encode(value)
    try:
        entry = decode_entry(raw)
    except FormatError:
        return
    assert entry.body is None or encode_entry(entry) == raw


Edit = Callable[[dict[str, Any]], object]
MALFORMED: dict[str, Edit] = {
    "no version": lambda e: e.pop("version"),
    "version is true": lambda e: e.update(version=True),
    "version is text": lambda e: e.update(version="1"),
    "no origin": lambda e: e.pop("origin"),
    "empty origin": lambda e: e.update(origin=""),
    "origin of two lines": lambda e: e.update(origin="a\nb"),
    "origin with a space": lambda e: e.update(origin="a b"),
    "negative sequence": lambda e: e.update(sequence=-1),
    "sequence is text": lambda e: e.update(sequence="2"),
    "sequence is true": lambda e: e.update(sequence=True),
    "kind in capitals": lambda e: e.update(kind="Change"),
    "body of another kind": lambda e: e.update(kind="rewrite"),
    "recorded_at with an offset": lambda e: e.update(recorded_at="2026-11-23T20:51:07+01:00"),
    "recorded_at with fractions": lambda e: e.update(recorded_at="2026-11-23T20:51:07.5Z"),
    "recorded_at on a day that is none": lambda e: e.update(recorded_at="2026-02-30T20:51:07Z"),
    "recorded_at in a leap second": lambda e: e.update(recorded_at="2026-06-30T23:59:60Z"),
    "recorded_at in other digits": lambda e: e.update(recorded_at="\u0662026-11-23T20:51:07Z"),
    "recorder without tool": lambda e: e["recorder"].pop("tool"),
    "recorder with an empty actor": lambda e: e["recorder"].update(actor=""),
    "unknown key": lambda e: e.update(extra=1),
    "unknown key inside": lambda e: e["source"]["author"].update(login="x"),
    "no files": lambda e: e.pop("files"),
    "files is null": lambda e: e.update(files=None),
    "files is an object": lambda e: e.update(files={}),
    "review is null": lambda e: e.update(review=None),
    "source without previous": lambda e: e["source"].pop("previous"),
    "commit in capitals": lambda e: e["source"].update(commit="A" * 40),
    "commit of 64 digits": lambda e: e["source"].update(commit="0" * 64),
    "landed_at is a day": lambda e: e["source"].update(landed_at="2026-11-23"),
    "author without e-mail": lambda e: e["source"]["author"].pop("email"),
    "author's time is a number": lambda e: e["source"]["author"].update(time=1),
    "empty merged": lambda e: e["source"].update(merged=[]),
    "digest without its name": lambda e: e["files"][0].update(after="0" * 64),
    "digest is too short": lambda e: e["files"][0].update(after="sha256:00"),
    "file without before": lambda e: e["files"][0].pop("before"),
    "empty unit": lambda e: e["files"][0].update(unit=""),
    "no events but said": lambda e: e["files"][0].update(events=[]),
    "unknown kind of event": lambda e: e["files"][1]["events"][0].update(kind="seen"),
    "event with a field of another kind": lambda e: e["files"][1]["events"][0].update(recipient="age1"),
    "grant without recipient": lambda e: e["files"][1]["events"][1].pop("recipient"),
    "key event without id": lambda e: e["files"][1]["events"][2].pop("id"),
    "threshold of one but said": lambda e: e["files"][1]["events"][2].update(threshold=1),
    "unknown kind of change": lambda e: e["files"][0]["changes"][0].update(kind="read"),
    "unknown type": lambda e: e["files"][0]["changes"][0].update(type="text"),
    "fingerprint of 31 digits": lambda e: e["files"][0]["changes"][0].update(after="0" * 31),
    "fingerprint is null": lambda e: e["files"][0]["changes"][0].update(after=None),
    "from on a change": lambda e: e["files"][0]["changes"][0].update({"from": "A"}),
    "renamed without from": lambda e: e["files"][0]["changes"][0].update(kind="renamed"),
    "clear is false but said": lambda e: e["files"][0]["changes"][0].update(clear=False),
    "clear is a number": lambda e: e["files"][0]["changes"][0].update(clear=1),
    "previous is text": lambda e: e["files"][0]["changes"][0].update(previous="1"),
    "shown is a text": lambda e: e["files"][0]["changes"][1].update(shown="x"),
    "pull request is text": lambda e: e["review"].update(pull_request="412"),
    "approval without time": lambda e: e["review"]["approvals"][0].pop("time"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_in_exactly_one_way(chain: Chain, name: str) -> None:
    """Each of these single edits of a good entry makes it malformed, though it is canonical JSON."""
    value = json.loads(chain.made[2].data)
    assert decode_entry(encode(value)) == chain.made[2].entry
    MALFORMED[name](value)
    with pytest.raises(FormatError) as error:
        decode_entry(encode(value))
    assert not isinstance(error.value, UnknownVersion)


def test_malformed_entries_are_vectors(chain: Chain, vector: Callable[[str, str], None]) -> None:
    """The table stands in tests/vectors, for other implementations."""
    rows = {}
    for name, edit in MALFORMED.items():
        value = json.loads(chain.made[2].data)
        edit(value)
        rows[name] = encode(value).decode()
    vector("malformed.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def test_another_version_has_an_error_of_its_own(chain: Chain) -> None:
    """Version 2 is no malformed entry but one for a newer program."""
    value = json.loads(chain.made[2].data)
    value["version"] = 2
    with pytest.raises(UnknownVersion):
        decode_entry(encode(value))


def test_unknown_kind_has_no_body(chain: Chain) -> None:
    """An entry of a kind to come is read as far as its envelope."""
    value = {
        key: json.loads(chain.made[2].data)[key] for key in ("version", "origin", "sequence", "recorded_at", "recorder")
    }
    entry = decode_entry(encode({**value, "kind": "later", "size": 2, "evidence": {"a": [1]}}))
    assert (entry.kind, entry.sequence, entry.body) == ("later", 2, None)


def test_writer_refuses_what_a_reader_would(chain: Chain) -> None:
    """An entry that nobody could read is not written in the first place."""
    file = FileChange("a", "a", None, None, None, events=(Event(EventKind.MOVED),))
    source = chain.made[1].entry.body.source  # type: ignore[union-attr]
    with pytest.raises(FormatError):
        encode_entry(
            Entry(1, "o", 0, "change", "2026-11-23T20:51:07Z", Recorder("t"), shapes.ChangeBody(source, (file,)))
        )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("envs/a.yaml", "envs/a.yaml"),
        ("100%/\u00fc.yaml", "100%/\u00fc.yaml"),
        ("a\udcff\udc0a.yaml".replace("\udc0a", "\udc8a"), "a%FF%8A.yaml"),
        ("100%\udcff", "100%25%FF"),
    ],
)
def test_paths_that_are_not_utf_8(path: str, text: str) -> None:
    """Bytes that are not UTF-8 are written as %XX, and only then is a percent sign escaped."""
    assert path_text(path) == text


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from((FileRecord, LogRecord, VariableRecord)).flatmap(values))
def test_records_are_written_as_canonical_json(record: Any) -> None:
    """What is put together field by field is what the encoder makes of the same object, and reads as it was."""
    data = record_bytes(record)
    assert data == encode(json.loads(data))
    assert read_record(type(record), data) == record


def test_config_is_always_written_in_full() -> None:
    """A configuration says its defaults, and one with a field left out is refused."""
    value = to_json(Config())
    assert decode(encode(value)) == {
        "version": 1, "environments": [], "branch": "main", "audit_branch": "envgit-audit", "reveal": [],
    }  # fmt: skip
    value.pop("reveal")
    with pytest.raises(FormatError):
        from_json(Config, value)
