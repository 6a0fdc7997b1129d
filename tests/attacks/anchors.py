"""Attacks on anchors, and attacks that only a witness or a time-stamp authority gives away."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from envgit.audit import checkpoint, note
from envgit.audit import commit as commits
from envgit.audit.entry import AnchorBody, AnchorType
from envgit.model import Digest
from envgit.signing import SigningKey
from tests.audit.chain import HARDWARE, OTHER_KEY
from tests.kit.authority import Authority
from tests.kit.values import replace

from .branch import truncate_both
from .case import Case
from .scene import Scene
from .thief import other_past
from .world import KEY, MALLORY, at

WHO = "anchors"
THIEF = "with the stolen key"
KEYLESS = "without the key"


def witness(key: SigningKey, name: str = "witness.example/w") -> note.NoteKey:
    """Return the key of a witness."""
    return note.NoteKey(name, note.COSIGNATURE, key.public)


ONE, TWO = (OTHER_KEY, witness(OTHER_KEY)), (HARDWARE, witness(HARDWARE, "witness.example/x"))
STRANGER = (MALLORY, witness(MALLORY, "witness.example/m"))
ONE_OF_ONE = f"witness w {ONE[1].vkey}\nquorum w\n"
TWO_OF_TWO = f"witness w {ONE[1].vkey}\nwitness x {TWO[1].vkey}\ngroup g all w x\nquorum g\n"


def seconds(time: str) -> int:
    """Return a time in seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())


def text(scene: Scene, size: int, root: bytes = b"") -> str:
    """Return the checkpoint of the log's first `size` entries, or of as many others."""
    said = commits.signed_checkpoint(scene.raw(size - 1))
    assert said is not None
    return checkpoint.body(said[0], size, root or said[2])


def cosigned(words: str, *by: tuple[SigningKey, note.NoteKey], when: str) -> str:
    """Return a note that the log signed and witnesses cosigned."""
    log = note.NoteKey(words.split("\n")[0], note.ED25519, KEY.public)
    lines = [note.Line(log.name, log.id, KEY.sign(words.encode()))]
    for number, (key, name) in enumerate(by):
        message = note.cosigned_message(words, seconds(when) + number)
        lines.append(note.cosignature(name, seconds(when) + number, key.sign(message)))
    return note.joined(words, tuple(lines))


def policy(scene: Scene, rules: str = ONE_OF_ONE) -> None:
    """Let the reader trust some witnesses."""
    file = scene.folder / "policy"
    file.write_text(rules)
    scene.words += ["--policy", str(file)]


def evidence(scene: Scene, data: bytes | str, name: str = "evidence") -> None:
    """Let the reader have a note or a token at hand."""
    file = scene.folder / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    scene.words += ["--evidence", str(file)]


def anchor(scene: Scene, kind: AnchorType, held: str, size: int = 8, when: str = "", root: bytes = b"") -> None:
    """Append an anchor, signed by the log."""
    said = commits.signed_checkpoint(scene.raw(size - 1))
    assert said is not None
    body = AnchorBody(size, Digest(f"sha256:{(root or said[2]).hex()}"), kind, held)
    scene.append(scene.next(body, "anchor", recorded_at=when or at(12)))


# Witnesses.


