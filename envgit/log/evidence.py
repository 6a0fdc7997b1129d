"""Own the evidence from outside: what witnesses and time-stamp authorities say of a log, in its anchors and in files at hand.

It says that so many entries were there at a time that the signer could not choose. What comes after an anchor came after its
time, so that each entry's own time is held between the two.
"""

from __future__ import annotations

from array import array
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from envgit.audit import checkpoint, note
from envgit.audit.canonical import FormatError
from envgit.audit.entry import AnchorBody, AnchorType, Entry
from envgit.audit.problems import Code, Problem
from envgit.audit.quorum import Policy
from envgit.audit.sshsig import public_bytes
from envgit.audit.verify import Report
from envgit.errors import UsageError
from envgit.log.judges import Judges, small_file
from envgit.signing import verified
from envgit.words import rfc3339, seconds_of

# Clocks of recorder, witness and authority may be apart by so many seconds before one is called wrong.
CLOCKS_APART = 600

Placed = tuple[int, AnchorBody]  # an anchor, and the number of its entry


@dataclass(frozen=True, slots=True)
class Said:
    """What an outsider said: the first `size` entries were there at `seconds` since 1970, in words of `by`.

    `entry` is the anchor that holds it, None where it came as a file.
    """

    type: AnchorType
    size: int
    seconds: int
    by: tuple[str, ...]
    entry: int | None

    @property
    def time(self) -> str:
        """When, RFC 3339 in UTC."""
        return rfc3339(self.seconds)


class Word(NamedTuple):
    """What one witness said: the first `size` entries were there at `seconds` since 1970; `entry` is the anchor that holds it."""

    witness: str
    size: int
    seconds: int
    entry: int | None


@dataclass
class Evidence:
    """All that was said, oldest first; `unjudged` counts anchors by nobody whom the reader named, `words` are single witnesses'."""

    words: list[Word] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unjudged: int = 0


class Times:
    """When entries say that they were recorded, and which of them are anchors, gathered in the verifier's one pass."""

    def __init__(self, first: int = 0, anchors: Iterable[Placed] = ()) -> None:
        """Begin with entry `first`; `anchors` are the last ones before it."""
        self.first = first
        self.anchors = list(anchors)
        self._recorded = array("q")

    def observe(self, entry: Entry) -> None:
        """Take note of one entry, in order."""
        self._recorded.append(seconds_of(entry.recorded_at))
        if isinstance(entry.body, AnchorBody):
            self.anchors.append((entry.sequence, entry.body))

    def follow(self, later: Times) -> None:
        """Take in what was gathered of the entries that follow."""
        self.anchors += later.anchors
        self._recorded += later._recorded

    @property
    def last(self) -> int | None:
        """When the newest entry says that it was recorded."""
        return self._recorded[-1] if self._recorded else None

    def contradicted(self, said: Sequence[Said]) -> Iterator[Problem]:
        """Return the entries that say they were recorded after they were seen, or before what they come after."""
        done = self.first
        known = self.first + len(self._recorded)
        for one in sorted(said, key=lambda one: (one.size, one.seconds)):
            late = [
                number for number in range(done, min(one.size, known)) if self._at(number) > one.seconds + CLOCKS_APART
            ]
            if late:
                detail = f"entry {late[0]} says that it was recorded after {one.time}, when {_by(one)} saw it"
                yield Problem(Code.FALSE_TIME, late[0], detail)
            done = max(done, one.size)
        latest: Said | None = None
        held = iter(sorted((one for one in said if one.entry is not None), key=lambda one: one.entry or 0))
        following = next(held, None)
        for number in range(self.first, known):
            while following is not None and (following.entry or 0) <= number:
                latest = max(latest or following, following, key=lambda one: one.seconds)
                following = next(held, None)
            if latest is not None and self._at(number) < latest.seconds - CLOCKS_APART:
                detail = f"entry {number} says that it was recorded before {latest.time}, and comes after what {_by(latest)} said then"
                yield Problem(Code.FALSE_TIME, number, detail)
                return

    def _at(self, number: int) -> int:
        return self._recorded[number - self.first]


def _by(said: Said) -> str:
    return ", ".join(said.by) or "an authority"


def gathered(times: Times, judges: Judges, report: Report, files: Iterable[str]) -> Evidence:
    """Judge the anchors and the files that a reader has; raise UsageError where a file proves nothing."""
    found = Evidence()
    if report.state is None:
        return found
    judges = _outsiders(judges, report, found)
    for sequence, body in times.anchors:
        if sequence < report.good:
            _anchor(sequence, body, judges, report, found)
    for name in files:
        _file(name, small_file(name), judges, report, found)
    if found.words:
        found.said += _quorums(judges.policy, found.words)
    found.said.sort(key=lambda one: (one.size, one.seconds))
    found.problems += times.contradicted(found.said)
    if found.unjudged:
        found.notes.append(
            f"{found.unjudged} anchor{'s are' if found.unjudged > 1 else ' is'} by outsiders whom you have not named "
            "(--policy for witnesses, --tsa-roots for time-stamp authorities)"
        )
    return found


def _outsiders(judges: Judges, report: Report, found: Evidence) -> Judges:
    """Return the reader's judges without such witnesses as sign for the log itself."""
    if judges.policy is None or report.state is None:
        return judges
    own = {public_bytes(signer.key) for signer in report.state.signers.signers}
    inside = [name for name, key in judges.policy.witnesses.items() if key.public in own]
    if not inside:
        return judges
    found.notes.append(f"no outsider, its key signs for the log itself: {', '.join(inside)}")
    left = {name: key for name, key in judges.policy.witnesses.items() if name not in inside}
    return judges._replace(policy=judges.policy._replace(witnesses=left))


