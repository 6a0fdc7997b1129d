"""Own how a review is shown as Markdown: in a pull request's comment and in a job's summary, cut in a fixed order to what fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envgit import __version__
from envgit.model import ChangeKind, EventKind, Reason
from envgit.render import Bare, Digest, Draft, Link, Name, Ours, Quoted, Revealed, render
from envgit.review.report import Code, FileReview, Gravity, Live, Note, Review, Row
from envgit.views.headline import headline, summary
from envgit.words import duration, label, plural

MARKS = {Gravity.ERROR: Ours("🔴"), Gravity.WARNING: Ours("🟡"), Gravity.NOTE: Ours("")}
# GitHub takes 65,536 characters, and has answered 422 for less where they took many bytes.
MAX_CHARACTERS = 60_000
MAX_BYTES = 200_000
MAX_SUMMARY_BYTES = 1_000_000

_PAGE_CODES = frozenset({Code.MAC_INVALID, Code.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a review is shown; `what` says what is cut, as a reader would call it."""

    what: str = ""
    legend: bool = True
    reencrypted: bool = True
    live: bool = True
    plain: int = 100_000
    grave: int = 100_000
    files: int = 10_000
    names: int = 30


# The order in which things go: what matters least first. The last one fits whatever comes.
EXTENTS = (
    Extent(),
    Extent("how this was found", legend=False),
    Extent("how this was found, and what is only encrypted again", False, False),
    Extent("how this was found, what is only encrypted again, and which values stay live", False, False, False),
    *(
        Extent(f"all but {plain} rows without a warning, and details", False, False, False, plain)
        for plain in (400, 150, 50, 0)
    ),
    Extent("all but 100 rows with a warning, and details", False, False, False, 0, 100, 50, 10),
    Extent("all but 20 rows with a warning, and details", False, False, False, 0, 20, 10, 5),
    Extent("nearly everything", False, False, False, 0, 3, 2, 2),
)


class Page(NamedTuple):
    """Where a review is shown: `marker` is its hidden first line, `run` the page of the run, `identity` whether it had a key."""

    marker: str
    run_url: str
    run: int
    identity: bool


def comment(review: Review, page: Page) -> Draft:
    """Return the comment, as long as GitHub takes one."""
    return _fitted(review, page, MAX_CHARACTERS, MAX_BYTES)


def job_summary(review: Review, page: Page) -> Draft:
    """Return the same for the job's summary, which takes more."""
    return _fitted(review, page, MAX_SUMMARY_BYTES, MAX_SUMMARY_BYTES)


def _fitted(review: Review, page: Page, characters: int, size: int) -> Draft:
    draft = Draft("", ())
    for extent in EXTENTS:
        draft = render("comment.md.j2", _document(review, page, extent))
        if len(draft.text) <= characters and len(draft.text.encode("utf-8", "replace")) <= size:
            break
    return draft


def _document(review: Review, page: Page, extent: Extent) -> Mapping[str, object]:
    rows, cut = _rows(review, extent)
    callouts = [*_callouts(review, extent)]
    told = [file for file in review.files if file.granted or file.revoked or [*_told(file)]]
    return {
        "marker": Ours(page.marker),
        "headline": headline(review),
        "summary": summary(review),
        "callouts": callouts[: extent.files],
        "callouts_cut": max(len(callouts) - extent.files, 0),
        **_some("keyless", [_label(file) for file in review.files if _values_unknown(file)], extent.names),
        "environments": len({(file.file.environment, file.file.unit) for file in review.files}) > 1,
        "rows": rows,
        "rows_cut": cut,
        "files": [_file(file, review, extent) for file in told[: extent.files]],
        "files_cut": max(len(told) - extent.files, 0),
        "plural": _plural,
        **_details(review, extent),
        **_footer(review, page, extent),
    }


def _details(review: Review, extent: Extent) -> dict[str, object]:
    """Return what is folded away, and goes first where a comment is too long."""
    return {
        "reencrypted": [
            {"label": _label(file), "variables": [Name(name) for name in file.reencrypted]}
            for file in review.files
            if file.reencrypted and extent.reencrypted
        ],
        "reencrypted_count": sum(len(file.reencrypted) for file in review.files),
        "live": [_live(file) for file in review.files if file.live and extent.live],
        "legend": extent.legend,
        "compared": any(not file.keyless for file in review.files),
        **_some("revealed", review.revealed, extent.names),
    }


