"""Own git's configuration: settings, remotes, and what is the user's own as opposed to the repository's."""

from __future__ import annotations

import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pygit2

from envgit.errors import RepositoryError
from envgit.git.objects import Objects, reason


class Settings(Objects):
    """The configuration of a repository, as git reads it here. The repository's own part is a stranger's word."""

    def config(self, key: str) -> str | None:
        """Return a setting as git would have it here."""
        return _setting(lambda: self._repo.config, key)

    def global_config(self, key: str) -> str | None:
        """Return a setting of the user's own configuration: what the repository sets is not asked."""
        own = os.environ.get("GIT_CONFIG_GLOBAL")
        if own is not None:
            return _setting(lambda: pygit2.Config(own), key) if Path(own).is_file() else None
        return _setting(pygit2.Config.get_global_config, key) or _setting(pygit2.Config.get_xdg_config, key)

    def set_config(self, key: str, value: str) -> None:
        """Write a setting to the repository's own configuration."""
        try:
            self._repo.config[key] = value
        except (pygit2.GitError, OSError, ValueError) as error:
            raise RepositoryError(f"cannot write {key} to {self.common_dir / 'config'}: {reason(error)}") from None

    @property
    def remotes(self) -> list[str]:
        """The names of the remotes."""
        return [name for name in self._repo.remotes.names() if name]

    def remote_url(self, name: str) -> str | None:
        """Return a remote's address, `insteadOf` applied; it may hold credentials."""
        try:
            return self._repo.remotes[name].url
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def follows(self, remote: str, branch: str) -> bool:
        """Tell whether a plain `git fetch` brings a branch of a remote: a clone of a single branch has that one alone."""
        try:
            wanted = [spec.lstrip("+").partition(":") for spec in self._repo.remotes[remote].fetch_refspecs]
        except (KeyError, ValueError, pygit2.GitError):
            return False
        return any(there and fnmatchcase(f"refs/heads/{branch}", source) for source, _colon, there in wanted)

    def default_branch(self, remote: str) -> str | None:
        """Return the branch that a remote calls its default, as far as this clone knows."""
        prefix = f"refs/remotes/{remote}/"
        self._check_ref(prefix + "HEAD")
        try:
            target = self._repo.lookup_reference(prefix + "HEAD").target
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return target.removeprefix(prefix) if isinstance(target, str) and target.startswith(prefix) else None


def _setting(config: Callable[[], pygit2.Config], key: str) -> str | None:
    try:
        return config()[key]
    except (KeyError, ValueError, pygit2.GitError, OSError):
        return None
