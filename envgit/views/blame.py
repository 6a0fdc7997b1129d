"""Own how blame is shown: lines in the column order of `git blame`, and the document `envgit.blame/1`.

The entry's number stands where git has the line's. The date is when the change landed, not when it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from envgit.audit.codec import to_json
from envgit.audit.entry import Approval, Review
from envgit.escape import clipped, terminal
from envgit.log.blame import Blamed
from envgit.model import ChangeKind, CommitId
from envgit.words import label, landed, parsed, short

AUTHOR_COLUMNS = 20
SUBJECT_COLUMNS = 24

_KINDS = {ChangeKind.OPAQUE: "new ciphertext"}


class BlameView(NamedTuple):
    """Lines of blame, newest first; `signed` is false where git history alone told them.

    `environments` says whether the environment is a column, `variables` the same of the variable. `subjects` are first lines of
    commit messages, as far as the commits are here; they are read at display and stand in no entry. `pending` counts the commits
    that the log does not tell yet, None where that is not known.
    """

    lines: tuple[Blamed, ...]
    signed: bool
    environments: bool = True
    variables: bool = False
    again: Mapping[tuple[str, str, int], int] = MappingProxyType({})
    subjects: Mapping[CommitId, str] = MappingProxyType({})
    backfilled_before: str = ""
    pending: int | None = 0


def document(view: BlameView) -> dict[str, object]:
    """Return the document `envgit.blame/1`."""
    return {
        "schema": "envgit.blame/1",
        "signed": view.signed,
        "pending": view.pending,
        "changes": [_document(line, view) for line in view.lines],
    }


def _document(line: Blamed, view: BlameView) -> dict[str, object]:
    change = line.change
    found: dict[str, object] = {
        "environment": line.environment,
        "unit": line.unit,
        "variable": change.variable,
        "kind": str(change.kind),
        "sequence": line.sequence if view.signed else None,
        "commit": line.commit,
        "landed": line.landed,
        "landed_at": line.landed_at,
        "author": to_json(line.author) if line.author else None,
        "recorded_at": line.recorded_at if view.signed else None,
        "before": change.before if view.signed else None,
        "after": change.after if view.signed else None,
    }
    if change.from_:
        found["from"] = change.from_
    if change.shown:
        found["shown"] = to_json(change.shown)
    if line.review:
        found["review"] = to_json(line.review)
    if line.completed_by is not None and view.signed:
        found["completed_by"] = line.completed_by
    return found


def lines(view: BlameView, width: int) -> Iterator[str]:
    """Return the lines of a terminal of `width` columns: notes are cut from the right, the subject comes where there is room.

    Where the columns do not fit, the time goes, then the author, then the date and number; commit, environment, variable and kind stay.
    """
    tails = _tails(view)
    heads = next(
        (
            heads
            for heads in _heads(view)
            if all(len(head) + len(tail) < width for head, tail in zip(heads, tails, strict=True))
        ),
        [_mark(line) for line in view.lines],
    )
    for line, head, tail in zip(view.lines, heads, tails, strict=True):
        core = f"{head} {tail}".rstrip()
        text = f"{head} {tail} {_note(line, view)}".rstrip()
        yield _with_subject(text, terminal(view.subjects.get(line.commit, "")), max(width, len(core)))


def _heads(view: BlameView) -> Iterator[list[str]]:
    """Return what stands before the environment, line by line: in full, then with less and less of it."""
    authors = column((_author(line) for line in view.lines), AUTHOR_COLUMNS)
    numbers = len(str(max((line.sequence for line in view.lines), default=0)))
    names = [f"{clipped(_author(line), authors):<{authors}} " for line in view.lines]
    number = [f" {line.sequence:>{numbers}}" if view.signed else "" for line in view.lines]
    dates = [landed(line.landed_at) for line in view.lines]
    days = [f"{parsed(line.landed_at):%Y-%m-%d}" for line in view.lines]
    for shown, when in ((names, dates), (names, days), ([""] * len(names), days)):
        parts = zip(map(_mark, view.lines), shown, when, number, strict=True)
        yield [f"{mark} ({name}{time}{after})" for mark, name, time, after in parts]


def _tails(view: BlameView) -> list[str]:
    """Return environment, variable and kind of each line, as far as they are columns."""
    names = column((terminal(_environment(line)) for line in view.lines), 40) if view.environments else 0
    variables = column((terminal(line.change.variable) for line in view.lines), 60) if view.variables else 0
    kinds = column((_kind(line) for line in view.lines), 20)
    found = []
    for line in view.lines:
        parts = [f"{terminal(_environment(line)):<{names}}"] if names else []
        if variables:
            parts.append(f"{terminal(line.change.variable):<{variables}}")
        found.append(" ".join([*parts, f"{_kind(line):<{kinds}}"]))
    return found


def _mark(line: Blamed) -> str:
    return "^" + short(line.commit)[:6] if line.boundary else short(line.commit)


def column(texts: Iterator[str], most: int) -> int:
    """Return the width of a column that fits all of `texts`, but no more than `most`."""
    return min(max((len(text) for text in texts), default=0), most)


def _with_subject(text: str, subject: str, width: int) -> str:
    if subject and SUBJECT_COLUMNS <= width - len(text) - 2 < 5_000:
        return f"{text}  {clipped(subject, width - len(text) - 2)}"
    return clipped(text, width)


def _author(line: Blamed) -> str:
    return terminal(line.author.name) if line.author else "(force-push)"


def _environment(line: Blamed) -> str:
    return label((line.environment, line.unit))


def _kind(line: Blamed) -> str:
    return _KINDS.get(line.change.kind, str(line.change.kind))


def _note(line: Blamed, view: BlameView) -> str:
    notes = []
    if line.review is not None:
        notes.append(reviewed(line.review))
    elif view.signed and line.boundary and parsed(line.landed_at) < parsed(view.backfilled_before):
        notes.append("backfilled")
    if line.change.kind is ChangeKind.RENAMED:
        notes.append(f"was {terminal(line.change.from_)}")
    if line.change.kind is ChangeKind.RETYPED:
        notes.append(f"{line.change.type_before} -> {line.change.type}")
    if line.change.shown and line.change.shown.before is not None and line.change.shown.after is not None:
        notes.append(f"{terminal(line.change.shown.before)} -> {terminal(line.change.shown.after)}")
    earlier = view.again.get((line.environment, line.unit, line.sequence))
    if earlier is not None:
        notes.append(f"the value of {earlier} again" if view.signed else "an earlier value again")
    if line.commit != line.landed:
        notes.append(f"merged by {short(line.landed)}")
    return "; ".join(notes)


def reviewed(review: Review) -> str:
    """Say what the forge said of a review, and no more."""
    if review.unavailable:
        return f"review not known: {terminal(review.unavailable)}"
    if review.pull_request is None:
        return "no pull request"
    number = f"PR {review.pull_request}"
    if not review.approvals:
        by = f", merged by {terminal(review.merged_by)}" if review.merged_by else ""
        return f"{number}, no approval{by}"
    return f"{number}, approved by {', '.join(map(approver, review.approvals))}"


def approver(approval: Approval) -> str:
    """Return who approved, and that it was a stranger where the forge says so."""
    stranger = approval.association in _STRANGERS
    return terminal(approval.login) + (" (no member)" if stranger else "")


_STRANGERS = ("NONE", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN")
