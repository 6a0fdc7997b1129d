"""Own the calls of the `age` program, for identities and recipients that pyrage cannot use.

An identity goes in by standard input and ciphertext by a temporary file: no private text touches a disk or an argument.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envgit.sops.armor import Stanza, stanzas

# A hardware key waits for a touch, a passphrase for a person.
SECONDS = 120
_NATIVE = frozenset({"X25519", "ssh-ed25519", "ssh-rsa", "scrypt"})
_PLUGIN = re.compile(r"age1([a-z0-9+._-]+)1[02-9ac-hj-np-z]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity for the program: its text, and the public half of an SSH key."""

    text: str = field(repr=False)
    ssh_public: str = ""

    def fits(self, header: Iterable[Stanza]) -> bool:
        """Tell whether an age file may be for this identity: a touch or a passphrase asked in vain helps nobody."""
        if self.ssh_public:
            kind, blob = self.ssh_public.split()
            mark = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()[:4]).decode().rstrip("=")
            return any(stanza[:2] == (kind, mark) for stanza in header)
        return any(stanza and stanza[0] not in _NATIVE and not stanza[0].endswith("-grease") for stanza in header)


class AgeProgram:
    """The `age` program as the environment finds it."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    @property
    def found(self) -> bool:
        """Whether the program is installed."""
        return self._which("age") is not None

    def knows(self, recipient: str) -> bool:
        """Tell whether the program can encrypt for a plugin's recipient: both it and the plugin are installed."""
        match = _PLUGIN.fullmatch(recipient)
        return match is not None and self.found and self._which(f"age-plugin-{match[1]}") is not None

    def decrypt(self, armored: str, identities: Iterable[Identity]) -> bytes | None:
        """Return the content of an age file by the first identity that opens it."""
        header = stanzas(armored)
        fitting = [identity for identity in identities if identity.fits(header)]
        if not fitting or (age := self._which("age")) is None:
            return None
        with tempfile.TemporaryDirectory(prefix="envgit-") as folder:
            path = Path(folder) / "data-key.age"
            path.write_text(armored)
            for identity in fitting:
                content = self._run([age, "--decrypt", "--identity", "-", str(path)], identity.text.encode() + b"\n")
                if content is not None:
                    return content
        return None

    def encrypt(self, content: bytes, recipients: Sequence[str]) -> str | None:
        """Encrypt for all recipients, None where the program fails."""
        age = self._which("age")
        if age is None:
            return None
        options = [word for recipient in recipients for word in ("--recipient", recipient)]
        armored = self._run([age, "--encrypt", "--armor", *options], content)
        return armored.decode("ascii") if armored is not None else None

    def _which(self, program: str) -> str | None:
        return shutil.which(program, path=self._environ.get("PATH"))

    def _run(self, command: Sequence[str], given: bytes) -> bytes | None:
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, timeout=SECONDS, check=False, env=dict(self._environ)
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout if done.returncode == 0 else None
