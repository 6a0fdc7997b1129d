"""Own the opening of a repository, and what to say of one that cannot be: which it is, and what the person can do."""

from __future__ import annotations

import stat
from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from envgit.errors import RepositoryError, UsageError

_FILES = (
    "HEAD",
    "commondir",
    "config",
    "config.worktree",
    "index",
    "info/grafts",
    "objects/info/alternates",
    "objects/pack/multi-pack-index",
    "packed-refs",
    "shallow",
)


def open_from(start: Path) -> pygit2.Repository:
    """Return the repository that `start` lies in, as `git -C` finds it; raise RepositoryError where it cannot be read.

    The environment has no say: in a hook `GIT_DIR` names another repository as easily as this one.
    """
    if not start.is_dir():
        raise UsageError(f"{str(start)!r} is no directory")
    try:
        found = pygit2.discover_repository(str(start.absolute()))
    except (KeyError, pygit2.GitError, OSError):
        found = None
    if found is None:
        raise RepositoryError(f"{start.absolute()} is in no git repository; run envgit inside one, or name it with -C")
    _check_files(Path(found))
    try:
        return pygit2.Repository(found, RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise RepositoryError(_unreadable(Path(found), str(error))) from None


def _check_files(git_dir: Path) -> None:
    """Refuse a repository with a pipe where git keeps a file: libgit2 would open it, and wait for a writer."""
    folders = {git_dir, _common(git_dir)} if not is_pipe(git_dir / "commondir") else {git_dir}
    for path in (folder / name for folder in sorted(folders) for name in _FILES):
        if is_pipe(path):
            raise RepositoryError(f"{path} is a pipe, where git keeps a file; envgit reads no such repository")


def is_pipe(path: Path) -> bool:
    """Tell whether something lies at a path that may be waited for without end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def head_of(start: Path) -> str | None:
    """Return the commit that a folder's own repository is at, None where it is not the top of one."""
    if not (start / ".git").exists():
        return None
    try:
        return str(open_from(start).head.target)
    except (pygit2.GitError, KeyError, ValueError):
        return None


def _unreadable(git_dir: Path, text: str) -> str:
    config = _config_text(git_dir)
    if "objectformat" in config and "sha256" in config:
        return f"{git_dir} is a SHA-256 repository, which libgit2 cannot read yet; envgit needs one in SHA-1"
    if "refstorage" in config:
        return (
            f"{git_dir} keeps its refs as reftable, which libgit2 cannot read yet; git refs migrate --ref-format=files"
        )
    if "owne" in text:
        top = git_dir.parent if git_dir.name == ".git" else git_dir
        return f"{git_dir} belongs to somebody else; git config --global --add safe.directory {top} if you trust it"
    return f"{git_dir} cannot be read as a git repository; git fsck says more"


def _common(git_dir: Path) -> Path:
    """Return the directory that all work trees of a repository share."""
    try:
        return git_dir / (git_dir / "commondir").read_text().strip()
    except OSError:
        return git_dir


def _config_text(git_dir: Path) -> str:
    """Return the text of a repository's configuration, which for a linked work tree lies in the main one."""
    try:
        return (_common(git_dir) / "config").read_text(errors="replace").lower()
    except OSError:
        return ""
