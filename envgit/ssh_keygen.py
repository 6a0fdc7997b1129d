"""Own the asking of `ssh-keygen` for a signature: agents, passphrases and hardware keys are its business, and no key is read here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from envgit.errors import CannotTell
from envgit.escape import terminal

# Somebody has to find the key and touch it.
SECONDS = 180
_LONGEST = 200


def sign(key: Path, message: bytes, namespace: str) -> str:
    """Return the armored signature over a message by the key in a file, or by the agent that holds the one of a `.pub` file.

    Raise CannotTell, with ssh-keygen's own words, where there is none.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise CannotTell("ssh-keygen is not on PATH; a root approves by it")
    heard = None if sys.stderr.isatty() else subprocess.PIPE  # it asks for a touch there
    try:
        done = subprocess.run(
            [program, "-Y", "sign", "-n", namespace, "-f", str(key)],
            input=message,
            stdout=subprocess.PIPE,
            stderr=heard,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"ssh-keygen did not sign with {key} within {SECONDS} seconds") from None
    except OSError as error:
        raise CannotTell(f"cannot run ssh-keygen: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr or b"").decode(errors="replace").strip().splitlines()
        why = f": {terminal(said[-1])[:_LONGEST]}" if said else ""
        raise CannotTell(f"ssh-keygen could not sign with {key}{why}")
    return done.stdout.decode("ascii", "replace").strip()
