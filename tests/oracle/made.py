"""Make entries by chance: JSON of the right form that fits what came before often, and not always."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.oracle import entries
from tests.oracle.forge import CONFIG, ORIGIN, PERSON
from tests.oracle.replay import Standing

Entry = dict[str, Any]
PLACES = (("a", ""), ("a", "u"), ("../b", ""))
VARIABLES = ("A", "B", "%/\u00fc")
RECIPIENTS = ("age1x", "age1y", "age1z")
EVENTS = (*entries.EVENTS, "fingerprint-key", "fingerprint-key", "unreadable")


def _mark(chance: Random) -> str:
    return f"{chance.randrange(5):032x}"


def _digest(chance: Random) -> str:
    return f"sha256:{chance.randrange(4):064x}"


def _maybe(chance: Random, share: float = 0.5, **fields: Any) -> Entry:
    """Return fields, each by chance, and none that would stand at its default."""
    return {name.rstrip("_"): value for name, value in fields.items() if value and chance.random() < share}


def _event(chance: Random, kind: str) -> Entry:
    if kind == "moved":
        return {"kind": kind, "from": "elsewhere"}
    if kind.startswith("access"):
        return {"kind": kind, "recipient": chance.choice(RECIPIENTS)}
    if kind == "unreadable":
        return {"kind": kind, "reason": chance.choice(entries.REASONS)}
    if kind == "rules-changed":
        return {"kind": kind, **_maybe(chance, before="unencrypted_suffix", after="encrypted_regex")}
    if kind != "fingerprint-key":
        return {"kind": kind}
    told = [{"variable": name, "type": "int", "fingerprint": _mark(chance)} for name in VARIABLES]
    return {
        "kind": kind,
        "id": _mark(chance),
        **_maybe(chance, recipients=list(RECIPIENTS[:2]), wrapped=["an age file"], threshold=2),
        **_maybe(chance, 0.8, variables=chance.sample(told, chance.randrange(4))),
    }


def _change(chance: Random, name: str) -> Entry:
    kind = chance.choice(entries.CHANGE_KINDS)
    return {
        "variable": name,
        "kind": kind,
        **({"from": chance.choice(VARIABLES)} if kind == "renamed" else {}),
        **_maybe(chance, type=chance.choice(("str", "int")), before=_mark(chance), after=_mark(chance)),
        **_maybe(chance, 0.2, clear=True, previous=chance.randrange(1, 9)),
    }


def _file(chance: Random, place: tuple[str, str]) -> Entry:
    kinds = list(dict.fromkeys(chance.choices(EVENTS, k=chance.choice((0, 0, 1, 2, 3)))))
    names = chance.sample(VARIABLES, chance.randrange(4))
    return {
        "environment": place[0],
        "path": chance.choice(("p", "q")),
        "before": chance.choice((None, _digest(chance))),
        "after": chance.choice((None, *(_digest(chance) for _ in range(3)))),
        "state": chance.choice((None, _digest(chance))),
        **({"unit": place[1]} if place[1] else {}),
        **_maybe(chance, key=_mark(chance)),
        **_maybe(chance, 0.9, events=[_event(chance, kind) for kind in kinds]),
        **_maybe(chance, 0.9, changes=[_change(chance, name) for name in names]),
    }


def _fitting(chance: Random, file: Entry, before: Standing) -> Entry:
    """Return a file's change as it follows from what stands, but for a slip now and then."""
    place = (file["environment"], file.get("unit", ""))
    if chance.random() < 0.9:
        file["before"] = before.files.get(place, {"digest": None})["digest"]
    for change in file.get("changes", []):
        row = before.variables.get(place, {}).get(change.get("from", change["variable"]))
        if chance.random() < 0.9:
            change.pop("previous", None)
            change |= {"previous": row["entry"]} if row else {}
    return file


def _step(chance: Random, number: int, before: Standing) -> Entry:
    last = before.log["source_commit"]
    return {
        "branch": "main",
        "commit": f"{number:040x}",
        "previous": last if chance.random() < 0.9 else f"{1:040x}",
        "author": PERSON,
        "landed_at": "2026-11-20T14:02:54+01:00",
    }


def _supplement(chance: Random, number: int, before: Standing) -> Entry:
    of = max(0, number - chance.randrange(1, 4)) + (5 if chance.random() < 0.05 else 0)
    files = []
    for row in before.values[of].get("files", []) if of < number else []:
        made = _file(chance, (row["environment"], row.get("unit", "")))
        made |= {name: row[name] for name in ("before", "after", "key") if name in row and chance.random() < 0.95}
        files.append(made)
    review = {"author": "bob", "pull_request": 7}
    return {"of": of, **_maybe(chance, 0.95, files=files), **_maybe(chance, 0.3, review=review)}


def entry(chance: Random, before: Standing) -> Entry:
    """Return an entry that may follow."""
    number = before.size
    kind = chance.choice(("change", "change", "change", "config", "rewrite", "supplement", "supplement"))
    places = chance.sample(PLACES, chance.randrange(3))
    files = [_fitting(chance, _file(chance, place), before) for place in places]
    if kind == "change":
        body: Entry = {"source": _step(chance, number, before), "files": files}
    elif kind == "config":
        config = chance.choice((None, {**CONFIG, "reveal": ["A"]}, CONFIG))
        in_force = config is not None and chance.random() < 0.5
        body = {"source": _step(chance, number, before), "config": config, "in_force": in_force}
        if before.values[-1]["kind"] == "change" and chance.random() < 0.5:  # that commit's configuration
            body["source"] = before.values[-1]["source"]
        body |= {"problem": "invalid"} if config is None else {}
        body |= {"files": files} if files else {}
    elif kind == "rewrite":
        last = before.log["source_commit"] or f"{1:040x}"
        body = {"branch": "main", "from": last, "to": f"{number:040x}", "landed_at": PERSON["time"], "files": files}
    else:
        body = _supplement(chance, number, before)
    return {
        "version": 1,
        "origin": ORIGIN,
        "sequence": number,
        "kind": kind,
        "recorded_at": f"2026-11-23T20:{number if chance.random() < 0.95 else 0:02}:07Z",
        "recorder": {"tool": "by chance"},
        **body,
    }
