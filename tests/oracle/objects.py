"""Own where objects come from: a dict that holds them all, or a real repository that the git program reads."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.oracle.trees import object_id

Read = Callable[[str], tuple[str, bytes]]


class CannotTell(Exception):
    """An object is not here, or is damaged: neither good nor bad."""


def from_dict(objects: Mapping[str, tuple[str, bytes]]) -> Read:
    """Return a reader of objects in memory, which refuses one whose bytes are not what its name says."""

    def read(oid: str) -> tuple[str, bytes]:
        if oid not in objects or object_id(*objects[oid]) != oid:
            raise CannotTell(oid)
        return objects[oid]

    return read


class Repository:
    """A repository that is only ever read by the git program, without replacements."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._environ = {**os.environ, "GIT_NO_REPLACE_OBJECTS": "1"}
        self._running = subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=path,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._known: dict[str, tuple[str, bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.communicate()

    def read(self, oid: str) -> tuple[str, bytes]:
        """Return kind and bytes of an object."""
        if oid not in self._known:
            self._known[oid] = self._asked(oid)
        return self._known[oid]

    def _asked(self, oid: str) -> tuple[str, bytes]:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        if len(oid) != 40 or set(oid) - set("0123456789abcdef"):
            raise CannotTell(oid)
        self._running.stdin.write(oid.encode() + b"\n")
        self._running.stdin.flush()
        head = self._running.stdout.readline().split()
        if len(head) != 3:
            raise CannotTell(oid)
        data = self._running.stdout.read(int(head[2]))
        self._running.stdout.read(1)
        kind = head[1].decode()
        if object_id(kind, data) != oid:
            raise CannotTell(oid)
        return kind, data

    def git(self, *arguments: str, check: bool = True) -> bytes:
        """Return what git prints."""
        command = ["git", "-c", "core.quotePath=false", *arguments]
        done = subprocess.run(command, cwd=self.path, env=self._environ, capture_output=True, check=False)
        if check and done.returncode:
            raise CannotTell(done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def ref(self, name: str) -> str:
        """Return where a ref is, empty where it is not."""
        return self.git("rev-parse", "-q", "--verify", name, check=False).decode().strip()
