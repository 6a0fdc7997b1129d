"""Own which files of a tree a configuration audits, and where a commit keeps its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envgit import config as configuration
from envgit.environments import Environments
from envgit.errors import ConfigError
from envgit.git.repository import Repository, TreeEntry
from envgit.log.snapshots import REGULAR, Snapshots
from envgit.model import CommitId, Config, EnvFile, ObjectId, Unit

# Where at the top of a tree a configuration lies.
CONFIG_TOPS = frozenset(path.split("/")[0] for path in configuration.PATHS)


@dataclass(frozen=True, slots=True)
class Touched:
    """A path that differs between two trees and is an env file in either."""

    file: EnvFile
    old: TreeEntry | None
    new: TreeEntry | None


class Selection:
    """The env files that one configuration selects, in any tree of a repository."""

    __slots__ = ("_last", "config", "environments", "repo", "snapshots")

    def __init__(self, repo: Repository, snapshots: Snapshots, config: Config) -> None:
        self.repo = repo
        self.snapshots = snapshots
        self.config = config
        self.environments = Environments(config)
        self._last: tuple[ObjectId | None, ObjectId | None, tuple[Touched, ...]] = (None, None, ())

    def files(self, tree: ObjectId) -> dict[Unit, list[EnvFile]]:
        """Return every env file of a tree, by environment and unit; more than one path for one of them is for the caller."""
        found: dict[Unit, list[EnvFile]] = {}
        for entry in self.repo.files(tree, self.environments.enters):
            file = self.environments.file(entry.path)
            if file and (not self.environments.by_content or self.snapshots.is_env_file(entry)):
                found.setdefault((file.environment, file.unit), []).append(file)
        return found

    def touched(self, old: ObjectId | None, new: ObjectId) -> tuple[Touched, ...]:
        """Return the env files that differ between two trees; a step is asked about once to find it and once to describe it."""
        if self._last[:2] != (old, new):
            self._last = old, new, tuple(self._differing(old, new))
        return self._last[2]

    def _differing(self, old: ObjectId | None, new: ObjectId) -> Iterator[Touched]:
        for path, before, after in self.repo.changed(old, new, self._enters):
            file = self.environments.file(path)
            if file is None:
                continue
            if self.environments.by_content and not any(map(self.snapshots.is_env_file, (before, after))):
                continue
            yield Touched(file, before, after)

    def touches(self, old: ObjectId | None, new: ObjectId) -> bool:
        """Tell whether a step between two trees is one that the log must have an entry for."""
        return bool(self.touched(old, new)) or config_touched(self.repo, old, new)

    def _enters(self, directory: str) -> bool:
        return self.environments.enters(directory)


def config_touched(repo: Repository, old: ObjectId | None, new: ObjectId) -> bool:
    """Tell whether the configuration's file differs between two trees."""
    if old == new:
        return False
    for path in configuration.PATHS:
        before = repo.entry_at(old, path) if old else None
        if _content(before) != _content(repo.entry_at(new, path)):
            return True
    return False


def _content(entry: TreeEntry | None) -> tuple[bool, ObjectId] | None:
    """Return what a configuration says: a symbolic link may have the very bytes of a file, and says nothing."""
    return (entry.mode in REGULAR, entry.id) if entry else None


def config_at(repo: Repository, where: CommitId | ObjectId, default_branch: str, path: str = "") -> Config | None:
    """Return the configuration that a commit or tree holds, None where it holds none; raise ConfigError where it is wrong.

    `path` names another file than the usual ones.
    """
    for place in (path,) if path else configuration.PATHS:
        entry = repo.entry_at(where, place)
        if entry is None:
            continue
        if entry.mode not in REGULAR or repo.size(entry.id) > configuration.MAX_BYTES:
            raise ConfigError(f"{place} is no regular file of at most {configuration.MAX_BYTES // 1024} KiB")
        return configuration.parse(repo.blob(entry.id), place, default_branch).config
    return None
