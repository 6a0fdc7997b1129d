"""Own how a review is shown as Markdown: in a pull request's comment and in a job's summary, cut in a fixed order to what fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from envgit import __version__
from envgit.model import ChangeKind, EventKind
from envgit.render import Bare, Digest, Draft, Link, Name, Ours, Quoted, Revealed, render
from envgit.review.report import Code, FileReview, Gravity, Live, Review, Row
from envgit.views.headline import headline, summary
from envgit.views.notes import some, values
from envgit.words import duration, plural, short, short_recipient

MARKS = {Gravity.ERROR: Ours("🔴"), Gravity.WARNING: Ours("🟡"), Gravity.NOTE: Ours("")}
# GitHub takes 65,536 characters, and has answered 422 for less where they took many bytes.
MAX_CHARACTERS = 60_000
MAX_BYTES = 200_000
MAX_SUMMARY_BYTES = 1_000_000

# What stands above everything else; the other notes of a file are told with its access.
_CALLED_OUT = (
    Code.MAC_INVALID,
    Code.UNREADABLE,
    Code.WAS_UNREADABLE,
    Code.PLAINTEXT,
    Code.AS_RECORDED,
    Code.KEPT_NONCE,
)


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
_BARE = Extent(legend=False, reencrypted=False, live=False)
EXTENTS = (
    Extent(),
    Extent("how this was found", legend=False),
    Extent("how this was found, and what is only encrypted again", legend=False, reencrypted=False),
    replace(_BARE, what="how this was found, what is only encrypted again, and which values stay live"),
    *(
        replace(_BARE, what=f"all but {plain} rows without a warning, and details", plain=plain)
        for plain in (400, 150, 50, 0)
    ),
    replace(_BARE, what="all but 100 rows with a warning, and details", plain=0, grave=100, files=50, names=10),
    replace(_BARE, what="all but 20 rows with a warning, and details", plain=0, grave=20, files=10, names=5),
    replace(_BARE, what="nearly everything", plain=0, grave=3, files=2, names=2),
)


class Page(NamedTuple):
    """Where a review is shown: `marker` is its hidden first line, empty in a summary; `run` and `run_url` are the run and its page."""

    run: int
    run_url: str
    marker: str = ""
    pull_request: int | None = None


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
        **some("keyless", [file.label for file in review.files if file.unknown], extent.names),
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
            {"label": Name(file.label), "variables": [Name(name) for name in file.reencrypted]}
            for file in review.files
            if file.reencrypted and extent.reencrypted
        ],
        "reencrypted_count": sum(len(file.reencrypted) for file in review.files),
        "live": [_live(file) for file in review.files if file.live and extent.live],
        "legend": extent.legend,
        "compared": any(file.rows and not file.keyless for file in review.files),
        "lived": any(row.lived is not None for file in review.files for row in file.rows),
        "lived_title": Ours(
            "Replaced value lived" if any(not file.unknown for file in review.files) else "Value has stood"
        ),
        **some("revealed", review.revealed, extent.names),
    }


def _footer(review: Review, page: Page, extent: Extent) -> dict[str, object]:
    states = [(file, file.state.removeprefix("sha256:")[:16]) for file in review.files if file.state]
    return {
        "base": Digest(short(review.base)),
        "head": Digest(short(review.head)),
        "command": _command(review, page),
        "base_ref": Name(review.base_ref),
        "since": _since(review),
        "states": [{"label": Name(file.label), "digest": Digest(state)} for file, state in states[: extent.files]],
        "log": {"entries": review.log.entries, "root": Digest(review.log.root)} if review.log else None,
        "complete": _complete(extent),
        "version": Bare(__version__),
        "run_link": Link(f"run {page.run}", page.run_url),
    }


def _command(review: Review, page: Page) -> Digest:
    """Return what shows the same on a person's machine, where the head may never have been fetched."""
    fetch = f"git fetch origin pull/{page.pull_request}/head && " if page.pull_request is not None else ""
    return Digest(f"{fetch}envgit diff {short(review.base)} {short(review.head)}")


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
        "label": Name(file.label),
        "variable": Name(row.variable),
        "lived": _lived(row),
        "notes": [values(note, review, extent.names, file) for note in row.notes],
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


def _callouts(review: Review, extent: Extent) -> Iterator[Mapping[str, object]]:
    """Return what stands above everything else: what is wrong with a file, and what is done to the rules."""
    for file in review.files:
        for note in file.notes:
            if note.code in _CALLED_OUT:
                yield values(note, review, extent.names, file)
    for note in review.notes:
        yield values(note, review, extent.names)


def _file(file: FileReview, review: Review, extent: Extent) -> Mapping[str, object]:
    gravity = Gravity.NOTE if file.rotated else Gravity.WARNING
    created = any(event.kind is EventKind.CREATED for event in file.events)
    came = "can open it" if created else "added by this change"
    rows = [_access(recipient, review, Gravity.NOTE, came) for recipient in file.granted]
    rows += [_access(recipient, review, gravity, "removed by this change") for recipient in file.revoked]
    return {
        "label": Name(file.label),
        "path": Name(file.file.path),
        "access": rows[: extent.names],
        "access_cut": max(len(rows) - extent.names, 0),
        "granted": bool(file.granted),
        "revoked": bool(file.revoked),
        "rotated": file.rotated,
        "values_unknown": bool(file.keyless),
        "as_shown": Ours(", as far as the ciphertext shows" if file.keyless else ""),
        "live": len(file.live),
        "at_least": Ours(", and more may" if file.unknown else ""),
        "variables": file.variables,
        "told": [*_told(file)],
    }


def _access(recipient: str, review: Review, gravity: Gravity, what: str) -> Mapping[str, object]:
    name = review.name(recipient)
    return {
        "mark": MARKS[gravity],
        "recipient": Name(short_recipient(recipient)),
        "name": Name(name) if name else None,
        "what": Ours(what),
    }


def _told(file: FileReview) -> Iterator[Mapping[str, object]]:
    for event in file.events:
        if event.kind is EventKind.MOVED:
            yield {"kind": "moved", "from": Name(event.from_)}
        elif event.kind in _WORDS and not (event.kind is EventKind.DATA_KEY_ROTATED and file.revoked):
            yield {"kind": str(event.kind), "words": Ours(_WORDS[event.kind])}
    quiet = not (file.rows or file.reencrypted or file.granted or file.revoked)
    if file.keyless and not file.uncompared and quiet:
        said = f"{_WORDS[EventKind.TEXT_CHANGED]}: every ciphertext is as it was"
        yield {"kind": "text-changed", "words": Ours(said)}


_WORDS = {
    EventKind.CREATED: "the file is new",
    EventKind.DELETED: "the file is deleted",
    EventKind.DATA_KEY_ROTATED: "the data key was rotated",
    EventKind.RULES_CHANGED: "the rule of what is encrypted changes",
    EventKind.TEXT_CHANGED: "comments, order or format change, no value",
}


def _live(file: FileReview) -> Mapping[str, object]:
    return {
        "quoted": Quoted(Name(file.label)),
        "count": len(file.live),
        "variables": [_live_row(value) for value in file.live],
    }


def _live_row(value: Live) -> Mapping[str, object]:
    return {"variable": Name(value.variable), "since": Ours("not known") if not value.since else Bare(value.since[:10])}
