"""Own how a note of a review is said: once, in `templates/note.md.j2`, as Markdown in a comment and as a plain line elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envgit.render import Bare, Digest, Name, plain
from envgit.review.report import Code, FileReview, Gravity, Note, Review
from envgit.words import short, short_recipient

NAMED_IN_A_LINE = 5

_ALERTS = {Gravity.ERROR: "CAUTION", Gravity.WARNING: "WARNING", Gravity.NOTE: "NOTE"}


def sentence(note: Note, review: Review, file: FileReview | None = None) -> str:
    """Return a note on one line, without Markdown."""
    return plain("note.md.j2", {"note": values(note, review, NAMED_IN_A_LINE, file)})


def values(note: Note, review: Review, most: int, file: FileReview | None = None) -> Mapping[str, object]:
    """Return what the template needs of a note, with at most so many names of each kind."""
    recipients = note.code is Code.WAS_UNREADABLE
    return {
        "code": str(note.code),
        "alert": Bare(_ALERTS[note.gravity]),
        **some("names", map(short_recipient, note.names) if recipients else note.names, most),
        **some("coming", note.coming, most),
        **some("going", note.going, most),
        **some("reveals", note.reveals, most),
        "entry": Bare("" if note.entry is None else note.entry),
        "since": Bare(note.since[:10]),
        "commit": Digest(short(note.commit)) if note.commit else None,
        "number": note.number,
        "detail": note.detail,
        "label": Name(file.label) if file else None,
        "path": Name(file.file.path) if file else None,
        "base_ref": Name(review.base_ref),
    }


def some(key: str, names: Iterable[str], most: int) -> dict[str, object]:
    """Return some names, and how many more there are."""
    every = [*names]
    return {key: [Name(name) for name in every[:most]], f"{key}_cut": max(len(every) - most, 0)}
