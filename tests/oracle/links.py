"""Own what entries say of each other: steps, digests, the entry before, supplements. None of it ends the walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.oracle import entries
from tests.oracle.replay import Standing

Entry = dict[str, Any]


def problems(before: Standing, entry: Entry) -> Iterator[str]:
    """Yield the codes of what is wrong with how an entry follows those before it."""
    kind = entry["kind"]
    if kind in ("change", "config", "rewrite"):
        if not _steps(before, entry):
            yield "wrong-step"
        for file in entry.get("files", []):
            yield from _file(before, file)
    if kind == "supplement":
        yield from _supplement(before, entry)


def warnings(before: Standing, entry: Entry) -> Iterator[str]:
    """Yield the codes of what is odd and proves nothing."""
    if before.size and entries.seconds(entry["recorded_at"]) < entries.seconds(before.values[-1]["recorded_at"]):
        yield "time-goes-back"


def _steps(before: Standing, entry: Entry) -> bool:
    last = before.log["source_commit"]
    if entry["kind"] == "rewrite":
        return entry["from"] == last and entry["from"] != entry["to"]
    source = entry["source"]
    if entry["kind"] == "config" and source["commit"] == last:
        if entry.get("of") is not None:
            return source["previous"] == last
        own = next(value for value in reversed(before.values) if "source" in value or value["kind"] == "rewrite")
        if own["kind"] == "config":
            return False
        return source["previous"] == (own["from"] if own["kind"] == "rewrite" else own["source"]["previous"])
    return source["previous"] == last and source["commit"] != source["previous"]


def _file(before: Standing, file: Entry) -> Iterator[str]:
    place = (file["environment"], file.get("unit", ""))
    record = before.files.get(place)
    if file["before"] != (record["digest"] if record else None):
        yield "digest-gap"
    variables = before.variables.get(place, {})
    yield from _previous(file, {name: row["entry"] for name, row in variables.items()})
    yield from _values(file, {name: row.get("fingerprint") for name, row in variables.items()})


def _values(file: Entry, known: dict[str, str | None]) -> Iterator[str]:
    rows = {name: row for name, row in known.items() if row is not None}
    for change in file.get("changes", []):
        name = change.get("from", change["variable"])
        if change["kind"] != "reencrypted" and change.get("before") is not None and name in rows:
            if change["before"] != rows[name]:
                yield "false-change"


def _previous(file: Entry, rows: dict[str, int]) -> Iterator[str]:
    for change in file.get("changes", []):
        name = change.get("from", change["variable"])
        if change["kind"] != "reencrypted" and change.get("previous") != rows.get(name):
            yield "wrong-previous"


def _supplement(before: Standing, entry: Entry) -> Iterator[str]:
    of = entry["of"]
    if not 0 <= of < before.size:
        yield "wrong-supplement"
        return
    earlier = [before.values[number] for number in before.supplements.get(of, [])]
    told = {_place(file) for value in earlier for file in value.get("files", [])}
    there = set()
    if before.values[of]["kind"] != "supplement":
        there = {(*_place(file), file["before"], file["after"]) for file in before.values[of].get("files", [])}
    for file in entry.get("files", []):
        if _place(file) in told or (*_place(file), file["before"], file["after"]) not in there:
            yield "wrong-supplement"
        if any(change.get("previous", -1) >= of for change in file.get("changes", [])):
            yield "wrong-previous"
    if "review" in entry and any("review" in value for value in earlier):
        yield "wrong-supplement"


def _place(file: Entry) -> tuple[str, str]:
    return (file["environment"], file.get("unit", ""))
