"""Own what follows from the entries: section 6 of the format, one dict of records after another, and every file of the tree."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.oracle import merkle, trees
from tests.oracle.json_ import Malformed, data_of

Place = tuple[str, str]
Record = dict[str, Any]
VARIABLE_DEFAULTS = {"clear": False, "reencrypted": 0, "removed": False}
KEY_DEFAULTS = {"threshold": 1}
FILE_DEFAULTS = {"recipients": [], "key": None, "access": 0, "reason": None, "released": False}
LOG_DEFAULTS = {"config_pending": None, "anchors": [], "keysets": []}


class Standing:
    """Where a log stands after some entries; all records are whole, defaults included."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.values: list[Record] = []
        self.leaves: list[bytes] = []
        self.readme = b""
        self.log: Record = {}
        self.files: dict[Place, Record] = {}
        self.variables: dict[Place, dict[str, Record]] = {}
        self.supplements: dict[int, list[int]] = {}
        self.last_changes: list[dict[Place, dict[str, int]]] = []  # before each entry: by which entry each variable is

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    @property
    def root(self) -> bytes:
        """The root over all entries."""
        return merkle.root(self.leaves)

    @property
    def genesis(self) -> str:
        """The trust root."""
        return f"sha256:{self.leaves[0].hex()}"

    def paths(self) -> dict[str, bytes]:
        """Return every file of the tree."""
        found = {"README.md": self.readme, "log.json": data_of(self._log())}
        for number, data in enumerate(self.entries):
            found[trees.numbered("entries", number)] = data
        for number, sequences in self.supplements.items():
            found[trees.numbered("supplements", number)] = data_of(sequences)
        for place, record in self.files.items():
            folder = f"environments/{trees.directory(*place)}"
            shown = dict(record, key=record["key"] and trees.without(KEY_DEFAULTS, **record["key"]))
            found[f"{folder}/file.json"] = data_of(trees.without(FILE_DEFAULTS, **shown))
            for name, variable in self.variables[place].items():
                path = f"{folder}/variables/{trees.escaped(name)}.json"
                found[path] = data_of(trees.without(VARIABLE_DEFAULTS, **variable))
        return found

    def _log(self) -> Record:
        frontier = [part.hex() for part in merkle.frontier(self.leaves)]
        return trees.without(LOG_DEFAULTS, **self.log, size=self.size, frontier=frontier)

    def after(self, data: bytes, entry: Record, readme: bytes, *, lenient: bool = False) -> Standing:
        """Return where the log stands after one more entry; an entry that does not follow is malformed.

        `lenient` lets one pass that has two changes of a variable, as one who makes false logs needs.
        """
        made = deepcopy(self)
        made.readme = readme
        now = {place: {name: row["entry"] for name, row in rows.items()} for place, rows in self.variables.items()}
        made.last_changes.append(now)
        made.entries.append(data)
        made.values.append(entry)
        made.leaves.append(merkle.leaf(data))
        if not lenient and _twice(entry):
            raise Malformed("a variable has two changes in one file")
        made._apply(entry)
        return made

    def _apply(self, entry: Record) -> None:
        kind, number = entry["kind"], entry["sequence"]
        if kind == "genesis":
            self.log = {
                "origin": entry["origin"],
                "began_at": entry["recorded_at"],
                "start": entry["source"]["start"],
                "source_commit": None,
                "config": entry["config"],
                "signers": entry["signers"],
                "config_pending": None,
                "anchors": [],
                "keysets": [],
            }
        if kind in ("change", "config"):
            self.log["source_commit"] = entry["source"]["commit"]
        if kind == "rewrite":
            self.log["source_commit"] = entry["to"]
        if kind == "config":
            self._configure(entry)
        if kind == "signers":
            self.log["signers"] = entry["signers"]
            self.log["keysets"].append(number)
        if kind == "anchor":
            others = [row for row in self.log["anchors"] if row["type"] != entry["type"]]
            rows = [*others, {"type": entry["type"], "entry": number}]
            self.log["anchors"] = sorted(rows, key=lambda row: row["type"])
        if kind in ("change", "config", "rewrite"):
            for file in entry.get("files", []):
                self._file(file, number)
        if kind == "supplement":
            self.supplements.setdefault(entry["of"], []).append(number)
            for file in entry.get("files", []):
                self._supplement(file, entry["of"])

    def _configure(self, entry: Record) -> None:
        if entry["config"] is None:
            return
        if entry["in_force"]:
            self.log["config"], self.log["config_pending"] = entry["config"], None
        else:
            self.log["config_pending"] = entry["sequence"]

    def _file(self, file: Record, number: int) -> None:
        place = (file["environment"], file.get("unit", ""))
        old = self.files.get(place)
        events = file.get("events", [])
        kinds = {event["kind"] for event in events}
        there = file["after"] is not None
        brought = _brought(events, number)
        access = old["access"] if old else 0
        if kinds & {"access-granted", "access-revoked"} and "created" not in kinds:
            access += 1
        reasons = [event["reason"] for event in events if event["kind"] == "unreadable"]
        self.files[place] = {
            "environment": place[0],
            "unit": place[1],
            "path": file["path"] if there else None,
            "digest": file["after"],
            "state": file["state"],
            "entry": number,
            "recipients": _recipients(old, events) if there else [],
            "key": (brought or (old["key"] if old else None)) if there else None,
            "access": access,
            "reason": reasons[-1] if reasons else None,
            "released": "released" in kinds,
        }
        self._changes(place, file, number)
        if brought and old is not None:
            self._restate(place, events, number)

    def _changes(self, place: Place, file: Record, number: int) -> None:
        rows = self.variables.setdefault(place, {})
        for change in file.get("changes", []):
            name, kind = change["variable"], change["kind"]
            if kind == "reencrypted":
                if name not in rows or rows[name]["removed"]:
                    raise Malformed(f"{name} is re-encrypted and was not there")
                rows[name]["reencrypted"] += 1
                continue
            rows[name] = _variable(rows, name, change.get("type"), number, removed=kind == "removed")
            if kind != "removed":
                rows[name] |= {"fingerprint": change.get("after"), "clear": change.get("clear", False)}
            if kind == "renamed":
                rows[change["from"]] = _variable(rows, change["from"], change.get("type"), number, removed=True)

    def _restate(self, place: Place, events: list[Record], number: int) -> None:
        told = _restated(events)
        for name, row in self.variables[place].items():
            if row["removed"]:
                continue
            if name in told:
                row |= {"type": told[name]["type"], "fingerprint": told[name]["fingerprint"]}
            elif row["entry"] != number:
                row["fingerprint"] = None

    def _supplement(self, file: Record, of: int) -> None:
        place = (file["environment"], file.get("unit", ""))
        record = self.files.get(place)
        if record is None or record["path"] is None:
            return
        events = file.get("events", [])
        brought = _brought(events, of)
        if brought and not (record["key"] and record["key"]["entry"] > of):
            record["key"] = brought
        if record["entry"] == of:
            record["state"] = file["state"]
            if not any(event["kind"] == "unreadable" for event in events):
                record["reason"] = None
        if record["key"] is None or file.get("key") != record["key"]["id"]:
            return
        self._complete(place, file, of)
        for name, told in _restated(events).items():
            row = self.variables[place].get(name)
            if row and row["fingerprint"] is None and not row["removed"] and row["entry"] <= of:
                row["fingerprint"] = told["fingerprint"]

    def _complete(self, place: Place, file: Record, of: int) -> None:
        for change in file.get("changes", []):
            row = self.variables[place].get(change["variable"])
            if row is None or row["removed"] or row["entry"] != of:
                continue
            row["fingerprint"] = change.get("after")
            if change["kind"] == "reencrypted":
                row["reencrypted"] += 1
                row["entry"] = change.get("previous", row["entry"])
            else:
                row |= {"type": change.get("type"), "clear": change.get("clear", False)}


