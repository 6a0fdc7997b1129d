"""Own a passing copy of one branch of a repository elsewhere, fetched by the `git` program into a directory that goes away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envgit.errors import CannotTell
from envgit.git.program import complaint, git
from envgit.git.repository import Repository
from envgit.model import CommitId

_HERE = "refs/heads/mirrored"


@contextmanager
def mirrored(url: str, ref: str) -> Iterator[tuple[Repository, CommitId]]:
    """Give a repository that holds one ref of another, and where that ref is; raise CannotTell where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="envgit-") as directory:
        place = Path(directory) / "mirror.git"
        made = git(place, ["init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(place)])
        if made.returncode:
            raise CannotTell(f"cannot make a repository in {directory}: {complaint(made.stderr)}")
        done = git(place, ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", url, f"+{ref}:{_HERE}"])
        if done.returncode:
            raise CannotTell(f"cannot fetch {ref.removeprefix('refs/heads/')}: {complaint(done.stderr)}")
        repo = Repository.open(place)
        tip = repo.ref(_HERE)
        if tip is None:
            raise CannotTell(f"{ref} is not there")
        yield repo, CommitId(tip)
