"""Own what is handed to an outsider: the proof that an entry is in the log, and a bundle of entries with all that proves them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

from envgit.audit import checkpoint, note
from envgit.audit.canonical import FormatError
from envgit.audit.codec import decode_entry
from envgit.audit.commit import parents
from envgit.audit.entry import AnchorBody, AnchorType, ChangeBody, ConfigBody, Entry, RewriteBody
from envgit.audit.merkle import Frontier, inclusion, tree_root
from envgit.errors import CannotTell, LogError, UsageError
from envgit.log.anchoring import signed_note
from envgit.log.branch import Log
from envgit.log.session import Session
from envgit.log.signer import signing_key
from envgit.model import CommitId, ObjectId

PROOF = "c2sp.org/tlog-proof@v1"


def proof(run: Session, log: Log, sequence: int) -> str:
    """Return the proof that an entry is in the log, as c2sp.org/tlog-proof: with the newest cosigned note, else a signed one.

    Raise LogError where no note covers the entry and no key is here to sign one.
    """
    if not 0 <= sequence < log.size:
        raise UsageError(f"there is no entry {sequence}: the log has {log.size}")
    text, size = _note(run, log, sequence)
    path = inclusion(log.leaves(size), sequence)
    hashes = "".join(f"{b64encode(part).decode()}\n" for part in path)
    return f"{PROOF}\nindex {sequence}\n{hashes}\n{text}"


def _note(run: Session, log: Log, sequence: int) -> tuple[str, int]:
    """Return the best note over a checkpoint that has the entry, and its size: cosigned before signed, new before old."""
    found = {anchor.type: log.entry(anchor.entry).body for anchor in log.state.record.anchors}
    for kind in (AnchorType.COSIGNED, AnchorType.NOTE):
        body = found.get(kind)
        if isinstance(body, AnchorBody) and body.size > sequence and _says(log, body):
            return body.evidence, body.size
    key = signing_key(run)
    if key is None:
        raise LogError(
            f"no signed note covers entry {sequence} yet, and no signing key is here; envgit anchor makes one"
        )
    return signed_note(key[0], log.state.origin, log.size, log.state.root), log.size


def _says(log: Log, body: AnchorBody) -> bool:
    """Tell whether an anchor's note is of the state that it names, and that is one of this log."""
    try:
        said = note.checkpoint(note.parse(body.evidence).text)
    except FormatError:
        return False
    return said == (log.state.origin, body.size, tree_root(log.leaves(min(body.size, log.size))))


def span(
    log: Log, since: datetime | None, until: datetime | None, numbers: tuple[int | None, int | None]
) -> tuple[int, int]:
    """Return which entries lie between two times, by their `recorded_at`, or two numbers: the first, and the one after the last."""
    first, end = 0, log.size
    if since is not None:
        first = next((n for n in range(log.size) if _recorded(log, n) >= since), log.size)
    if until is not None:
        end = next((n for n in range(first, log.size) if _recorded(log, n) > until), log.size)
    first, end = (number if given is None else given for number, given in zip((first, end), numbers, strict=True))
    if not 0 <= first < end <= log.size:
        raise UsageError(
            f"no entry lies there: the log has {log.size}, of {_recorded(log, 0)} to {_recorded(log, log.size - 1)}"
        )
    return first, end


def _recorded(log: Log, number: int) -> datetime:
    return datetime.fromisoformat(log.entry(number).recorded_at)


def bundle(run: Session, log: Log, first: int, end: int) -> dict[str, object]:
    """Return the document `envgit.bundle/1`: entries `first` to `end` - 1, and what proves them to one who has the trust root.

    Raise CannotTell where commits of the log are not here.
    """
    leaves = log.leaves(end)
    frontier = Frontier()
    for leaf in leaves[:first]:
        frontier = frontier.append(leaf)
    keys = sorted({number for number in (0, *log.state.record.keysets) if number < first})
    raw = _commits(run, log, {*keys, *range(first, end)})
    rows = [_row(log, raw, number) for number in range(first, end)]
    entries = [decode_entry(log.bytes_of(number)) for number in range(first, end)]
    return {
        "schema": "envgit.bundle/1",
        "origin": log.state.origin,
        "genesis": log.genesis,
        "since": first,
        "until": end,
        "frontier": [part.hex() for part in frontier.hashes],
        "entries": rows,
        "keys": [
            {**_row(log, raw, number), "proof": [b64encode(part).decode() for part in inclusion(leaves, number)]}
            for number in keys
        ],
        "checkpoint": checkpoint.body(log.state.origin, end, tree_root(leaves)),
        "notes": [body.evidence for body in _anchors(entries, AnchorType.NOTE, AnchorType.COSIGNED)],
        "tokens": [
            {"size": body.size, "root": body.root, "token": body.evidence, "certificates": list(body.certificates)}
            for body in _anchors(entries, AnchorType.RFC3161)
        ],
        "commits": list(dict.fromkeys(commit for entry in entries for commit in covered(entry))),
    }


def covered(entry: Entry) -> Iterator[CommitId]:
    """Return the commits of the source branch that an entry tells of: what a merge brought in before the merge."""
    match entry.body:
        case ChangeBody(source=source) | ConfigBody(source=source):
            yield from (merged.commit for merged in source.merged)
            yield source.commit
        case RewriteBody(to=commit):
            yield commit


def _anchors(entries: list[Entry], *kinds: AnchorType) -> Iterator[AnchorBody]:
    return (entry.body for entry in entries if isinstance(entry.body, AnchorBody) and entry.body.type in kinds)


def _row(log: Log, raw: dict[int, str], number: int) -> dict[str, object]:
    return {"sequence": number, "entry": log.bytes_of(number).decode(), "commit": raw[number]}


def _commits(run: Session, log: Log, wanted: set[int]) -> dict[int, str]:
    """Return the raw commits of entries, walking back from the tip."""
    found: dict[int, str] = {}
    oid: ObjectId | None = ObjectId(log.tip) if log.tip else None
    for number in range(log.size - 1, -1, -1):
        if oid is None:
            raise CannotTell("the log has fewer commits than entries; envgit verify")
        data = run.repo.raw(oid)[1]
        if number in wanted:
            try:
                found[number] = data.decode("utf-8")
            except UnicodeDecodeError:
                raise CannotTell(f"commit {oid[:7]} is no entry's; envgit verify") from None
            if len(found) == len(wanted):
                break
        oid = next(iter(parents(data)), None)
    return found