def _twice(entry: Record) -> bool:
    """Tell whether a variable has two changes in one file of an entry."""
    rows = [[change["variable"] for change in file.get("changes", [])] for file in entry.get("files", [])]
    return any(len(names) != len(set(names)) for names in rows)


def _variable(rows: dict[str, Record], name: str, kind: str | None, number: int, *, removed: bool) -> Record:
    counted = rows[name]["reencrypted"] if name in rows else 0
    return {
        "variable": name,
        "type": kind,
        "fingerprint": None,
        "entry": number,
        "clear": False,
        "reencrypted": counted,
        "removed": removed,
    }


def _recipients(old: Record | None, events: list[Record]) -> list[str]:
    found = set(old["recipients"] if old else [])
    found |= {event["recipient"] for event in events if event["kind"] == "access-granted"}
    return sorted(found - {event["recipient"] for event in events if event["kind"] == "access-revoked"})


def _brought(events: list[Record], number: int) -> Record | None:
    event = next((event for event in events if event["kind"] == "fingerprint-key"), None)
    return event and {
        "id": event["id"],
        "recipients": event.get("recipients", []),
        "wrapped": event.get("wrapped", []),
        "entry": number,
        "threshold": event.get("threshold", 1),
    }


def _restated(events: list[Record]) -> dict[str, Record]:
    event = next((event for event in events if event["kind"] == "fingerprint-key"), {})
    return {row["variable"]: row for row in event.get("variables", [])}
