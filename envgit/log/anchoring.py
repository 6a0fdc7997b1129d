"""Own the anchors that are made here: a note of the log's own, what witnesses cosigned, and time-stamp tokens.

Whoever is asked may be down: that is said, and the rest is done.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envgit.audit import checkpoint, note
from envgit.audit.canonical import FormatError
from envgit.audit.entry import AnchorBody, AnchorType
from envgit.audit.merkle import tree_root
from envgit.errors import CannotTell, UsageError
from envgit.log.branch import Log
from envgit.log.judges import small_file
from envgit.log.record import Planned, Recorder
from envgit.log.recording import Recording, appended
from envgit.log.session import Session
from envgit.log.signer import required_key
from envgit.model import CommitId, Digest
from envgit.signing import SigningKey
from envgit.web import Unreachable, asked, named

QUERY = "application/timestamp-query"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask: addresses of time-stamp authorities, and files or addresses of notes that witnesses cosigned."""

    authorities: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def signed_note(key: SigningKey, origin: str, size: int, root: bytes) -> str:
    """Return the log's own note over a checkpoint."""
    text = checkpoint.body(origin, size, root)
    name = note.NoteKey(origin, note.ED25519, key.public)
    return note.joined(text, (note.Line(origin, name.id, key.sign(text.encode())),))


def anchored(run: Session, wanted: Asked, *, push: bool) -> tuple[Recording, tuple[str, ...]]:
    """Append anchors for the log as it stands; return what was recorded, and what could not be had."""
    key, _where = required_key(run)
    failed: dict[str, None] = {}

    def entries(recorder: Recorder, _head: CommitId) -> Iterator[Planned]:
        log = recorder.log
        size, root = log.size, log.state.root
        yield _anchor(AnchorType.NOTE, size, root, signed_note(key, log.state.origin, size, root))
        makers: list[tuple[str, Callable[[], Planned | None]]] = [
            *((url, lambda url=url: _stamped(url, log, size, root)) for url in wanted.authorities),
            *((name, lambda name=name: _cosigned(name, key, log, size)) for name in wanted.notes),
        ]
        for name, make in makers:
            try:
                planned = make()
            except CannotTell as error:
                failed[f"{named(name)}: {error}"] = None
                continue
            if planned is not None:
                yield planned

    done = appended(run, entries, push=push)
    return done, tuple(failed)


def _anchor(kind: AnchorType, size: int, root: bytes, evidence: str) -> Planned:
    return Planned("anchor", AnchorBody(size, Digest(f"sha256:{root.hex()}"), kind, evidence))


def _stamped(url: str, log: Log, size: int, root: bytes) -> Planned:
    from envgit.timestamps import answered, request

    message = checkpoint.body(log.state.origin, size, root).encode()
    question = request(message)
    answer = asked(url, question.data, QUERY)
    answered(answer, question, message)
    return _anchor(AnchorType.RFC3161, size, root, b64encode(answer).decode())


def _cosigned(name: str, key: SigningKey, log: Log, size: int) -> Planned | None:
    """Return the anchor for a note of witnesses, signed by the log as well; None where the log holds that very note."""
    try:
        given = note.parse(asked(name) if name.startswith(("http://", "https://")) else small_file(name))
        said = note.checkpoint(given.text)
    except FormatError as error:
        raise Unreachable(f"what is there is {error}") from None
    except UsageError as error:
        raise Unreachable(str(error)) from None
    if said.origin != log.state.origin:
        raise Unreachable(f"the note is of another log, {said.origin[:80]!r}")
    if said.size > size or said.root != tree_root(log.leaves(said.size)):
        raise CannotTell("the witness saw another log than this one; envgit verify --evidence says more")
    own = note.parse(signed_note(key, said.origin, said.size, said.root)).lines
    lines = [line for line in given.lines if line.name != said.origin]
    if not lines:
        raise Unreachable("the note is cosigned by nobody")
    evidence = note.joined(given.text, (*own, *lines))
    if any(
        kind is AnchorType.COSIGNED and _evidence(log, number) == evidence for kind, number in log.state.record.anchors
    ):
        return None
    return _anchor(AnchorType.COSIGNED, said.size, said.root, evidence)


def _evidence(log: Log, number: int) -> str:
    body = log.entry(number).body
    return body.evidence if isinstance(body, AnchorBody) else ""
