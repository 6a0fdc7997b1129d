"""Own the lock that lets one writer of a log run at a time in a repository; other machines are kept out by the ref itself."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envgit.errors import LogError, RepositoryError
from envgit.git.objects import Objects, reason


@contextmanager
def locked(repo: Objects, audit_branch: str) -> Iterator[None]:
    """Hold the lock for one log; raise LogError, naming the process that holds it, where somebody else does.

    The lock is the kernel's and goes with the process, however it ends: a file that is left behind locks nobody out.
    """
    path = repo.common_dir / "envgit" / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', audit_branch)}.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        # A link would lead the process's number into a file elsewhere; a pipe has nobody at its other end.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise RepositoryError(f"cannot write to {path.parent}: {reason(error)}; nothing was recorded") from None
    try:
        _acquire(file, path)
        yield
    finally:
        os.close(file)


def _acquire(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LogError(f"another envgit{_holder(file)} writes this log; wait for it and run this again") from None
    except OSError as error:
        raise RepositoryError(f"cannot lock {path}: {reason(error)}; nothing was recorded") from None
    try:
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
    except OSError:
        # Who holds it is a courtesy to the next: on a full disk the lock holds all the same.
        return


def _holder(file: int) -> str:
    try:
        text = os.pread(file, 20, 0).decode("ascii", "replace").strip()
    except OSError:
        return ""
    return f" (process {text})" if text.isdigit() else ""
