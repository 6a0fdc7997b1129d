"""Own how a difference between two revisions is shown: `envgit diff`, and the document `envgit.diff/1`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from envgit.audit.codec import to_json
from envgit.audit.entry import Event
from envgit.diff import readable
from envgit.escape import terminal
from envgit.log.difference import ChangeShown, Difference, FileDifference
from envgit.model import ChangeKind, EnvFile, EventKind, Reason
from envgit.redact import Redacted
from envgit.words import LETTERS, count, recipient

COLUMN = 30

# More variables than this with a new ciphertext under the old nonce are told in one line: one rotation did that.
LISTED_AT_MOST = 3


def document(view: Difference) -> dict[str, object]:
    """Return the document `envgit.diff/1`."""
    return {
        "schema": "envgit.diff/1",
        "base": view.base,
        "head": view.head,
        "keyless": any(file.keyless for file in view.files),
        "files": [
            {
                "environment": file.file.environment,
                "unit": file.file.unit,
                "path": terminal(file.file.path),
                "reason_before": file.before.reason if file.before and file.unread_before else None,
                "unmerged": file.unmerged,
                "events": [to_json(event) for event in file.events],
                "changes": [_change_document(change) for change in file.changes],
            }
            for file in view.files
        ],
    }


def _change_document(view: ChangeShown) -> dict[str, object]:
    change = view.change
    found: dict[str, object] = {"variable": change.name, "kind": str(change.kind), "type": str(change.type)}
    if change.kind is ChangeKind.RENAMED and change.before:
        found["from"] = change.before.name
    found |= {"before": view.before, "after": view.after}
    if view.shown != Redacted():
        found["shown"] = {"before": view.shown.before, "after": view.shown.after}
    return found


def lines(view: Difference) -> Iterator[str]:
    """Return the lines of a terminal."""
    for file in view.files:
        yield from _file(file, view.names)
    yield _summary(view.files)


def _file(view: FileDifference, names: Mapping[str, str]) -> Iterator[str]:
    title = heading(view.file)
    yield f"{title}: {view.keyless}; the ciphertext shows" if view.keyless else title
    kept = [change for change in view.changes if change.change.same_iv]
    alike = set(map(id, kept)) if len(kept) > LISTED_AT_MOST else set()
    counted = [c for c in view.changes if c.change.kind is not ChangeKind.REENCRYPTED and id(c) not in alike]
    column = min(max([COLUMN, *(len(_name(change)) + 2 for change in counted)]), 60)
    for change in counted:
        yield f" {LETTERS[change.change.kind]} {_name(change):<{column}} {_note(change)}".rstrip()
    for event in view.events:
        yield from _event(event, names, view.problem)
    if view.unmerged:
        yield " ! unmerged: a merge left it in conflict; git add it once that is resolved"
    if view.unread_before:
        yield from _unread_before(view, names)
    if alike:
        yield f" ? {len(alike)} others: new ciphertext under the old nonce, as a rotation of the data key leaves unchanged values"
    again = len(view.changes) - len(counted) - len(alike)
    if again:
        others = " others" if counted else ""
        yield f" = {again}{others} re-encrypted, same {'value' if again == 1 else 'values'}"
    if view.keyless and view.unchanged:
        yield f"{count(view.unchanged, 'other')} {'has' if view.unchanged == 1 else 'have'} the ciphertext they had"


def _unread_before(view: FileDifference, names: Mapping[str, str]) -> Iterator[str]:
    """Say that nothing is known of the older side, and what the newer one holds: who can open it matters all the same."""
    if view.before is not None:
        yield f" ! before: not readable ({view.before.reason}): {terminal(view.before.detail)}"
    if view.after is not None and readable(view.after):
        who = ", ".join(recipient(text, names) for text in view.after.recipients)
        yield f"   now: {count(len(view.after.values), 'variable')}, compared with nothing; for {who or 'nobody'}"


def heading(file: EnvFile) -> str:
    """Return "environment (path)", with the unit where there is one."""
    unit = f" {terminal(file.unit)}" if file.unit else ""
    if file.environment == file.path:
        return terminal(file.path)
    return f"{terminal(file.environment)}{unit} ({terminal(file.path)})"


def _name(view: ChangeShown) -> str:
    change = view.change
    if change.kind is ChangeKind.RENAMED and change.before:
        return f"{terminal(change.before.name)} -> {terminal(change.name)}"
    return terminal(change.name)


def _note(view: ChangeShown) -> str:
    change = view.change
    match change.kind:
        case ChangeKind.RENAMED:
            return "same value"
        case ChangeKind.RETYPED if change.before:
            return f"{change.before.type} -> {change.type}, same text"
        case ChangeKind.DISCLOSED:
            return "same value, now in clear in the file"
        case ChangeKind.CONCEALED:
            return "same value, in clear no longer"
        case ChangeKind.OPAQUE if change.after and change.after.clear:
            return "in clear now; what it was is not known here"
        case ChangeKind.OPAQUE if change.same_iv:
            return "new ciphertext under the old nonce, as a rotation of the data key leaves an unchanged value"
        case ChangeKind.OPAQUE:
            return "new ciphertext: a new value, or the same one encrypted again"
    shown = view.shown
    if shown.before is not None and shown.after is not None:
        return f"{shown.before} -> {shown.after}"
    if change.kind is ChangeKind.ADDED and shown.after is not None:
        return shown.after
    return "in clear in the file" if change.after and change.after.clear and change.after.secret else ""


def _event(event: Event, names: Mapping[str, str], problem: str) -> Iterator[str]:
    match event.kind:
        case EventKind.ACCESS_GRANTED:
            yield f" + access {recipient(event.recipient, names)}"
        case EventKind.ACCESS_REVOKED:
            yield f" - access {recipient(event.recipient, names)}"
        case EventKind.CREATED:
            yield " + file created"
        case EventKind.DELETED:
            yield " - file deleted"
        case EventKind.MOVED:
            yield f" R file moved, was {terminal(event.from_)}"
        case EventKind.DATA_KEY_ROTATED:
            yield " ~ data key rotated"
        case EventKind.RULES_CHANGED:
            yield f" ~ rule of what is encrypted changed: {event.before} -> {event.after}"
        case EventKind.TEXT_CHANGED:
            yield " ~ text only: comments, order or format"
        case EventKind.MAC_INVALID:
            yield f" ! MAC does not match: {problem or 'the file was changed by hand'}"
        case EventKind.UNREADABLE if event.reason is not Reason.NO_IDENTITY:
            yield f" ! not readable ({event.reason}): {problem}"


def _summary(files: Iterable[FileDifference]) -> str:
    """Count what is known to differ; that nothing else does is said only where every file could be compared."""
    files = tuple(files)
    unread = sum(file.unread for file in files)
    kinds = Counter(change.change.kind for file in files for change in file.changes)
    kinds.pop(ChangeKind.REENCRYPTED, None)
    words = [f"{number} {_SAID.get(kind, str(kind))}" for kind, number in kinds.most_common()]
    access = Counter(event.kind for file in files for event in file.events)
    granted, revoked = access[EventKind.ACCESS_GRANTED], access[EventKind.ACCESS_REVOKED]
    said = [f"{granted} granted" if granted else "", f"{revoked} revoked" if revoked else ""]
    recipients = "recipients: " + ", ".join(filter(None, said)) if granted or revoked else ""
    if [*kinds] == [ChangeKind.CHANGED]:
        words = [f"{count(kinds[ChangeKind.CHANGED], 'variable')} changed"]
    if unread:
        return "; ".join(filter(None, (", ".join(words), recipients, f"{count(unread, 'file')} could not be compared")))
    return f"{', '.join(words) or 'no variable changed'}; {recipients or 'recipients unchanged'}"


_SAID = {ChangeKind.OPAQUE: "with new ciphertext"}
