"""Own the making of a review: two commits compared, what may be shown of it, what follows from it, and what the log adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from envgit.diff import readable
from envgit.log.branch import Log
from envgit.log.difference import ChangeShown, Difference, FileDifference, difference
from envgit.log.session import Session
from envgit.log.sides import Request
from envgit.model import ChangeKind, CommitId, Config, EventKind, Mac, Reason, Snapshot, Unit, Value
from envgit.redact import NOTHING_SHOWN, Redacted
from envgit.review.edits import edits
from envgit.review.past import Past
from envgit.review.report import Code, FileReview, Gravity, Live, LogSeen, Note, Review, Row

# Tells whether a value is, or holds, one that must not be shown; asked only once all is read.
Holds = Callable[[bytes], bool]

# These say of a value that it is the same; all others may put another in its place.
_SAME_VALUE = (
    ChangeKind.RENAMED,
    ChangeKind.RETYPED,
    ChangeKind.DISCLOSED,
    ChangeKind.CONCEALED,
    ChangeKind.REENCRYPTED,
)
_REPLACES = (ChangeKind.CHANGED, ChangeKind.REMOVED, ChangeKind.OPAQUE)


class Proposal(NamedTuple):
    """What is reviewed: `base` is the merge base of `head` and of `tip`, which is where the base branch `base_ref` stands."""

    base: CommitId
    head: CommitId
    tip: CommitId
    base_ref: str


@dataclass(frozen=True, slots=True)
class _Context:
    proposal: Proposal
    past: Past
    since: dict[Unit, frozenset[str]]
    holds: Holds


def shown_by(ruling: Config | None, log: Log | None) -> Config:
    """Return what may be shown: what the base branch reveals and, where there is a log, the log too.

    A log alone is not believed: whoever can push a branch could have made it.
    """
    allowed = (ruling or Config()).reveal
    if log is not None:
        allowed = tuple(name for name in allowed if name in log.state.config.reveal)
    return (ruling or Config())._replace(reveal=allowed)


def review(run: Session, proposal: Proposal, ruling: Config | None, now: datetime, holds: Holds) -> Review:
    """Compare a proposal with its base. `ruling` is the base branch's configuration, None where it has none.

    Then every file with a `sops` block is an environment: a proposal's own configuration could leave out what it changes.
    """
    shows = shown_by(ruling, run.log)
    request = Request(
        proposal.base, proposal.head, proposal.base[:7], proposal.head[:7], ruling=ruling or Config(), shows=shows
    )
    found = difference(run, request)
    since = difference(run, replace(request, head=proposal.tip)) if proposal.tip != proposal.base else None
    past = Past(run.log, now)
    context = _Context(proposal, past, dict(_changed(since)) if since else {}, holds)
    log = run.log
    return Review(
        base=proposal.base,
        head=proposal.head,
        tip=proposal.tip,
        base_ref=proposal.base_ref,
        files=tuple(_file(file, context) for file in found.files),
        notes=(*edits(run, proposal.base, proposal.head, ruling), *_no_log(run, found, ruling)),
        names=tuple(sorted(found.names.items())),
        others=found.same,
        log=LogSeen(log.size, log.state.root.hex()) if log is not None else None,
        revealed=shows.reveal,
    )


def _changed(found: Difference) -> Iterator[tuple[Unit, frozenset[str]]]:
    for file in found.files:
        names = (change.change.name for change in file.changes if change.change.kind is not ChangeKind.REENCRYPTED)
        yield (file.file.environment, file.file.unit), frozenset(names)


def _no_log(run: Session, found: Difference, ruling: Config | None) -> Iterator[Note]:
    if run.log is None and ruling is not None and found.files:
        yield Note(Code.NO_LOG, Gravity.NOTE, (run.audit_branch,))


def _file(found: FileDifference, context: _Context) -> FileReview:
    unit = (found.file.environment, found.file.unit)
    known = context.past.recorded(unit, found.after.digest) if found.after else None
    rotated = any(event.kind is EventKind.DATA_KEY_ROTATED for event in found.events)
    rows = [change for change in found.changes if change.change.kind is not ChangeKind.REENCRYPTED]
    revoked = tuple(event.recipient for event in found.events if event.kind is EventKind.ACCESS_REVOKED)
    return FileReview(
        file=found.file,
        rows=tuple(_row(change, unit, context, known) for change in rows),
        reencrypted=tuple(c.change.name for c in found.changes if c.change.kind is ChangeKind.REENCRYPTED),
        events=found.events,
        notes=tuple(_file_notes(found, known, revoked, rotated=rotated)),
        granted=tuple(event.recipient for event in found.events if event.kind is EventKind.ACCESS_GRANTED),
        revoked=revoked,
        rotated=rotated,
        variables=len(found.after.values) if found.after else 0,
        live=tuple(_live(found, unit, context)) if revoked else (),
        keyless=found.keyless,
        reason=found.after.reason if found.after else None,
        state=found.state,
    )


def _file_notes(found: FileDifference, known: int | None, revoked: tuple[str, ...], *, rotated: bool) -> Iterator[Note]:
    after = found.after
    if after is not None and after.mac is Mac.INVALID:
        yield Note(Code.MAC_INVALID, Gravity.ERROR, detail=after.detail)
    if after is not None and not readable(after):
        plain = after.reason is Reason.PLAINTEXT
        yield Note(Code.PLAINTEXT if plain else Code.UNREADABLE, Gravity.ERROR, detail=after.detail)
    if found.before is not None and found.unread_before:
        who = after.recipients if after is not None else ()
        number = len(after.values) if after is not None else 0
        yield Note(Code.WAS_UNREADABLE, Gravity.WARNING, who, detail=found.before.detail, number=number)
    if revoked and after and not rotated:
        yield Note(Code.NOT_ROTATED, Gravity.WARNING)
    # Without a rotation of the whole file a kept nonce is a sign of tampering, not of harmlessness.
    if rotated and (kept := sum(change.change.same_iv for change in found.changes)):
        yield Note(Code.KEPT_NONCE, Gravity.NOTE, number=kept)
    if known is not None:
        yield Note(Code.AS_RECORDED, Gravity.NOTE, entry=known)


def _row(found: ChangeShown, unit: Unit, context: _Context, known: int | None) -> Row:
    change = found.change
    shown, withheld = _shown(found, context.holds)
    origin = change.before.name if change.before is not None else change.name
    stood = context.past.stood(unit, origin) if change.kind in _REPLACES else None
    notes = [*_notes(found, unit, context, known)]
    if withheld:
        notes.append(Note(Code.NOT_SHOWN, Gravity.NOTE))
    return Row(
        variable=change.name,
        kind=change.kind,
        type=change.type,
        type_before=change.before.type
        if change.before and change.after and change.before.type != change.type
        else None,
        from_=origin if change.kind is ChangeKind.RENAMED else "",
        clear=bool(change.after and change.after.clear and change.after.secret),
        line=change.after.line if change.after else 0,
        shown=shown,
        lived=stood.span if stood else None,
        at_least=stood.at_least if stood else False,
        notes=tuple(notes),
        before=found.before,
        after=found.after,
    )


def _shown(found: ChangeShown, holds: Holds) -> tuple[Redacted, bool]:
    """Return what is shown of a change: a revealed value that some other name keeps secret is not."""
    change, shown = found.change, found.shown
    sides = ((change.before, shown.before), (change.after, shown.after))
    # The whole value is asked about, not what is left of it after it was cut for showing.
    if any(value and value.secret and text is not None and holds(value.secret.reveal()) for value, text in sides):
        return NOTHING_SHOWN, True
    return shown, False


def _notes(found: ChangeShown, unit: Unit, context: _Context, known: int | None) -> Iterator[Note]:
    change = found.change
    past, name = context.past, found.change.name
    if change.kind is ChangeKind.DISCLOSED:
        yield Note(Code.DISCLOSED, Gravity.WARNING)
    if change.kind in (ChangeKind.CHANGED, ChangeKind.ADDED) and (back := past.earlier(unit, name, found.after)):
        ended = past.retired(unit, name, back)
        yield Note(Code.BACK_AGAIN, Gravity.WARNING, entry=back.sequence, since=ended.landed_at if ended else "")
    elif change.kind in (ChangeKind.CHANGED, ChangeKind.OPAQUE):
        yield from _recorded(found, unit, context, known)
    if name in context.since.get(unit, frozenset()):
        last = past.last(unit, name)
        landed = last.landed if last is not None else None
        yield Note(Code.CHANGED_ON_BASE, Gravity.WARNING, (context.proposal.base_ref,), commit=landed)


def _recorded(found: ChangeShown, unit: Unit, context: _Context, known: int | None) -> Iterator[Note]:
    """Say what the log knows: that the very file was recorded before, whatever the keys since, or since when the value stands."""
    past, name = context.past, found.change.name
    now = past.last(unit, name)
    then = past.value_then(unit, name, known) if known is not None else None
    if now and then and (then.sequence == now.sequence or then.change.after == now.change.after is not None):
        yield Note(Code.SAME_AS_NOW, Gravity.NOTE, entry=then.sequence)
    elif now and then and now.change.after and then.change.after:
        yield Note(Code.BACK_AGAIN, Gravity.WARNING, entry=then.sequence)
    elif found.change.kind is ChangeKind.OPAQUE and (stood := past.stood(unit, name)) is not None:
        yield Note(Code.STOOD_SINCE, Gravity.NOTE, entry=stood.entry, since=stood.since)


def _live(found: FileDifference, unit: Unit, context: _Context) -> Iterator[Live]:
    """Return the values that whoever could open the older file knows and that stay in the newer one."""
    if found.before is None or found.after is None:
        return
    changed = {change.change.name: change.change for change in found.changes}
    back = {c.change.name for c in found.changes if context.past.earlier(unit, c.change.name, c.after)}
    for value in found.after.values:
        change = changed.get(value.name)
        if _stays(value, found.before) if change is None else change.kind in _SAME_VALUE or value.name in back:
            origin = change.before.name if change and change.before else value.name
            stood = context.past.stood(unit, origin)
            yield Live(value.name, stood.since if stood else "")


def _stays(value: Value, before: Snapshot) -> bool:
    """Tell whether an unchanged variable held something that only a key opens."""
    return not value.clear and before.reason in (None, Reason.NO_IDENTITY)
