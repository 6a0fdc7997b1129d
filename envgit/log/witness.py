"""Own the witness: it verifies another owner's log, holds it against what it saw last, and cosigns what it sees now.

What it saw is one file a log in a directory of its own repository. Look, judgement and writing are one step under a lock: two at once
could else be led back to an older state.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envgit.audit import checkpoint, note
from envgit.audit.canonical import FormatError
from envgit.audit.problems import Code, Problem
from envgit.audit.verify import Report, StoredObjects, verify_log
from envgit.errors import CannotTell, UsageError
from envgit.git.mirror import mirrored
from envgit.model import Digest, ObjectId
from envgit.signing import SigningKey, verified

LATEST = "checkpoint"


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns: a name, as a rule the address of the witness's repository, and a key."""

    name: str
    key: SigningKey

    @property
    def note_key(self) -> note.NoteKey:
        """The key as notes have it."""
        return note.NoteKey(self.name, note.COSIGNATURE, self.key.public)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a witness found: `size` is what it saw now, `before` what it saw last, None at its first look."""

    size: int
    before: int | None
    problems: tuple[Problem, ...]
    path: Path
    newer_from: int | None = None


def witnessed(url: str, branch: str, genesis: Digest, store: Path, witness: Witness, seconds: int) -> Witnessed:
    """Fetch a log, verify it whole, compare, and keep the cosigned checkpoint in `store`; `seconds` is the time, since 1970.

    Nothing is kept where anything is wrong, but for the evidence of it. Raise CannotTell where the log cannot be had.
    """
    with _locked(store), mirrored(url, f"refs/heads/{branch}") as (repo, tip):
        # By what the log is, however its address is spelled today: another log has another genesis.
        directory = store / genesis.partition(":")[2][:16]
        path = directory / LATEST
        last = _last(path, witness)
        report = verify_log(
            StoredObjects(repo.raw, repo.size),
            ObjectId(tip),
            verified,
            root_at=last.size if last else None,
        )
        problems = (*report.problems, *_against(genesis, last, report))
        before = last.size if last else None
        if problems or report.state is None or report.newer_from is not None:
            if last is not None and any(problem.code in (Code.FORKED, Code.ROLLED_BACK) for problem in problems):
                _keep(directory / f"conflict-{tip[:12]}.txt", repo.raw(ObjectId(tip))[1].decode("utf-8", "replace"))
            return Witnessed(report.entries, before, problems, path, report.newer_from)
        text = checkpoint.body(report.state.origin, report.state.size, report.state.root)
        signature = witness.key.sign(note.cosigned_message(text, seconds))
        _keep(path, note.joined(text, (note.cosignature(witness.note_key, seconds, signature),)))
    return Witnessed(report.entries, before, (), path)


def _against(genesis: Digest, last: note.Checkpoint | None, report: Report) -> Iterator[Problem]:
    if report.genesis is not None and report.genesis != genesis:
        yield Problem(
            Code.WRONG_GENESIS, 0, f"the log begins with {report.genesis[:15]}…, and you named {genesis[:15]}…"
        )
    if last is None:
        return
    if report.state is not None and report.state.origin != last.origin:
        yield Problem(Code.WRONG_ORIGIN, 0, "the log has another origin than the one that this witness saw")
    if report.entries < last.size:
        detail = f"this witness saw {last.size} entries, the branch now has {report.entries}"
        yield Problem(Code.ROLLED_BACK, None, detail)
    elif report.good >= last.size and report.root_then != last.root:
        yield Problem(Code.FORKED, last.size - 1, f"the first {last.size} entries are others than this witness saw")


def _last(path: Path, witness: Witness) -> note.Checkpoint | None:
    """Return what this witness saw last; raise CannotTell where what is kept is not its own: then nothing is known."""
    try:
        found = note.parse(path.read_bytes())
        why = "" if note.cosigned_at(found, witness.note_key, verified) else "a note that this key did not cosign"
        last = note.checkpoint(found.text)
    except FileNotFoundError:
        return None
    except (OSError, FormatError) as error:
        why = str(error.strerror if isinstance(error, OSError) else error)
    if why:
        raise CannotTell(
            f"{path} is not what this witness kept ({why}); its repository's history has the last that was"
        )
    return last


def _keep(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    name = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise CannotTell(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    if not store.is_dir():
        raise UsageError(f"{store} is no directory: name the one in which this witness keeps what it saw")
    try:
        lock = (store / ".lock").open("a")
    except OSError as error:
        raise CannotTell(f"cannot write in {store}: {error.strerror}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
