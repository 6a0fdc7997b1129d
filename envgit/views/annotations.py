"""Own the annotations of a review: a note at each line that changes, the gravest of which the runner shows."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.github.runner import MOST_ANNOTATIONS, Annotation
from envgit.model import ChangeKind
from envgit.review.report import Code, FileReview, Gravity, Note, Review, Row
from envgit.views.notes import sentence

_LEVELS = {Gravity.ERROR: "error", Gravity.WARNING: "warning", Gravity.NOTE: "notice"}
_ORDER = list(Gravity)
# These speak of a file of the proposal by its name.
_OF_A_FILE = (Code.EDITS_CONFIG, Code.EDITS_RULES, Code.EDITS_WORKFLOW, Code.WRONG_CONFIG)
_WHAT = {
    ChangeKind.OPAQUE: "has new ciphertext",
    ChangeKind.CHANGED: "has a new value",
    ChangeKind.RETYPED: "has another type",
    ChangeKind.DISCLOSED: "is in clear from now on",
    ChangeKind.CONCEALED: "is encrypted from now on",
}

_Place = tuple[Gravity, FileReview | None, Row | None, Note | None]


def annotated(review: Review) -> list[Annotation]:
    """Return the gravest annotations, as many as the runner shows."""
    places = sorted(_places(review), key=lambda place: _ORDER.index(place[0]))
    return [_annotation(review, *place) for place in places[:MOST_ANNOTATIONS]]


def _places(review: Review) -> Iterator[_Place]:
    yield from ((note.gravity, None, None, note) for note in review.notes)
    for file in review.files:
        yield from ((note.gravity, file, None, note) for note in file.notes)
        yield from ((row.gravity, file, row, None) for row in file.rows)


def _annotation(
    review: Review, gravity: Gravity, file: FileReview | None, row: Row | None, note: Note | None
) -> Annotation:
    level = _LEVELS[gravity]
    if file is not None and row is not None:
        said = "; ".join([f"{row.variable} {_WHAT.get(row.kind, f'is {row.kind}')}", *_notes(review, file, row)])
        return Annotation(level, f"envgit: {file.label}", said, file.file.path, row.line)
    if note is None:
        raise ValueError("a place is a row or a note")
    path = file.file.path if file else note.names[0] if note.code in _OF_A_FILE else ""
    return Annotation(level, f"envgit: {note.code}", sentence(note, review, file), path, 1)


def _notes(review: Review, file: FileReview, row: Row) -> Iterator[str]:
    yield from (sentence(note, review, file) for note in row.notes)
