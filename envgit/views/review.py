"""Own how a review is written as the document `envgit.review/1`, and each note of one as a plain sentence."""

from __future__ import annotations

from envgit.audit.codec import to_json
from envgit.escape import terminal
from envgit.redact import NOTHING_SHOWN
from envgit.review.report import Code, FileReview, Note, Review, Row


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
    }
    said = {key: value for key, value in more.items() if value not in ([], None, "")}
    return {"code": str(note.code), "gravity": str(note.gravity), **said}


def sentence(note: Note) -> str:
    """Return a note as a person would say it, on one line."""
    name = terminal(note.names[0]) if note.names else ""
    match note.code:
        case Code.BACK_AGAIN if note.detail:
            return f"the file is one that was recorded, with the value that stands now (entry {note.entry})"
        case Code.BACK_AGAIN:
            return f"a value that was replaced before is back (entry {note.entry})"
        case Code.CHANGED_ON_BASE:
            return f"{name} changed it too since the merge base"
        case Code.STOOD_SINCE:
            return f"the value that it may replace was recorded on {note.since[:10]} (entry {note.entry})"
        case Code.AS_RECORDED:
            return f"the file becomes what it was after entry {note.entry}"
        case Code.EDITS_CONFIG:
            return f"{name} is edited; what is compared and shown still follows the base branch"
        case Code.EDITS_WORKFLOW:
            return f"{name} is edited: this very review may have run as the proposal has it"
        case Code.WRONG_CONFIG | Code.UNREADABLE | Code.MAC_INVALID:
            return f"{_SENTENCES[note.code]}: {terminal(note.detail)}"
    return _SENTENCES[note.code]


_SENTENCES = {
    Code.DISCLOSED: "whoever reads the repository can read it from now on",
    Code.KEPT_NONCE: "new ciphertext under the old nonce, as a rotation of the data key leaves an unchanged value",
    Code.NOT_SHOWN: "not shown, since a name that reveal does not list holds the same",
    Code.MAC_INVALID: "the MAC does not match",
    Code.UNREADABLE: "it cannot be read",
    Code.NOT_ROTATED: "a recipient was removed and the data key was not rotated: sops rotate",
    Code.BRINGS_ENVGIT: "this brings envgit in",
    Code.EDITS_RULES: ".sops.yaml is edited: it decides about files that are encrypted from then on",
    Code.WRONG_CONFIG: "the configuration that this proposes is wrong",
    Code.NO_LOG: "there is no log yet, so how long values lived is not known",
}
