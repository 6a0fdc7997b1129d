"""Own where sops looks for identities, in its order. What is found is read when asked, and not understood here."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAX_SOURCE_BYTES = 1024 * 1024
COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Source:
    """A place where identities may be: `read` returns its text, None where there is nothing; it may raise OSError.

    `label` is what its identities are called by, `place` where it is in full, for a person who looks for what cannot be read.
    """

    label: str
    read: Callable[[], str | None]
    place: str


def sources(environ: dict[str, str], home: Path | None) -> Iterator[Source]:
    """Yield every source there may be; all of them count, none stops the search."""
    if "SOPS_AGE_SSH_PRIVATE_KEY_FILE" in environ:
        yield _file("SOPS_AGE_SSH_PRIVATE_KEY_FILE", environ["SOPS_AGE_SSH_PRIVATE_KEY_FILE"], required=True)
    if "SOPS_AGE_SSH_PRIVATE_KEY_CMD" in environ:
        yield _command("SOPS_AGE_SSH_PRIVATE_KEY_CMD", environ)
    if home is not None:
        yield _file("id_ed25519", home / ".ssh" / "id_ed25519")
        yield _file("id_rsa", home / ".ssh" / "id_rsa")
    if "SOPS_AGE_KEY" in environ:
        yield Source("SOPS_AGE_KEY", lambda: environ["SOPS_AGE_KEY"], "SOPS_AGE_KEY")
    if "SOPS_AGE_KEY_FILE" in environ:
        yield _file("SOPS_AGE_KEY_FILE", environ["SOPS_AGE_KEY_FILE"], required=True)
    if "SOPS_AGE_KEY_CMD" in environ:
        yield _command("SOPS_AGE_KEY_CMD", environ)
    folder = _config_home(environ, home)
    if folder is not None:
        yield _file("keys.txt", folder / "sops" / "age" / "keys.txt")


def _config_home(environ: Mapping[str, str], home: Path | None, platform: str = sys.platform) -> Path | None:
    """Return the folder of the user's configuration as Go's os.UserConfigDir and sops have it."""
    if platform == "win32":
        return Path(environ["AppData"]) if environ.get("AppData") else None
    configured = environ.get("XDG_CONFIG_HOME", "")
    # Go refuses a relative one; sops on macOS does not.
    if configured and (platform == "darwin" or Path(configured).is_absolute()):
        return Path(configured)
    if home is None or configured:
        return None
    return home / "Library" / "Application Support" if platform == "darwin" else home / ".config"


def _file(label: str, path: Path | str, *, required: bool = False) -> Source:
    name = Path(path).name or str(path)

    def read() -> str | None:
        try:
            with Path(path).open("rb") as stream:
                return stream.read(MAX_SOURCE_BYTES).decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            if required:
                raise
            return None

    if not required:
        return Source(label, read, str(path))
    if _is_key(str(path)):
        return Source(label, read, f"{label}, which holds a key and no path,")
    return Source(f"{label} {name}", read, f"{label} {path}")


def _is_key(path: str) -> bool:
    """Tell whether somebody put the key itself where a path belongs: then it must not be repeated."""
    return "\n" in path or any(mark in path.upper() for mark in ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY"))


def _command(variable: str, environ: dict[str, str]) -> Source:
    def read() -> str | None:
        words = shlex.split(environ[variable], comments=True)
        if not words:
            return None
        done = subprocess.run(
            words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=True
        )
        return done.stdout[:MAX_SOURCE_BYTES].decode("utf-8", "replace")

    return Source(variable, read, variable)
