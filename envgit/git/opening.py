"""Own the opening of a repository, and what to say of one that cannot be: which it is, and what the person can do."""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from envgit.errors import RepositoryError, UsageError
from envgit.git.files import check_files, check_ref, check_way, common_of

# Nearly every object is read once: libgit2's own 256 MiB would only be filled.
pygit2.settings.cache_max_size(8 * 1024 * 1024)
# Of a pack, this much is looked at through windows of that size; by default all of it would be.
pygit2.settings.mwindow_mapped_limit = 32 * 1024 * 1024
pygit2.settings.mwindow_size = 4 * 1024 * 1024


def open_from(start: Path) -> pygit2.Repository:
    """Return the repository that `start` lies in, as `git -C` finds it; raise RepositoryError where it cannot be read.

    The environment has no say: in a hook `GIT_DIR` names another repository as easily as this one.
    """
    if not start.is_dir():
        raise UsageError(f"{str(start)!r} is no directory")
    check_way(start.absolute())
    try:
        found = pygit2.discover_repository(str(start.absolute()))
    except (KeyError, pygit2.GitError, OSError):
        found = None
    if found is None:
        raise RepositoryError(f"{start.absolute()} is in no git repository; run envgit inside one, or name it with -C")
    check_files(Path(found))
    try:
        return pygit2.Repository(found, RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise RepositoryError(_unreadable(Path(found), str(error))) from None


def head_of(start: Path) -> str | None:
    """Return the commit that a folder's own repository is at, None where it is not the top of one."""
    if not (start / ".git").exists():
        return None
    try:
        found = open_from(start)
        check_ref((Path(found.path),), "HEAD")
        return str(found.head.target)
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


def _config_text(git_dir: Path) -> str:
    """Return the text of a repository's configuration, which for a linked work tree lies in the main one."""
    try:
        return (common_of(git_dir) / "config").read_text(errors="replace").lower()
    except OSError:
        return ""
