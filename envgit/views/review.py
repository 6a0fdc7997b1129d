"""Own how a review is written as the document `envgit.review/1`."""

from __future__ import annotations

from envgit.audit.codec import to_json
from envgit.escape import terminal
from envgit.redact import NOTHING_SHOWN
from envgit.review.report import FileReview, Note, Review, Row

# What stands under these is a name of the user's, a digest, or one of our own words.
TYPED = frozenset({
    "after", "base", "base_ref", "before", "code", "coming", "commit", "environment", "from", "going", "gravity", "head", "id", "key",
    "kind", "names", "others", "path", "reason", "recipient", "recipients", "reveals", "root", "schema", "since", "state", "tip", "type",
    "unit", "variable", "variables", "wrapped",
})  # fmt: skip
# What stands under these was revealed: it may equal a short value of another name, as `false` does.
SHOWN = frozenset({"was", "now"})


def document(review: Review) -> dict[str, object]:
    """Return the document `envgit.review/1`."""
    return {
        "schema": "envgit.review/1",
        "base": review.base,
        "head": review.head,
        "tip": review.tip,
        "base_ref": review.base_ref,
        "changed": review.changed,
        "gravity": str(review.gravity),
        "log": {"entries": review.log.entries, "root": review.log.root} if review.log else None,
        "notes": [_note(note) for note in review.notes],
        "others": list(review.others),
        "files": [_file(file) for file in review.files],
    }


def _file(file: FileReview) -> dict[str, object]:
    return {
        "environment": file.file.environment,
        "unit": file.file.unit,
        "path": terminal(file.file.path),
        "keyless": bool(file.keyless),
        "state": file.state,
        "events": [to_json(event) for event in file.events],
        "notes": [_note(note) for note in file.notes],
        "changes": [_row(row) for row in file.rows],
        "reencrypted": {"variables": list(file.reencrypted)},
        "live": [{"variable": value.variable, "since": value.since} for value in file.live],
    }


def _row(row: Row) -> dict[str, object]:
    found: dict[str, object] = {
        "variable": row.variable,
        "kind": str(row.kind),
        "type": str(row.type),
        "line": row.line,
        "before": row.before,
        "after": row.after,
        "lived_seconds": int(row.lived.total_seconds()) if row.lived is not None else None,
        "notes": [_note(note) for note in row.notes],
    }
    if row.from_:
        found["from"] = row.from_
    if row.shown != NOTHING_SHOWN:
        found["shown"] = {"was": row.shown.before, "now": row.shown.after}
    return found


def _note(note: Note) -> dict[str, object]:
    more = {
        "names": list(note.names),
        "entry": note.entry,
        "since": note.since,
        "commit": note.commit,
        "detail": note.detail,
        "number": note.number,
        "coming": list(note.coming),
        "going": list(note.going),
        "reveals": list(note.reveals),
    }
    said = {key: value for key, value in more.items() if value or (key == "entry" and value is not None)}
    return {"code": str(note.code), "gravity": str(note.gravity), **said}
