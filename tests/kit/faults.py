"""Run envgit in processes of their own that are killed, or refused by the system, at one chosen point where something leaves them.

A point is a moment before or after an object, a ref, a file or a program: every write that libgit2 is asked for, every git, and
whatever else Python tells its audit hooks of. This module is also the program that does it: it imports envgit once, and forks.
"""

from __future__ import annotations

import base64
import errno
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CANARY = (
    "canary-value"  # part of every value; in clear, in hex, and in base64 wherever it may begin, it leaves these traces
)
TRACES = (
    CANARY.encode(),
    CANARY.encode().hex().encode(),
    *(base64.b64encode(b" " * shift + CANARY.encode())[4 * bool(shift) : -4] for shift in range(3)),
)
TIME = "2026-11-23T20:00:07Z"
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "interrupt": signal.SIGINT}
# The bytes that a file of git's may have where the disk is full: nothing of use fits.
NOTHING = 16
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate", "tempfile.mkstemp")
# A disk that takes no more refuses none of these.
_OTHERS = (
    *("os.remove", "os.rmdir", "os.chmod", "fcntl.flock"),
    *("subprocess.Popen", "os.posix_spawn", "os.system", "os.exec", "socket.connect"),
)


def traces(data: bytes) -> list[bytes]:
    """Return what of a value stands in data."""
    return [trace for trace in TRACES if trace in data]


def hold_no_value(*folders: Path) -> None:
    """Look through every file as it is, and through every object of every repository as git gives it."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert traces(path.read_bytes()) == [], path
            elif path.name == "objects":
                words = ["git", "--git-dir", str(path.parent), "cat-file", "--batch-all-objects", "--batch"]
                assert traces(subprocess.run(words, capture_output=True, check=True).stdout) == [], path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; a signal is its number, negative. `points` are those that it came by, the last one last."""

    status: int
    out: str
    err: str
    points: tuple[str, ...]

    @property
    def said(self) -> list[str]:
        """The lines on stderr that are no warning."""
        return [line for line in self.err.splitlines() if not line.startswith("warning: ")]


class Starter:
    """A process that has envgit ready and forks a run whenever it is asked to."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.kit.faults"],
            cwd=ROOT,
            env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, directory: Path, *words: str, **how: Any) -> Ended:
        """Run a command.

        `fault` and `at`: the signal that ends it at a point, counted from 1, or the error that every write meets from there on,
        `once`: that one alone.
        `limit`: no file of it grows beyond so many bytes; `fatal`: to try is the end of it. `batch`, `loose`: when entries are flushed,
        and beyond how many objects by a pack. `environ`: variables that it gets besides.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"directory": str(directory), "words": words, **how}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        return Ended(found["status"], found["out"], found["err"], tuple(found["points"]))

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