def _anchor(sequence: int, body: AnchorBody, judges: Judges, report: Report, found: Evidence) -> None:
    text = checkpoint.body(report.state.origin if report.state else "", body.size, bytes.fromhex(body.root[7:]))
    if body.type is AnchorType.COSIGNED:
        try:
            known = _heard(note.parse(body.evidence), body.size, sequence, judges, found)
        except FormatError as error:  # a witness's mistake, or a forger's in its name: no fault of the log's
            found.notes.append(f"anchor {sequence} proves nothing to you: it holds {error}")
            return
        found.unjudged += not known
    elif body.type is AnchorType.RFC3161:
        _stamped(sequence, body, text.encode(), judges, found)


def _heard(given: note.Note, size: int, entry: int | None, judges: Judges, found: Evidence) -> bool:
    """Take down what the reader's witnesses say by a note; False where none of them says anything."""
    times = judges.policy.cosigned(given, verified) if judges.policy else {}
    found.words += (Word(name, size, seconds, entry) for name, seconds in times.items())
    return bool(times)


def _quorums(policy: Policy | None, words: list[Word]) -> Iterator[Said]:
    """Return for each size the first moment at which enough witnesses had seen that many entries, in one note or in several."""
    for size in sorted({word.size for word in words}):
        # Who saw more entries saw these.
        first: dict[str, Word] = {}
        for word in sorted((word for word in words if word.size >= size), key=lambda word: word.seconds):
            first.setdefault(word.witness, word)
        there: list[Word] = []
        for word in first.values():
            there.append(word)
            names = frozenset(one.witness for one in there)
            if policy is not None and policy.met(names):
                entries = [one.entry for one in there]
                entry = max((one for one in entries if one is not None), default=None) if None not in entries else None
                yield Said(AnchorType.COSIGNED, size, word.seconds, tuple(sorted(names)), entry)
                break


def _stamped(sequence: int, body: AnchorBody, message: bytes, judges: Judges, found: Evidence) -> None:
    from envgit.timestamps import Untrusted, is_over

    try:
        answer = b64decode(body.evidence, validate=True)
        why = "" if is_over(answer, message) else "a token over another checkpoint"
    except ValueError:
        why = "no base64"
    except Untrusted as error:
        why = str(error)
    if why:
        found.problems.append(Problem(Code.FALSE_ANCHOR, sequence, f"anchor {sequence} holds {why}"))
        return
    if judges.authorities is None:
        found.unjudged += 1
        return
    try:
        token = judges.authorities.judge(answer, message, body.certificates)
    except Untrusted as error:
        found.notes.append(f"anchor {sequence} proves nothing to you: {error}")
        return
    found.said.append(Said(AnchorType.RFC3161, body.size, token.seconds, (token.authority,), sequence))


def _file(name: str, data: bytes, judges: Judges, report: Report, found: Evidence) -> None:
    if data.startswith(b"\x30"):  # DER
        _token_file(name, data, judges, report, found)
        return
    try:
        given = note.parse(data)
        said = note.checkpoint(given.text)
        known = _heard(given, said.size, None, judges, found)
    except FormatError as error:
        raise UsageError(f"{name} is no evidence: {error}") from None
    if report.state is None or said.origin != report.state.origin:
        raise UsageError(f"{name} speaks of another log, {said.origin[:80]!r}")
    if said.size == 0:
        raise UsageError(f"{name} is of no entry at all")
    if not known and not _by_the_log(given, report):
        raise UsageError(f"{name} is signed neither by this log nor by a witness of yours (--policy)")
    heard = [word for word in found.words if word.entry is None and word.size == said.size] if known else []
    who = ", ".join(word.witness for word in heard) or "the log itself"
    when = f" at {rfc3339(heard[0].seconds)}" if heard else ""
    if said.size > report.entries:
        detail = f"{name}: {who} saw {said.size} entries{when}, the branch has {report.entries}"
        found.problems.append(Problem(Code.ROLLED_BACK, None, detail))
    elif said.size <= report.good and report.root_at(said.size) != said.root:
        detail = f"{name}: {who} saw other entries{when}: its first {said.size} have another root"
        found.problems.append(Problem(Code.FORKED, said.size - 1, detail))


def _by_the_log(given: note.Note, report: Report) -> bool:
    signers = report.state.signers.signers if report.state else ()
    origin = report.state.origin if report.state else ""
    keys = [note.NoteKey(origin, note.ED25519, public_bytes(signer.key)) for signer in signers]
    return any(note.signed_by(given, key, verified) for key in keys)


def _token_file(name: str, data: bytes, judges: Judges, report: Report, found: Evidence) -> None:
    from envgit.timestamps import Untrusted, imprint_of

    if judges.authorities is None:
        raise UsageError(f"{name} is a time-stamp token: name the authority's certificates with --tsa-roots")
    try:
        wanted = imprint_of(data)
        origin = report.state.origin if report.state else ""
        texts = (
            (size, checkpoint.body(origin, size, report.root_at(size)).encode()) for size in range(1, report.good + 1)
        )
        place = next(((size, text) for size, text in texts if sha256(text).digest() == wanted), None)
        if place is None:
            detail = (
                f"{name}: a time-stamp token over no state of this log; it is another log's, or this log was another"
            )
            found.problems.append(Problem(Code.FORKED, None, detail))
            return
        token = judges.authorities.judge(data, place[1])
    except Untrusted as error:
        raise UsageError(f"{name} is no evidence: {error}") from None
    found.said.append(Said(AnchorType.RFC3161, place[0], token.seconds, (token.authority,), None))
