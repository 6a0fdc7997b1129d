"""Own the reading of the work tree and the index; neither is ever written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pygit2

from envgit.errors import RepositoryError
from envgit.git.objects import Objects, reason
from envgit.model import ObjectId

_REGULAR = stat.S_IFREG
MAX_FILE = 32 * 1024 * 1024  # env files have half of it, the configuration far less


class WorkTree(Objects):
    """The work tree and the index of a repository."""

    def __init__(self, repo: pygit2.Repository, start: Path) -> None:
        super().__init__(repo, start)
        self.work_dir = Path(repo.workdir) if repo.workdir else None

    @property
    def is_bare(self) -> bool:
        """Whether there is no work tree."""
        return self.work_dir is None

    def work_file(self, path: str) -> bytes | None:
        """Return a regular file's bytes in the work tree, None where there is none.

        Symbolic links are not followed, on the way neither: behind one git has no file of this repository.
        """
        if self.work_dir is None or self._leads_through_link(path):
            return None
        try:
            # Not to wait for a writer where the path is a pipe.
            file = os.open(self.work_dir / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            if (self.work_dir / path).is_symlink():
                return None
            raise RepositoryError(f"cannot read {path}: {reason(error)}") from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            return None
        with os.fdopen(file, "rb") as opened:
            data = opened.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise RepositoryError(f"{path} is larger than {MAX_FILE >> 20} MiB")
        return data

    def _leads_through_link(self, path: str) -> bool:
        parts = path.split("/")
        if self.work_dir is None or ".." in parts:
            return True
        return any(self.work_dir.joinpath(*parts[:number]).is_symlink() for number in range(1, len(parts)))

    def index_file(self, path: str) -> bytes | None:
        """Return a file's staged bytes, None where the index has no regular file there, or has it in conflict."""
        try:
            entry = self._index[path]
        except KeyError:
            return None
        return self.blob(ObjectId(str(entry.id))) if stat.S_IFMT(int(entry.mode)) == _REGULAR else None

    def index_paths(self) -> Iterator[tuple[str, int]]:
        """Return (path, mode) of every tracked file."""
        for entry in self._index:
            yield entry.path, int(entry.mode)

    def unmerged(self) -> dict[str, tuple[ObjectId, ...]]:
        """Return the paths that a merge left in conflict, each with the blobs that the index has of it."""
        found: dict[str, tuple[ObjectId, ...]] = {}
        for sides in self._index.conflicts or ():
            entries = [entry for entry in sides if entry is not None and stat.S_IFMT(int(entry.mode)) == _REGULAR]
            for path in {entry.path for entry in sides if entry is not None}:
                found[path] = tuple(ObjectId(str(entry.id)) for entry in entries)
        return found

    @property
    def _index(self) -> pygit2.Index:
        try:
            index: pygit2.Index = self._repo.index
        except (pygit2.GitError, OSError):
            raise RepositoryError(f"{self.git_dir / 'index'} cannot be read; git status says more") from None
        return index

    def is_path(self, path: str) -> bool:
        """Tell whether a word names a file or directory here."""
        return self.work_dir is not None and os.path.lexists(self.start / path)

    def relative(self, path: str) -> str:
        """Return a path as the repository has it, from one that a person wrote where he stands; the top is empty."""
        if self.work_dir is None:
            return path
        top = os.path.realpath(self.work_dir)
        full = os.path.normpath(self.start.resolve() / path)
        inside = os.path.relpath(full, top)
        return "" if inside == "." else path if inside.startswith("..") else inside