class _Points:
    """The points of a run: each is written down as it is come by, and at one of them the fault strikes."""

    def __init__(self, told: int, fault: str, at: int, once: bool) -> None:
        self.told = told
        self.fault = fault
        self.at = at
        self.once = once
        self.count = 0
        self.write = os.write  # Python's own: the one that others see is watched

    def come(self, name: str, when: str = "before", *, refusable: bool = True) -> None:
        """Come by a point; raise the error that the system would."""
        self.count += 1
        self.write(self.told, f"{when} {name}\n".encode())
        if self.count == self.at and self.fault in SIGNALS:
            os.kill(os.getpid(), SIGNALS[self.fault])
        if refusable and when == "before" and self.full:
            number = getattr(errno, self.fault)
            raise OSError(number, os.strerror(number))

    @property
    def full(self) -> bool:
        """Whether the system takes nothing here."""
        struck = self.count == self.at if self.once else self.count >= self.at > 0
        return struck and self.fault not in SIGNALS

    def around(self, name: str, call: Callable[..., Any], heed: Callable[..., bool] = lambda *_a, **_k: True) -> Any:
        """Return a function that comes by a point before and after `call`."""

        def watched(*given: Any, **named: Any) -> Any:
            if not heed(*given, **named):
                return call(*given, **named)
            self.come(name)
            result = call(*given, **named)
            self.come(name, "after")
            return result

        return watched

    def in_git(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function for libgit2, whose errors bring a text and no number."""
        watched = self.around(name, call)

        def told(*given: Any, **named: Any) -> Any:
            try:
                return watched(*given, **named)
            except OSError as error:
                raise OSError(f"failed to write {name}: {error.strerror}" if error.strerror else str(error)) from None

        return told

    def program(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Return `subprocess.run`, whose program is as badly off as we are: a real git that can really write nothing."""

        def watched(words: list[str], *given: Any, **named: Any) -> Any:
            name = next((word for word in words if word in ("fetch", "push", "ls-remote", "index-pack")), words[0])
            self.come(f"git {name}", refusable=False)
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            if self.full:
                resource.setrlimit(resource.RLIMIT_FSIZE, (NOTHING, limits[1]))
                # Python heeds no SIGXFSZ. Git, too, is to be told of an error, and not to die.
                named["restore_signals"] = False
            try:
                done = run(words, *given, **named)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self.come(f"git {name}", "after")
            return done

        return watched

    def heard(self, event: str, given: tuple[Any, ...]) -> None:
        """Hear what Python tells of."""
        if event == "open":
            path, _mode, flags = given
            # A number is what is open already, such as a pipe.
            if not isinstance(path, int) and flags & _WRITING and str(path) != os.devnull:
                self.come("open")
        elif event in _REFUSED:
            self.come(event)
        elif event in _OTHERS:
            self.come(event, refusable=False)


class _Watched:
    """Something of libgit2's, one method of which is watched."""

    def __init__(self, inner: Any, method: str, watched: Callable[..., Any]) -> None:
        self._inner = inner
        self.__dict__[method] = watched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _watch(points: _Points) -> None:
    """Put points before and after everything by which something leaves this process."""
    import pygit2

    odb, lookup = pygit2.Repository.odb, pygit2.Repository.lookup_reference

    def store(repo: Any) -> Any:
        found = odb.__get__(repo)
        return _Watched(found, "write", points.in_git("object", found.write))

    def reference(repo: Any, name: str) -> Any:
        found = lookup(repo, name)
        return _Watched(found, "set_target", points.in_git("ref", found.set_target))

    pygit2.Repository.odb = property(store)
    pygit2.Repository.lookup_reference = reference
    pygit2.Repository.create_reference = points.in_git("ref", pygit2.Repository.create_reference)
    subprocess.run = points.program(subprocess.run)
    os.write = points.around("write", os.write, lambda file, _data: stat.S_ISREG(os.fstat(file).st_mode))
    for name in ("fsync", "replace"):
        setattr(os, name, points.around(name, getattr(os, name)))
    sys.addaudithook(points.heard)


class _Clock:
    """A clock that stands still, so that two runs write the same."""

    @staticmethod
    def now(_zone: Any) -> Any:
        from datetime import datetime

        return datetime.fromisoformat(TIME)


def _set(module: str, name: str, value: Any) -> None:
    found = importlib.import_module(module)
    assert hasattr(found, name), f"{module} has no {name} any more"
    setattr(found, name, value)


def _run(asked: dict[str, Any], streams: tuple[int, int, int]) -> int:
    """Be the run: what comes back is its status."""
    from envgit.cli import main

    for number, stream in enumerate(streams[:2], 1):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.chdir(asked["directory"])
    os.environ.update(asked.get("environ", {}))
    _set("envgit.log.clock", "datetime", _Clock)
    _set("envgit.git.refs", "LOCK_PAUSE", 0.001)
    _set("envgit.beside", "possible", lambda: False)  # points are those of one process
    for name, module, constant in (
        ("batch", "envgit.log.recording", "BATCH"),
        ("loose", "envgit.git.objects", "LOOSE_AT_MOST"),
    ):
        if name in asked:
            _set(module, constant, asked[name])
    _watch(_Points(streams[2], asked.get("fault", ""), asked.get("at", 0), asked.get("once", False)))
    if asked.get("fatal"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if "limit" in asked:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["limit"], asked["limit"]))
    return main(list(asked["words"]))


def _forked(asked: dict[str, Any]) -> dict[str, Any]:
    pipes = [os.pipe() for _number in range(3)]
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = _run(asked, tuple(writing for _reading, writing in pipes))
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 -- the starter's own: what envgit raises on purpose is a status by now
            traceback.print_exc()
        finally:
            os._exit(status)
    for _reading, writing in pipes:
        os.close(writing)
    _child, ended = os.waitpid(child, 0)
    out, err, points = (_read(reading) for reading, _writing in pipes)
    return {"status": os.waitstatus_to_exitcode(ended), "out": out, "err": err, "points": points.splitlines()}


def _read(reading: int) -> str:
    """Return what is in a pipe, and wait for nobody: a program that outlives the run may hold the other end."""
    os.set_blocking(reading, False)
    found = b""
    try:
        while data := os.read(reading, 65536):
            found += data
    except BlockingIOError:
        pass
    os.close(reading)
    return found.decode("utf-8", "replace")


def _serve() -> None:
    import envgit

    for module in pkgutil.walk_packages(envgit.__path__, "envgit."):
        if module.name != "envgit.__main__":
            importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
