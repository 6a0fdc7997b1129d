"""Own what this machine remembers of a log: how long it was, and its root, when it was last seen sound.

A pin lies outside every repository, under the user's state directory, and is keyed by what the user named: the remote's address,
or the repository's own path where there is none. It only ever moves forward; a log that is begun anew here leaves the old one's beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TextIO

from envgit.errors import CannotTell
from envgit.git.repository import Repository
from envgit.model import CommitId, Digest

MAX_BYTES = 64 * 1024
LOCK_SECONDS = 10
LOCK_PAUSE = 0.02
_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Checked:
    """What `verify` found sound: so many entries with this root in hex, the newest in `commit`; `covered` commits had their entry.

    `judges` is the digest of the witnesses and authorities by whose word it was held against time.
    """

    commit: str
    size: int
    root: str
    covered: int
    judges: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """A log as it was when this machine last saw it sound: its genesis, `size` entries, and their Merkle root in hex.

    `level` and `trust` are what `verify` reached then; empty where `record` or `init` wrote the pin. From `checked` on `verify`
    goes on; `record` sees more, and checks less.
    """

    genesis: Digest
    size: int
    root: str
    seen_at: str
    level: str = ""
    trust: str = ""
    checked: Checked | None = None


class Pins:
    """The pin of one log."""

    __slots__ = ("_file", "directory")

    def __init__(self, environ: Mapping[str, str], home: Path, named: str) -> None:
        """`named` is what the user calls the repository; two names never share a pin."""
        state = environ.get("XDG_STATE_HOME", "")
        base = Path(state) if state.startswith("/") else home / ".local" / "state"
        label = _SAFE.sub("-", named).strip("-.")[-60:] or "log"
        self.directory = (
            base / "envgit" / f"{label}-{sha256(named.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
        )
        self._file = self.directory / "pin.json"

    def read(self) -> Pin | None:
        """Return the pin, None where this machine has seen nothing yet; raise CannotTell where the file is not one."""
        try:
            if not self._file.is_file():  # a FIFO would never end
                return self._broken() if self._file.is_symlink() or self._file.exists() else None
            with self._file.open(encoding="utf-8") as file:
                found = json.loads(file.read(MAX_BYTES))
            return _made(found) if _sound(found) else self._broken()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, RecursionError):
            return self._broken()

    def advance(self, pin: Pin) -> None:
        """Store a pin unless a longer log of the same genesis was seen meanwhile."""
        with self._locked():
            known = self.read()
            if known is not None and known.genesis == pin.genesis and known.size > pin.size:
                return  # a longer one was seen meanwhile, by another process
            self._write(json.dumps(asdict(pin), indent=1) + "\n")

    def begin(self, pin: Pin) -> None:
        """Store the pin of a log that was begun here; what was known of another under this name is kept beside it."""
        known = self.read()
        if known is not None and known.size > 1:
            self.keep_evidence(f"pin-of-{known.size}-entries.json", json.dumps(asdict(known), indent=1) + "\n")
        with self._locked():
            self._write(json.dumps(asdict(pin), indent=1) + "\n")

    def keep_evidence(self, name: str, text: str) -> Path:
        """Write what proves a fork beside the pin and return its path; what is there already is never replaced."""
        path = self.directory / name
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with path.open("x") as file:
                file.write(text)
        except FileExistsError:
            pass
        except OSError as error:
            raise CannotTell(f"cannot keep evidence in {self.directory}: {error.strerror}") from None
        return path

    def _broken(self) -> Pin:
        raise CannotTell(f"{self._file} cannot be read as a pin; move it away if you know why, and verify again")

    def _write(self, text: str) -> None:
        name = ""
        try:
            handle, name = tempfile.mkstemp(dir=self.directory, prefix=".pin-")
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._file)
        except OSError as error:
            if name:
                Path(name).unlink(missing_ok=True)
            raise CannotTell(f"cannot write the pin in {self.directory}: {error.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            # Not to wait for a reader where the path is a pipe.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK
            lock = os.fdopen(os.open(self.directory / "lock", flags, 0o644), "w")
        except OSError as error:
            raise CannotTell(f"cannot write the pin in {self.directory}: {error.strerror}") from None
        with lock:
            self._acquire(lock)
            yield

    def _acquire(self, lock: TextIO) -> None:
        until = monotonic() + LOCK_SECONDS
        while not _taken(lock):
            if monotonic() > until:
                raise CannotTell(f"another process holds {self.directory / 'lock'} and does not go on")
            sleep(LOCK_PAUSE)


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def worth_pinning(repo: Repository, remote: str | None, audit_branch: str, tip: CommitId | None) -> bool:
    """Tell whether a tip may be remembered: what only this clone has, and another writer may yet replace, must not be."""
    there = repo.ref(f"refs/remotes/{remote}/{audit_branch}") if remote else None
    return tip is not None and (there is None or repo.is_ancestor(tip, CommitId(there)))


def _sound(found: object) -> bool:
    return (
        isinstance(found, dict)
        and type(found.get("size")) is int
        and found["size"] > 0
        and all(isinstance(found.get(key), str) for key in ("genesis", "root", "seen_at"))
        and re.fullmatch(r"[0-9a-f]{64}", found["root"]) is not None
        and (found.get("checked") is None or _sound_checked(found["checked"]))
    )


def _sound_checked(found: object) -> bool:
    return (
        isinstance(found, dict)
        and all(type(found.get(key)) is int and found[key] >= 0 for key in ("size", "covered"))
        and re.fullmatch(r"[0-9a-f]{64}", str(found.get("root"))) is not None
        and re.fullmatch(r"[0-9a-f]{40}", str(found.get("commit"))) is not None
        and isinstance(found.get("judges", ""), str)
    )


def _made(found: dict[str, Any]) -> Pin:
    checked = found.pop("checked", None)
    return Pin(**found, checked=Checked(**checked) if checked else None)