def _footer(review: Review, page: Page, extent: Extent) -> dict[str, object]:
    states = [(file, file.state.removeprefix("sha256:")[:16]) for file in review.files if file.state]
    return {
        "identity": page.identity,
        "base": Digest(review.base[:7]),
        "head": Digest(review.head[:7]),
        "base_bare": Bare(review.base[:7]),
        "head_bare": Bare(review.head[:7]),
        "base_ref": Name(review.base_ref),
        "since": _since(review),
        "states": [{"label": _label(file), "digest": Digest(state)} for file, state in states[: extent.files]],
        "log": {"entries": review.log.entries, "root": Digest(review.log.root)} if review.log else None,
        "complete": _complete(extent),
        "version": Bare(__version__),
        "run_link": Link(f"run {page.run}", page.run_url),
    }


def _plural(number: int, one: str, many: str) -> Ours:
    return Ours(plural(number, one, many))


def _complete(extent: Extent) -> Ours:
    if not extent.what:
        return Ours("This comment is complete (nothing was cut).")
    return Ours(f"**Cut to fit: {extent.what}.** The whole is in the summary of the run.")


def _since(review: Review) -> Ours:
    codes = [
        note for file in review.files for row in file.rows for note in row.notes if note.code is Code.CHANGED_ON_BASE
    ]
    if review.tip == review.base:
        return Ours("the base branch is where it was.")
    if codes:
        return Ours(f"the base branch has changed {len(codes):,} of these variables since.")
    return Ours("the base branch has not touched these variables since.")


def _rows(review: Review, extent: Extent) -> tuple[list[Mapping[str, object]], int]:
    """Return the rows, the gravest first, and how many are left out."""
    every = [(file, row) for file in review.files for row in file.rows]
    grave = [pair for pair in every if pair[1].gravity is not Gravity.NOTE]
    grave.sort(key=lambda pair: pair[1].gravity is not Gravity.ERROR)
    plain = [pair for pair in every if pair[1].gravity is Gravity.NOTE]
    shown = [*grave[: extent.grave], *plain[: extent.plain]]
    return [_row(file, row, review, extent) for file, row in shown], len(every) - len(shown)


def _row(file: FileReview, row: Row, review: Review, extent: Extent) -> Mapping[str, object]:
    return {
        "mark": MARKS[row.gravity],
        "label": _label(file),
        "variable": Name(row.variable),
        "lived": _lived(row),
        "notes": [_note(note, review, extent, file) for note in row.notes],
    } | _change(row)


def _change(row: Row) -> dict[str, object]:
    return {
        "kind": str(row.kind),
        "was": _revealed(row.shown.before) if row.kind in (ChangeKind.CHANGED, ChangeKind.REMOVED) else None,
        "now": _revealed(row.shown.after) if row.kind in (ChangeKind.CHANGED, ChangeKind.ADDED) else None,
        "from": Name(row.from_),
        "type": Bare(row.type),
        "type_before": Bare(row.type_before or ""),
        "in_clear": row.clear,
    }


def _revealed(text: str | None) -> Revealed | None:
    return None if text is None else Revealed(text)


def _lived(row: Row) -> Ours:
    if row.lived is None:
        return Ours("")
    return Ours(duration(row.lived) + (" or longer" if row.at_least else ""))


def _values_unknown(file: FileReview) -> bool:
    """Tell whether values of a file may have changed and nobody here knows: the same ciphertext is the same value."""
    return bool(file.keyless) and any(row.kind is ChangeKind.OPAQUE for row in file.rows)


def _some(key: str, names: Iterable[str], most: int) -> dict[str, object]:
    """Return some names, and how many more there are."""
    every = [*names]
    return {key: [Name(name) for name in every[:most]], f"{key}_cut": max(len(every) - most, 0)}


