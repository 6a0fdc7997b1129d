"""Own the running of the `git` program: which one, in what environment, for how long. Its output is never shown as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from envgit.errors import CannotTell, RepositoryError
from envgit.escape import terminal

SECONDS = 300

# Everything that leads git to another repository, object store or history. What chooses credentials, transports and
# configuration stays: CI sets it on purpose.
_REDIRECTING = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
})  # fmt: skip

# Hooks are not ours to run, a monitor is a program that the repository names, and nobody waits for housekeeping.
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false")

# A password may hold an @ itself: all up to the last one before a space or a quote goes.
_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"]*@")
_LONGEST = 300


def program() -> str:
    """Return the git program's path; raise RepositoryError where there is none."""
    found = shutil.which("git")
    if found is None:
        raise RepositoryError("the git program is not on PATH; envgit needs it to fetch, push and write packs")
    return found


def environment() -> dict[str, str]:
    """Return the environment that git is run in: no prompt, no translation, no redirection into another repository."""
    kept = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


def git(
    git_dir: Path, arguments: list[str], *, given: bytes = b"", seconds: float = SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run git on a repository's own directory; raise CannotTell where it does not end, RepositoryError where it cannot start.

    Its own directory, so that configuration which a checkout keeps behind `includeIf.gitdir` applies. `given` is its whole input.
    """
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = [program(), *settings, "--git-dir", str(git_dir), *arguments]
    try:
        return subprocess.run(
            command, input=given, capture_output=True, timeout=seconds, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"git {arguments[0]} did not end within {seconds:g} seconds") from None
    except OSError as error:
        raise RepositoryError(f"cannot run git: {error.strerror}") from None


def complaint(stderr: bytes) -> str:
    """Return the line of git's errors that says most, on one line, without credentials and escaped for a terminal."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    return harmless(telling[0]) if telling else "git said nothing"


def harmless(text: str) -> str:
    """Return text of git or a server without credentials, escaped, and of bounded length."""
    return terminal(_CREDENTIALS.sub("", text))[:_LONGEST]
