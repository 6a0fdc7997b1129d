"""Run the real sops in a folder with a given age key; keys are made when the tests run, and protect nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyrage

from envgit.model import Rules

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Key:
    """An age identity and its recipient."""

    identity: str
    recipient: str


def new_key() -> Key:
    """Make an identity."""
    made = pyrage.x25519.Identity.generate()
    return Key(str(made), str(made.to_public()))


def program() -> str:
    """Return the real sops: beside the Python that runs the tests, else on the PATH."""
    beside = Path(sys.executable).parent / "sops"
    found = str(beside) if beside.exists() else shutil.which("sops")
    if found is None:
        raise RuntimeError("the tests need the real sops: install requirements/dev.txt")
    return found


class Sops:
    """The real sops, run in `folder` with `key` as its one identity."""

    def __init__(self, folder: Path, key: Key | None = None) -> None:
        self.folder = folder
        self.key = key or new_key()

    def run(self, *words: str, given: str | None = None, editor: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command and return what came of it, whether it succeeded or not."""
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder / ".no-home"),
            "SOPS_DISABLE_VERSION_CHECK": "1",
            "SOPS_AGE_KEY": self.key.identity,
        } | ({"SOPS_EDITOR": editor} if editor else {})
        data = given.encode() if given is not None else None
        return subprocess.run(
            [program(), *words],
            cwd=self.folder,
            env=environ,
            input=data,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )

    def ok(self, *words: str, given: str | None = None, editor: str = "") -> bytes:
        """Run a command that has to succeed and return its output."""
        done = self.run(*words, given=given, editor=editor)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def encrypt(
        self, text: str, rules: Rules | None = None, *, recipients: tuple[str, ...] = (), name: str = "env.yaml"
    ) -> bytes:
        """Return a text encrypted for this key, and for others; what sops refuses is an assertion."""
        (self.folder / name).write_text(text, encoding="utf-8")
        options = ["--encrypt", "--age", ",".join((self.key.recipient, *recipients))]
        if rules is not None:
            options += [f"--{rules.field.replace('_', '-')}", rules.pattern]
            options += ["--mac-only-encrypted"] if rules.mac_only_encrypted else []
        return self.ok(*options, name)

    def json(self, data: bytes, name: str = "sealed.yaml") -> object:
        """Return the plaintext of an encrypted file as sops tells it in JSON."""
        (self.folder / name).write_bytes(data)
        return json.loads(self.ok("decrypt", "--output-type", "json", name))

    def json_if_accepted(self, data: bytes, name: str = "sealed.yaml") -> object | None:
        """Return what `json` does, None where sops refuses the file."""
        (self.folder / name).write_bytes(data)
        done = self.run("decrypt", "--output-type", "json", name)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def accepts(self, data: bytes, name: str = "sealed.yaml") -> bool:
        """Tell whether sops decrypts a file, its MAC with it."""
        (self.folder / name).write_bytes(data)
        return self.run("decrypt", name).returncode == 0

    def set(self, data: bytes, index: str, value: object, name: str = "sealed.yaml") -> bytes:
        """Return the file after `sops set`, with an index such as `["a"]["b"]`."""
        (self.folder / name).write_bytes(data)
        self.ok("set", name, index, json.dumps(value))
        return (self.folder / name).read_bytes()

    def edit(self, data: bytes, editor: str, name: str = "sealed.yaml") -> bytes:
        """Return the file after `sops edit` with a shell command as editor, given the path behind it."""
        (self.folder / name).write_bytes(data)
        self.ok("edit", name, editor=editor)
        return (self.folder / name).read_bytes()

    def rotate(self, data: bytes, *words: str, name: str = "sealed.yaml") -> bytes:
        """Return the file under a new data key."""
        (self.folder / name).write_bytes(data)
        self.ok("rotate", "--in-place", *words, name)
        return (self.folder / name).read_bytes()

    def updatekeys(self, data: bytes, recipients: tuple[str, ...], name: str = "sealed.yaml") -> bytes:
        """Return the file for exactly these recipients."""
        (self.folder / name).write_bytes(data)
        (self.folder / ".sops.yaml").write_text(f"creation_rules:\n  - age: {','.join(recipients)}\n")
        try:
            self.ok("updatekeys", "--yes", name)
        finally:
            (self.folder / ".sops.yaml").unlink()
        return (self.folder / name).read_bytes()