def _note(note: Note, review: Review, extent: Extent, file: FileReview | None = None) -> Mapping[str, object]:
    return {
        "code": str(note.code),
        "alert": Bare({Gravity.ERROR: "CAUTION", Gravity.WARNING: "WARNING", Gravity.NOTE: "NOTE"}[note.gravity]),
        **_some("names", note.names, extent.names),
        **_some("coming", (name[1:] for name in note.names[1:] if name.startswith("+")), extent.names),
        **_some("going", (name[1:] for name in note.names[1:] if name.startswith("-")), extent.names),
        "entry": Bare("" if note.entry is None else note.entry),
        "since": Bare(note.since[:10]),
        "commit": Digest(note.commit[:7]) if note.commit else None,
        "detail": note.detail,
        "label": _label(file) if file else None,
        "path": Name(file.file.path) if file else None,
        "base_ref": Name(review.base_ref),
    }


def _callouts(review: Review, extent: Extent) -> Iterator[Mapping[str, object]]:
    """Return what stands above everything else: what is wrong with a file, and what is done to the rules."""
    for file in review.files:
        for note in file.notes:
            if note.code in (*_PAGE_CODES, Code.AS_RECORDED):
                yield _note(note, review, extent, file)
    for note in review.notes:
        yield _note(note, review, extent)


def _label(file: FileReview) -> Name:
    return Name(label((file.file.environment, file.file.unit)))


def _file(file: FileReview, review: Review, extent: Extent) -> Mapping[str, object]:
    rows = [_access(recipient, review, granted=True) for recipient in file.granted]
    rows += [_access(recipient, review, granted=False) for recipient in file.revoked]
    return {
        "label": _label(file),
        "path": Name(file.file.path),
        "access": rows[: extent.names],
        "access_cut": max(len(rows) - extent.names, 0),
        "granted": bool(file.granted),
        "revoked": bool(file.revoked),
        "rotated": file.rotated,
        "as_shown": Ours(", as far as the ciphertext shows" if file.keyless else ""),
        "live": len(file.live),
        "at_least": Ours(", and more may" if _values_unknown(file) else ""),
        "variables": file.variables,
        "told": [*_told(file)],
    }


def _access(recipient: str, review: Review, *, granted: bool) -> Mapping[str, object]:
    name = review.name(recipient)
    return {
        "mark": MARKS[Gravity.NOTE if granted else Gravity.WARNING],
        "recipient": Name(_recipient(recipient)),
        "name": Name(name) if name else None,
        "what": Ours("added by this change" if granted else "removed by this change"),
    }


def _recipient(text: str) -> str:
    return f"{text[:12]}…{text[-4:]}" if text.startswith("age1") and len(text) > 24 else text[:60]


def _told(file: FileReview) -> Iterator[Mapping[str, object]]:
    for event in file.events:
        if event.kind is EventKind.MOVED:
            yield {"kind": "moved", "from": Name(event.from_)}
        elif event.kind in _WORDS and not (event.kind is EventKind.DATA_KEY_ROTATED and file.revoked):
            yield {"kind": str(event.kind), "words": Ours(_WORDS[event.kind])}
    if (
        file.keyless
        and file.reason is Reason.NO_IDENTITY
        and not (file.rows or file.reencrypted or file.granted or file.revoked)
    ):
        yield {
            "kind": "text-changed",
            "words": Ours(f"{_WORDS[EventKind.TEXT_CHANGED]}: every ciphertext is as it was"),
        }


_WORDS = {
    EventKind.CREATED: "the file is new",
    EventKind.DELETED: "the file is deleted",
    EventKind.DATA_KEY_ROTATED: "the data key was rotated",
    EventKind.RULES_CHANGED: "the rule of what is encrypted changes",
    EventKind.TEXT_CHANGED: "comments, order or format change, no value",
}


def _live(file: FileReview) -> Mapping[str, object]:
    return {
        "quoted": Quoted(_label(file)),
        "count": len(file.live),
        "variables": [_live_row(value) for value in file.live],
    }


def _live_row(value: Live) -> Mapping[str, object]:
    return {"variable": Name(value.variable), "since": Ours("not known") if not value.since else Bare(value.since[:10])}
