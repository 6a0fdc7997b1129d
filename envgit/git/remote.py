"""Own what goes over the network: fetch and push, by the `git` program, so that credentials and proxies are git's business.

libgit2's push returns normally where a server refuses, and ignores `http.extraheader`: it is not used. Nothing is ever forced, by a
lease neither: with one, git replaces a branch by an unrelated one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from envgit.errors import CannotTell
from envgit.git.program import complaint, environment, git, harmless, program
from envgit.git.repository import Repository
from envgit.model import CommitId

__all__ = [
    "PushResult",
    "PushStatus",
    "environment",
    "fetch",
    "fetch_branch",
    "program",
    "push",
    "remote_ref",
    "tracking",
]

# What git and servers say where somebody else was first; a log built anew answers all of them.
_RACES = (
    "non-fast-forward",
    "fetch first",
    "needs force",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "reference already exists",
    "incorrect old value",
)
# A fetch that leaves nothing behind but what was asked for.
_QUIETLY = ("--no-tags", "--quiet", "--no-write-fetch-head", "--no-prune", "--recurse-submodules=no")
_REASON = re.compile(r"\((.*)\)\s*", re.DOTALL)


class PushStatus(StrEnum):
    """What became of a push."""

    PUSHED = "pushed"
    UP_TO_DATE = "up-to-date"
    STALE = "stale"  # another writer was first: fetch, rebuild, try again
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push, and the server's words where it was refused: escaped, on one line."""

    status: PushStatus
    reason: str = ""


def fetch(repo: Repository, remote: str, refspecs: Sequence[str], *options: str) -> bool:
    """Fetch refs that may not be there; return False where the remote lacks one, raise CannotTell where it cannot be reached.

    `options` are git's, such as a depth.
    """
    done = git(repo.git_dir, ["fetch", *_QUIETLY, *options, "--", remote, *refspecs])
    if done.returncode == 0:
        return True
    sources = [spec.lstrip("+").partition(":")[0] for spec in refspecs]
    # Asked, not read off git's words: those are for people.
    if any(remote_ref(repo, remote, source) is None for source in sources):
        return False
    raise CannotTell(f"cannot fetch from {remote}: {complaint(done.stderr)}")


def tracking(remote: str, branch: str) -> str:
    """Return the ref in which a remote's branch is remembered here."""
    return f"refs/remotes/{remote}/{branch}"


def fetch_branch(repo: Repository, remote: str, branch: str, *options: str) -> CommitId | None:
    """Fetch a branch into its tracking ref and return where it is; None where the remote has no such branch."""
    if not fetch(repo, remote, [f"+refs/heads/{branch}:{tracking(remote, branch)}"], *options):
        return None
    found = repo.ref(tracking(remote, branch))
    return CommitId(found) if found else None


def remote_ref(repo: Repository, remote: str, ref: str) -> CommitId | None:
    """Return where a ref of the remote is now, None where it has none; raise CannotTell where the remote cannot be reached."""
    done = git(repo.git_dir, ["ls-remote", "--quiet", "--", remote, ref])
    if done.returncode:
        raise CannotTell(f"cannot reach {remote}: {complaint(done.stderr)}")
    for line in done.stdout.decode(errors="replace").splitlines():
        oid, _tab, name = line.partition("\t")
        if name == ref:  # a pattern, to git: it may answer with more
            return CommitId(oid)
    return None


def push(repo: Repository, remote: str, tip: CommitId, ref: str) -> PushResult:
    """Push a commit to a ref, never forced, and look at the remote again before believing that it arrived.

    Raise CannotTell where the remote cannot be reached, or does not let this user in.
    """
    options = ["--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"]
    done = git(repo.git_dir, ["push", *options, "--", remote, f"{tip}:{ref}"])
    flag, summary = _row(done.stdout.decode(errors="replace"), f"{tip}:{ref}")
    if flag == "!":
        return _refused(summary, done.stderr)
    if not flag or done.returncode:
        raise CannotTell(f"cannot push to {remote}: {complaint(done.stderr)}")
    now = remote_ref(repo, remote, ref)
    if now != tip and not _behind(repo, tip, now):
        return PushResult(PushStatus.REFUSED, f"{remote} said that it took the push, and its {ref} is not there")
    return PushResult(PushStatus.UP_TO_DATE if flag == "=" else PushStatus.PUSHED)


def _row(stdout: str, refs: str) -> tuple[str, str]:
    for line in stdout.splitlines():
        flag, _tab, rest = line.partition("\t")
        names, _tab, summary = rest.partition("\t")
        if names == refs:
            return flag or " ", summary
    return "", ""


def _refused(summary: str, stderr: bytes) -> PushResult:
    found = _REASON.search(summary)
    said = found[1] if found else summary
    if any(word in said for word in _RACES):
        return PushResult(PushStatus.STALE, harmless(said))
    return PushResult(PushStatus.REFUSED, _hook(stderr) or harmless(said))


def _hook(stderr: bytes) -> str:
    """Return what the server's hook said, without git's marks."""
    lines = stderr.decode(errors="replace").splitlines()
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    return harmless(" ".join(line for line in said if line).removeprefix("error: "))


def _behind(repo: Repository, tip: CommitId, now: CommitId | None) -> bool:
    """Tell whether the remote went on since: what it has now then is not here, or contains what was pushed."""
    return now is not None and (not repo.has(now) or repo.is_ancestor(tip, now))
