"""Own the `git` program: fetch and push, from the repository's own directory, so that its credentials and proxies are git's business.

libgit2's push returns normally where a server refuses, and ignores `http.extraheader`: it is not used. Nothing is ever forced.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from envgit.errors import CannotTell, RepositoryError
from envgit.git.repository import Repository
from envgit.model import CommitId

SECONDS = 300
_CREDENTIALS = re.compile(r"(://)[^@/\s]+@")


class PushStatus(StrEnum):
    """What became of a push."""

    PUSHED = "pushed"
    UP_TO_DATE = "up-to-date"
    STALE = "stale"  # another writer was first: fetch, rebuild, try again
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push, and the server's words where it was refused."""

    status: PushStatus
    reason: str = ""


def program() -> str:
    """Return the git program's path; raise RepositoryError where there is none."""
    found = shutil.which("git")
    if found is None:
        raise RepositoryError("the git program is not on PATH; envgit needs it to fetch, push and write packs")
    return found


def environment() -> dict[str, str]:
    """Return the environment that git is run in: no prompt, no translation, no redirection into another repository."""
    kept = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


_REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE")


def fetch(repo: Repository, remote: str, refspecs: list[str]) -> bool:
    """Fetch refs that may not be there; return False where the remote lacks one, raise CannotTell where it cannot be reached."""
    done = _git(repo.git_dir, ["fetch", "--no-tags", "--quiet", "--no-write-fetch-head", remote, *refspecs])
    if done.returncode == 0:
        return True
    if "couldn't find remote ref" in done.stderr:
        return False
    raise CannotTell(f"cannot fetch from {remote}: {_said(done.stderr)}")


def remote_ref(repo: Repository, remote: str, ref: str) -> CommitId | None:
    """Return where a ref of the remote is now, None where it has none."""
    done = _git(repo.git_dir, ["ls-remote", "--quiet", remote, ref])
    if done.returncode:
        raise CannotTell(f"cannot reach {remote}: {_said(done.stderr)}")
    for line in done.stdout.splitlines():
        oid, _tab, name = line.partition("\t")
        if name == ref:
            return CommitId(oid)
    return None


def push(repo: Repository, remote: str, tip: CommitId, ref: str) -> PushResult:
    """Push a commit to a ref, never forced, and look at the remote again before believing that it arrived."""
    done = _git(repo.git_dir, ["push", "--porcelain", "--no-verify", remote, f"{tip}:{ref}"])
    row = next((line for line in done.stdout.splitlines() if f"\t{tip}:{ref}\t" in line), "")
    if row.startswith("!"):
        reason = row.rsplit("\t", 1)[-1]
        if any(word in reason for word in _RACES):
            return PushResult(PushStatus.STALE, reason)
        return PushResult(PushStatus.REFUSED, _hook(done.stderr) or reason)
    if not row or done.returncode:
        raise CannotTell(f"cannot push to {remote}: {_said(done.stderr)}")
    now = remote_ref(repo, remote, ref)
    if now != tip and not _behind(repo, tip, now):
        return PushResult(PushStatus.REFUSED, f"{remote} said that it took the push, and its {ref} is not there")
    return PushResult(PushStatus.UP_TO_DATE if row.startswith("=") else PushStatus.PUSHED)


# What git and servers say where somebody else was first; a rebuilt log answers all of them.
_RACES = ("non-fast-forward", "fetch first", "stale info", "cannot lock ref", "failed to update ref", "reference already exists", "incorrect old value")


def fetch_object(git_dir: Path, oid: str) -> bool:
    """Have git fetch one object of a partial clone; return whether it is here then."""
    done = _git(git_dir, ["cat-file", "-e", oid])
    return done.returncode == 0


def _behind(repo: Repository, tip: CommitId, now: CommitId | None) -> bool:
    """Tell whether the remote went on since: what it has now then is not here, or contains what was pushed."""
    return now is not None and (not repo.has(now) or repo.is_ancestor(tip, now))


def _git(git_dir: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    # Configuration that a checkout hides behind includeIf.gitdir is found by git's own directory; hooks are not ours to run.
    command = [program(), "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "--git-dir", str(git_dir), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"git {arguments[0]} did not end within {SECONDS} seconds") from None
    except OSError as error:
        raise RepositoryError(f"cannot run git: {error.strerror}") from None


def _said(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(("fatal:", "error:", "remote:"))] or text.splitlines()
    return _CREDENTIALS.sub(r"\1", lines[0].strip())[:300] if lines else "git said nothing"


def _hook(text: str) -> str:
    """Return what the server's hook said, without git's marks."""
    lines = [line.removeprefix("remote:").strip() for line in text.splitlines() if line.startswith("remote:")]
    return _CREDENTIALS.sub(r"\1", " ".join(line for line in lines if line).removeprefix("error: "))[:300]