def _witnessed(attack: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Let a witness cosign the good log, and the reader have the note, before the attack."""

    def attacked(scene: Scene) -> None:
        policy(scene)
        evidence(scene, cosigned(text(scene, 8), ONE, when=at(8)))
        attack(scene)

    return attacked


def _kept_anchor(scene: Scene) -> None:
    """Sign the log anew with another past, and keep the anchor that it had."""
    anchor(scene, AnchorType.COSIGNED, cosigned(text(scene, 8), ONE, when=at(8)))
    other_past(scene)


def _backdated(scene: Scene) -> None:
    """Append an entry as if it had been recorded before the anchor under it."""
    policy(scene)
    held = cosigned(text(scene, 8), ONE, when=at(12))
    last = scene.entries[-1]
    anchor(scene, AnchorType.COSIGNED, held)
    scene.repo.write("README.md", "# Platform\n")
    head = scene.repo.commit("Words")
    source = replace(last.body.source, commit=head, previous=last.body.source.commit)
    scene.append(scene.next(replace(last.body, source=source, files=()), "change", recorded_at=at(9)))


def _future(scene: Scene) -> None:
    """Say of the newest entry that it is recorded tomorrow; the witness sees it today."""
    entry = replace(scene.entries[7], recorded_at=at(40))
    line = scene.line(7)
    scene.point(line.put(entry))
    scene.oids[7] = line.tip  # type: ignore[call-overload]
    policy(scene)
    evidence(scene, cosigned(text(scene, 8), ONE, when=at(8)))


def _held(*by: tuple[SigningKey, note.NoteKey], rules: str = ONE_OF_ONE) -> Callable[[Scene], None]:
    """Anchor a note with these cosignatures."""

    def attack(scene: Scene) -> None:
        policy(scene, rules)
        anchor(scene, AnchorType.COSIGNED, cosigned(text(scene, 8), *by, when=at(11)))

    return attack


def _stranger_file(scene: Scene) -> None:
    """Offer a note that a stranger cosigned, and the log did not sign."""
    policy(scene)
    words = text(scene, 8)
    message = note.cosigned_message(words, seconds(at(11)))
    line = note.cosignature(STRANGER[1], seconds(at(11)), MALLORY.sign(message))
    evidence(scene, note.joined(words, (line,)))


def _false_cosignature(scene: Scene) -> None:
    """Anchor a note that names the witness over a signature that is not its own."""
    policy(scene)
    anchor(scene, AnchorType.COSIGNED, cosigned(text(scene, 8), (MALLORY, ONE[1]), when=at(11)))


def _other_root(scene: Scene) -> None:
    policy(scene)
    evidence(scene, cosigned(text(scene, 8, b"\1" * 32), ONE, when=at(8)))


def _other_root_held(scene: Scene) -> None:
    held = cosigned(text(scene, 8, b"\1" * 32), ONE, when=at(8))
    anchor(scene, AnchorType.COSIGNED, held, root=b"\1" * 32)


def _other_note_held(scene: Scene) -> None:
    anchor(scene, AnchorType.COSIGNED, cosigned(text(scene, 4), ONE, when=at(8)))


def _stale(scene: Scene) -> None:
    """Show the log as it once was, with the cosignature that it had then, to one who wants a sign of life."""
    policy(scene)
    evidence(scene, cosigned(text(scene, 5), ONE, when=at(5)))
    truncate_both(scene)
    scene.words += ["--max-age", "1.week"]


# Time-stamps.


def now() -> str:
    """Return the time, as the authority's clock has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _trusting(scene: Scene, roots: Path) -> None:
    scene.words += ["--tsa-roots", str(roots)]


def _stamped(attack: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Let an authority stamp the good log, and the reader have the token, before the attack."""

    def attacked(scene: Scene) -> None:
        authority = Authority(scene.folder / "tsa")
        _trusting(scene, authority.roots)
        evidence(scene, authority.token(text(scene, 8).encode()))
        attack(scene)

    return attacked


def _token(scene: Scene, authority: Authority, message: str = "") -> None:
    data = authority.token((message or text(scene, 8)).encode())
    anchor(scene, AnchorType.RFC3161, b64encode(data).decode(), when=now())


def _other_checkpoint(scene: Scene) -> None:
    _token(scene, Authority(scene.folder / "tsa"), text(scene, 5))


def _other_checkpoint_file(scene: Scene) -> None:
    authority = Authority(scene.folder / "tsa")
    _trusting(scene, authority.roots)
    evidence(scene, authority.token(text(scene, 8, b"\1" * 32).encode()))


def _other_authority(scene: Scene) -> None:
    _trusting(scene, Authority(scene.folder / "tsa").roots)
    _token(scene, Authority(scene.folder / "other"))


def _other_authority_file(scene: Scene) -> None:
    _trusting(scene, Authority(scene.folder / "tsa").roots)
    evidence(scene, Authority(scene.folder / "other").token(text(scene, 8).encode()))


def _certified(**how: object) -> Callable[[Scene], None]:
    """Anchor a token by an authority whose certificate is as said, under a root that the reader trusts."""

    def attack(scene: Scene) -> None:
        authority = Authority(scene.folder / "tsa", **how)  # type: ignore[arg-type]
        _trusting(scene, authority.roots)
        _token(scene, authority)

    return attack


def _rotated(*, pinned: bool) -> Callable[[Scene], None]:
    """Anchor a token by a certificate that was replaced since; `pinned` is to trust its successor by name."""

    def attack(scene: Scene) -> None:
        old = Authority(scene.folder / "tsa")
        new = Authority(scene.folder / "successor", like=old)
        _token(scene, old)
        roots = scene.folder / "trusted.pem"
        roots.write_bytes(new.roots.read_bytes() + (new.leaf if pinned else b""))
        _trusting(scene, roots)

    return attack


def _unjudged(scene: Scene) -> None:
    """Ask for level C without naming the authority that stamped the log."""
    _token(scene, Authority(scene.folder / "tsa"))
    scene.words += ["--require", "C"]


A = "0, level A"
CASES = (
    Case(21, "log and main are cut off together, after a witness saw them", KEYLESS, "witness",
         _witnessed(truncate_both), "rolled-back", 1, without=A),
    Case(21, "log and main are cut off together, after a time-stamp", KEYLESS, "time-stamp", _stamped(truncate_both),
         "forked", 1, without=A),
    Case(26, "an entry edited and all signed anew, after a witness saw it", THIEF, "witness", _witnessed(other_past),
         "forked", 1, without=A),
    Case(26, "the same, and the anchor is kept", THIEF, "", _kept_anchor, "false-anchor", 1),
    Case(27, "an entry edited and all signed anew, after a time-stamp", THIEF, "time-stamp", _stamped(other_past),
         "forked", 1, without=A),
    Case(28, "an entry is recorded as if before the anchor under it", THIEF, "witness", _backdated, "false-time", 1,
         without=A),
    Case(29, "an entry is recorded as if in the future", THIEF, "witness", _future, "false-time", 1, without=A),
    Case(56, "a token over another checkpoint is anchored", WHO, "", _other_checkpoint, "false-anchor", 1),
    Case(56, "a token over another log's checkpoint is at hand", WHO, "time-stamp", _other_checkpoint_file, "forked", 1,
         without=A),
    Case(57, "another authority's token is anchored", WHO, "time-stamp", _other_authority, "", 0, level="A", without=A),
    Case(57, "another authority's token is offered", WHO, "time-stamp", _other_authority_file, "", 2, without=A),
    Case(58, "the authority's certificate had expired", WHO, "time-stamp", _certified(begins=-900, ends=-400), "", 0,
         level="A", without=A),
    Case(58, "the authority's certificate was not valid yet", WHO, "time-stamp", _certified(begins=400), "", 0,
         level="A", without=A),
    Case(58, "the certificate is not one for time-stamps", WHO, "time-stamp", _certified(purpose=False), "", 0,
         level="A", without=A),
    Case(59, "no attack: the authority's certificate was replaced since", WHO, "time-stamp", _rotated(pinned=False), "",
         0, level="C", without=A),
    Case(59, "a certificate that the reader does not name", WHO, "time-stamp", _rotated(pinned=True), "", 0, level="A",
         without=A),
    Case(60, "a witness whom the reader does not know", WHO, "witness", _held(STRANGER), "", 0, level="A", without=A),
    Case(60, "a stranger's cosignature is offered", WHO, "witness", _stranger_file, "", 2, without=A),
    Case(60, "one witness twice, where two are asked for", WHO, "witness", _held(ONE, ONE, rules=TWO_OF_TWO), "", 0,
         level="A", without=A),
    Case(60, "no attack: both witnesses, where two are asked for", WHO, "witness", _held(ONE, TWO, rules=TWO_OF_TWO), "",
         0, level="C", without=A),
    Case(60, "a witness's name over a signature that is not its own", WHO, "witness", _false_cosignature,
         "", 0, level="A", without=A),
    Case(61, "a witness saw as many entries, and others", WHO, "witness", _other_root, "forked", 1, without=A),
    Case(61, "an anchor for as many entries, and others", WHO, "", _other_root_held, "false-anchor", 1),
    Case(61, "an anchor whose note is of another size", WHO, "", _other_note_held, "false-anchor", 1),
    Case(63, "an old cosignature for a log that was cut off", WHO, "witness", _stale, "", 4, level="C", without=A),
    Case(73, "the authority is not named, and level C is asked for", "the verifier's machine", "time-stamp", _unjudged,
         "", 4, level="A", without=A),
)  # fmt: skip
