"""Own where the key that signs entries is found: the environment, as CI has it, else the file that git's configuration names."""

from __future__ import annotations

import re
from pathlib import Path

from envgit.audit.entry import EntryKind
from envgit.errors import CannotTell
from envgit.log.session import Session
from envgit.signing import SigningKey, load

KEY_SETTING = "envgit.signingKey"

# What a signer may sign, and the address of one that nobody named.
KINDS = tuple(sorted(map(str, EntryKind)))
SIGNER_EMAIL = "envgit@envgit.invalid"


def signing_key(run: Session) -> tuple[SigningKey, str] | None:
    """Return the signing key and where it lies, None where none is named; raise CannotTell where it cannot be used."""
    return load(run.environ, run.repo.config(KEY_SETTING))


def required_key(run: Session) -> tuple[SigningKey, str]:
    """Return the signing key and where it lies; raise CannotTell, saying where one may be put, where there is none."""
    found = signing_key(run)
    if found is None:
        raise CannotTell(
            "no signing key here: set ENVGIT_SIGNING_KEY or ENVGIT_SIGNING_KEY_FILE, "
            f"or git config {KEY_SETTING} PATH; envgit init made one"
        )
    return found


def key_directory(run: Session) -> Path:
    """Return where `init` puts the key: the user's data directory, outside every repository."""
    data = run.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else run.home / ".local" / "share"
    label = re.sub(r"[^A-Za-z0-9_.-]+", "-", run.named).strip("-.")[-80:] or "repository"
    return base / "envgit" / label
