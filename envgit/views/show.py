"""Own how an environment is shown as it stood: one line a variable, values covered, and the document `envgit.show/1`."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.diff import readable
from envgit.escape import clipped, terminal
from envgit.log.standing import Standing, Stood
from envgit.model import Mac, Value
from envgit.views.blame import column
from envgit.views.diff import heading
from envgit.words import count, landed, parsed, recipient, short

# Always the same, whatever it hides.
COVER = "••••••"
VALUE_COLUMNS = 60


def document(stood: Stood) -> dict[str, object]:
    """Return the document `envgit.show/1`; values stand in it only where the configuration reveals the name."""
    return {
        "schema": "envgit.show/1",
        "commit": stood.commit,
        "landed_at": stood.landed_at,
        "entry": stood.entry,
        "signed": stood.entry is not None,
        "files": [
            {
                "environment": found.file.environment,
                "unit": found.file.unit,
                "path": terminal(found.file.path),
                "state": found.state,
                "mac": str(found.snapshot.mac),
                "reason": found.snapshot.reason,
                "recipients": list(found.snapshot.recipients),
                "variables": [_variable(found, value) for value in found.snapshot.values],
            }
            for found in stood.files
        ],
    }


def _variable(found: Standing, value: Value) -> dict[str, object]:
    said: dict[str, object] = {"variable": value.name, "type": str(value.type), "clear": value.clear}
    if value.name in found.shown:
        said["value"] = found.text(value)
    if blamed := found.blamed.get(value.name):
        said |= {"sequence": blamed.sequence, "commit": blamed.commit, "landed_at": blamed.landed_at}
        said["author"] = blamed.author.name if blamed.author else None
    return said


def lines(stood: Stood, *, reveal: bool) -> Iterator[str]:
    """Return the lines of a terminal."""
    for number, found in enumerate(stood.files):
        if number:
            yield ""
        yield from _file(stood, found, reveal)


def _file(stood: Stood, found: Standing, reveal: bool) -> Iterator[str]:
    entry = ""
    if stood.since is not None:
        entry = f", entry {stood.since}" if found.recorded else f", not as entry {stood.since} has it"
    state = f", state {found.state[7:15]}" if found.state else ""
    when = f"landed {landed(stood.landed_at)}"
    yield f"{heading(found.file)} as at {terminal(stood.what)}: commit {short(stood.commit)}, {when}{entry}{state}"
    yield from _health(stood, found)
    yield "whether and when this was live is not recorded"
    values = found.snapshot.values
    names = column((terminal(value.name) for value in values), 60)
    texts = {value.name: _text(found, value, reveal) for value in values}
    widths = column(iter(texts.values()), VALUE_COLUMNS)
    for value in values:
        blamed = found.blamed.get(value.name)
        if blamed is None and stood.since is not None:
            yield f"{terminal(value.name):<{names}}  {value.type:<5}  {texts[value.name]:<{widths}}  not recorded"
            continue
        who = f"{parsed(blamed.landed_at):%Y-%m-%d}  " if blamed else ""
        author = terminal(blamed.author.name) if blamed and blamed.author else ""
        number = f"{blamed.sequence:>6}" if blamed else ""
        yield f"{terminal(value.name):<{names}}  {value.type:<5}  {texts[value.name]:<{widths}}  {who}{author:<12}{number}".rstrip()


def _health(stood: Stood, found: Standing) -> Iterator[str]:
    snapshot = found.snapshot
    if not readable(snapshot):
        yield f"not readable ({snapshot.reason}): {terminal(snapshot.detail)}; what it holds, and for whom, is not known"
        return
    mac = {
        Mac.GOOD: "MAC good",
        Mac.INVALID: f"MAC DOES NOT MATCH ({snapshot.detail})",
        Mac.UNCHECKED: "MAC not checked",
    }
    who = ", ".join(recipient(text, stood.names) for text in snapshot.recipients)
    yield f"{count(len(snapshot.values), 'variable')}, {mac[snapshot.mac]}; {count(len(snapshot.recipients), 'recipient')}, as the file says: {who}"
    if snapshot.reason is not None:
        yield f"its values are not known here: {terminal(snapshot.detail)}"


def _text(found: Standing, value: Value, reveal: bool) -> str:
    if not reveal and value.name not in found.shown:
        return COVER
    text = found.text(value)
    return "unknown" if text is None else clipped(terminal(text), 10_000 if reveal else VALUE_COLUMNS)
