"""Own where the key that signs entries is found: the environment, as CI has it, else the file that git's configuration names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from envgit.errors import CannotTell
from envgit.log.session import Session
from envgit.signing import SigningKey, load

KEY_SETTING = "envgit.signingKey"


@dataclass(frozen=True, slots=True)
class Holder:
    """A signing key, where it lies, and whether it was made just now."""

    key: SigningKey
    path: Path
    made: bool = False


def signing_key(run: Session, *, required: bool = True) -> Holder | None:
    """Return the signing key; raise CannotTell where there is none and one is `required`, or where it is corrupt."""
    setting = run.repo.config(KEY_SETTING)
    key = load(run.environ, setting)
    if key is not None:
        return Holder(key, Path(run.environ.get("ENVGIT_SIGNING_KEY_FILE") or setting or "ENVGIT_SIGNING_KEY"))
    if required:
        raise CannotTell(
            "no signing key here: set ENVGIT_SIGNING_KEY or ENVGIT_SIGNING_KEY_FILE, "
            f"or git config {KEY_SETTING} PATH; envgit init makes one"
        )
    return None


def key_directory(run: Session) -> Path:
    """Return where `init` puts the key: the user's data directory, outside every repository."""
    data = run.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else run.home / ".local" / "share"
    label = re.sub(r"[^A-Za-z0-9_.-]+", "-", run.named).strip("-.")[-80:] or "repository"
    return base / "envgit" / label
