"""Own how entries are listed: in the manner of `git log`, as one line each, and as the document `envgit.log/1`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envgit.audit.codec import entry_document
from envgit.audit.entry import (
    AnchorBody,
    AnchorType,
    Change,
    ChangeBody,
    ConfigBody,
    Entry,
    Event,
    FileChange,
    Genesis,
    RewriteBody,
    Signers,
    SignersBody,
    Source,
    SupplementBody,
)
from envgit.escape import clipped, terminal
from envgit.log.blame import selected
from envgit.model import ChangeKind, CommitId, Config, EventKind
from envgit.views.blame import reviewed
from envgit.words import LETTERS, count, duration, parsed, recipient, short

NAMED_AT_MOST = 12
_EVIDENCE = {
    AnchorType.NOTE: "a note that the log signed",
    AnchorType.COSIGNED: "a note that witnesses cosigned",
    AnchorType.RFC3161: "an RFC 3161 time-stamp token",
}


@dataclass(frozen=True, slots=True)
class LogView:
    """Entries, newest first; of their files only those of `environment`, a GLOB, where one is asked for. `ref` is where they were read, empty for git history alone; `subjects` are read at display. `pending` counts the commits that the log does not tell yet, None where that is not known."""

    entries: tuple[Entry, ...]
    ref: str
    subjects: Mapping[CommitId, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    pending: int | None = 0

    @property
    def signed(self) -> bool:
        """Whether a log was read."""
        return bool(self.ref)


def document(view: LogView) -> dict[str, object]:
    """Return the document `envgit.log/1`."""
    return {
        "schema": "envgit.log/1",
        "signed": view.signed,
        "pending": view.pending,
        "entries": [entry_document(entry) for entry in view.entries],
    }


def commits(entries: tuple[Entry, ...]) -> Iterator[CommitId]:
    """Return the commits whose subjects the long and the short form show."""
    for entry in entries:
        if isinstance(entry.body, ChangeBody | ConfigBody):
            yield entry.body.source.commit


def lines(view: LogView) -> Iterator[str]:
    """Return the long form, a paragraph an entry."""
    for number, entry in enumerate(view.entries):
        if number:
            yield ""
        yield from _paragraph(entry, view)


def oneline(view: LogView, width: int) -> Iterator[str]:
    """Return one line an entry."""
    for entry in view.entries:
        number = f"{entry.sequence} " if view.signed else ""
        yield clipped(f"{number}{_short(entry, view)}", width)


def _paragraph(entry: Entry, view: LogView) -> Iterator[str]:
    body = entry.body
    where = f"entry {entry.sequence} ({terminal(view.ref)}) " if view.signed else ""
    if isinstance(body, ChangeBody | ConfigBody):
        yield from _commit(entry, body.source, where, view)
        if isinstance(body, ChangeBody) and body.review is not None:
            yield f"Review:   {reviewed(body.review)}"
    elif isinstance(body, RewriteBody):
        yield f"{where}rewrite: {_rewritten(body)}"
        yield f"Landed:   {_date(body.landed_at)}{_recorded(entry, body.landed_at, view)}"
    else:
        yield f"{where}{_short(entry, view)}"
        yield f"Recorded: {_date(entry.recorded_at)}"
        if isinstance(body, SupplementBody) and body.review is not None:
            yield f"Review:   {reviewed(body.review)}"
    if isinstance(body, ConfigBody):
        yield f"    {_configured(body)}"
    for file in _asked(entry, view):
        yield from _file(file, view.names)


def _asked(entry: Entry, view: LogView) -> tuple[FileChange, ...]:
    files: tuple[FileChange, ...] = getattr(entry.body, "files", ())
    wanted = set(selected(((file.environment, file.unit) for file in files), view.environment))
    return tuple(file for file in files if (file.environment, file.unit) in wanted)


def _commit(entry: Entry, source: Source, where: str, view: LogView) -> Iterator[str]:
    subject = terminal(view.subjects.get(source.commit, ""))
    start = f"{where}of commit" if where else "commit"
    yield f"{start} {short(source.commit)} {subject}".rstrip()
    yield f"Author:   {terminal(source.author.name)} <{terminal(source.author.email)}>"
    yield f"Landed:   {_date(source.landed_at)}{_recorded(entry, source.landed_at, view)}"
    if source.merged:
        yield f"Merged:   {', '.join(f'{short(side.commit)} {terminal(side.author.name)}' for side in source.merged)}"


def _recorded(entry: Entry, landed_at: str, view: LogView) -> str:
    if not view.signed:
        return ""
    late = parsed(entry.recorded_at) - parsed(landed_at)
    by = f" by run {terminal(entry.recorder.run)}" if entry.recorder.run else ""
    return f", recorded {duration(late)} later{by}"


def _date(time: str) -> str:
    moment = parsed(time)
    return f"{moment:%a %b} {moment.day} {moment:%H:%M:%S %Y %z}"


def _file(file: FileChange, names: Mapping[str, str]) -> Iterator[str]:
    label = _label(file)
    if marks := "  ".join(_marks(file.changes)):
        yield f"    {label}  {marks}"
    if said := ", ".join(_events(file, names)):
        yield f"    {label}  {said}"
    if not marks and not said:
        yield f"    {label}"


def _label(file: FileChange) -> str:
    return terminal(f"{file.environment}/{file.unit}" if file.unit else file.environment)


def _marks(changes: tuple[Change, ...]) -> Iterator[str]:
    counted = [change for change in changes if change.kind is not ChangeKind.REENCRYPTED]
    for change in counted[:NAMED_AT_MOST]:
        yield _mark(change)
    if len(counted) > NAMED_AT_MOST:
        yield f"and {len(counted) - NAMED_AT_MOST} more"
    if again := len(changes) - len(counted):
        yield f"= {again} re-encrypted"


def _mark(change: Change) -> str:
    name = terminal(change.variable)
    if change.kind is ChangeKind.RENAMED:
        name = f"{terminal(change.from_)} -> {name}"
    shown = ""
    if change.shown and change.shown.before is not None and change.shown.after is not None:
        shown = f" ({terminal(change.shown.before)} -> {terminal(change.shown.after)})"
    return f"{LETTERS[change.kind]} {name}{shown}"


def _events(file: FileChange, names: Mapping[str, str]) -> Iterator[str]:
    granted = [event.recipient for event in file.events if event.kind is EventKind.ACCESS_GRANTED]
    revoked = [event.recipient for event in file.events if event.kind is EventKind.ACCESS_REVOKED]
    for word, who in (("access granted", granted), ("access revoked", revoked)):
        if who:
            yield f"{word}: {', '.join(recipient(text, names) for text in who)}"
    kinds = Counter(event.kind for event in file.events)
    if kinds[EventKind.DATA_KEY_ROTATED]:
        yield "data key rotated"
    elif revoked:
        yield "data key not rotated"
    for event in file.events:
        if said := _said(event):
            yield said


def _said(event: Event) -> str:
    match event.kind:
        case EventKind.CREATED:
            return "file created"
        case EventKind.DELETED:
            return "file deleted"
        case EventKind.RELEASED:
            return "no longer audited"
        case EventKind.MOVED:
            return f"moved, was {terminal(event.from_)}"
        case EventKind.RULES_CHANGED:
            return f"rule changed: {event.before} -> {event.after}"
        case EventKind.TEXT_CHANGED:
            return "text only"
        case EventKind.MAC_INVALID:
            return "MAC does not match"
        case EventKind.UNREADABLE:
            return f"not readable ({event.reason})"
    return ""


def _short(entry: Entry, view: LogView) -> str:
    body = entry.body
    match body:
        case Genesis():
            return f"genesis of {terminal(entry.origin)}"
        case RewriteBody():
            return f"rewrite: {_rewritten(body)}"
        case SupplementBody():
            return f"supplement to {body.of}: {_files(_asked(entry, view), view.names, 'values known, nothing changed') or 'its review'}"
        case ConfigBody():
            return f"{short(body.source.commit)} config: {_configured(body)}"
        case ChangeBody():
            return f"{short(body.source.commit)} {_files(_asked(entry, view), view.names)}"
        case SignersBody():
            return f"key set, version {body.signers.version}: {_key_set(body.signers)}; {count(len(body.approvals), 'approval')}"
        case AnchorBody():
            return f"anchor of the first {count(body.size, 'entry')}: {_EVIDENCE[body.type]}"
    return f"an entry of a kind that this version does not know: {terminal(entry.kind)}"


def _key_set(signers: Signers) -> str:
    named = [
        terminal(one.name) + (f" (revoked from {one.until} on)" if one.until is not None else "")
        for one in signers.signers
    ]
    roots = ", ".join(dict.fromkeys(terminal(root.name) for root in signers.roots)) or "none"
    return f"signers {', '.join(named)}; roots {roots}, {count(signers.threshold, 'person')} to approve"


def _files(files: tuple[FileChange, ...], names: Mapping[str, str], nothing: str = "nothing") -> str:
    parts = []
    for file in files:
        said = [*_marks(file.changes), *_events(file, names)]
        parts.append(f"{_label(file)}: {', '.join(said) or nothing}")
    return "; ".join(parts)


def _rewritten(body: RewriteBody) -> str:
    return f"{terminal(body.branch)} was force-pushed, {short(body.from_)} is gone, {short(body.to)} took its place"


def _configured(body: ConfigBody) -> str:
    if body.config is None:
        return f"the configuration is {terminal(body.problem)}: the old one stays in force"
    return configured(body.config) + ("" if body.in_force else "; pending until the roots approve it")


def configured(config: Config) -> str:
    """Return a configuration in one line, escaped."""
    names = [
        f"{pattern.name}: {pattern.pattern}" if pattern.name else pattern.pattern for pattern in config.environments
    ]
    parts = [f"environments {_some(names)}" if names else "every file with a sops block"]
    parts += [f"branch {config.branch}", f"reveal {_some(list(config.reveal))}" if config.reveal else "reveals nothing"]
    return terminal("; ".join(parts))


def _some(texts: list[str]) -> str:
    return ", ".join(texts[:NAMED_AT_MOST]) + (
        f" and {len(texts) - NAMED_AT_MOST} more" if len(texts) > NAMED_AT_MOST else ""
    )
