"""Own what every command starts from: the repository, the identities, the configuration, and the log where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envgit.errors import ConfigError, LogError, RepositoryError, UsageError
from envgit.git.remote import remote_ref
from envgit.git.repository import Repository
from envgit.log.branch import Log, locate
from envgit.log.names import origin_of, remote_of
from envgit.model import CONFIG_PATHS, CommitId, Config, Snapshot

if TYPE_CHECKING:
    from envgit.config import Parsed

MAX_CONFIG_BYTES = 256 * 1024


class Session:
    """One run of a command. Everything is read when it is first asked for, so that a command pays for what it uses."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        """Begin in `directory`; `environ` may hold keys, so that no repr shows it."""
        self.directory = directory
        self.environ = environ
        # Told of every file that is read, so that whoever sends something out can know what must not be in it.
        self.watch: Callable[[Snapshot], None] | None = None
        # Whether the repository's own settings are the user's, as in a job that made its checkout.
        self.trusted = False
        # The commit whose configuration counts, where what lies in the work tree is a stranger's proposal.
        self.ruling: CommitId | None = None

    @cached_property
    def repo(self) -> Repository:
        """The repository; raises RepositoryError where there is none that can be read."""
        found = Repository.open(self.directory)
        found.trusted = self.trusted
        return found

    @cached_property
    def home(self) -> Path:
        """The user's home directory."""
        return Path(self.environ.get("HOME") or Path.home())

    @cached_property
    def remote(self) -> str | None:
        """The remote that the log is shared through: `origin`, else the only one."""
        return remote_of(self.repo)

    @cached_property
    def named(self) -> str:
        """What the user calls this repository: the remote's host and path, else the path on this machine."""
        return origin_of(self.repo, self.remote) or f"local{self.repo.common_dir}"

    @cached_property
    def default_branch(self) -> str:
        """The source branch where no configuration names one."""
        found = self.repo.default_branch(self.remote) if self.remote else None
        return found or self.repo.head_branch() or "main"

    @cached_property
    def parsed(self) -> Parsed:
        """The configuration of the work tree, else of HEAD, else the defaults, and what is odd in it."""
        # YAML costs half of what git does to import: whoever needs no configuration must not pay for it.
        from envgit import config as configuration

        for path, data in self._configured():
            return configuration.parse(data, path, self.default_branch)
        return configuration.Parsed(Config(branch=self.default_branch))

    @property
    def config(self) -> Config:
        """The configuration; raises ConfigError where it is wrong."""
        return self.parsed.config

    @cached_property
    def audit_branch(self) -> str:
        """The audit branch's name, without parsing YAML where the configuration cannot name another."""
        for _path, data in self._configured():
            if b"audit_branch" in data:
                return self.config.audit_branch
        return Config().audit_branch

    def _configured(self) -> Iterator[tuple[str, bytes]]:
        """Return the configuration's path and bytes: of the work tree, else of HEAD, as in a bare repository."""
        for path in CONFIG_PATHS if self.ruling is None else ():
            data = self.repo.work_file(path) if self.repo.work_dir else None
            if data is not None:
                yield path, data
                return
        where = self.ruling or (None if self.repo.is_empty else self.repo.resolve("HEAD"))
        for path in CONFIG_PATHS if where is not None else ():
            if (data := self.file_at(where, path)) is not None:
                yield path, data
                return

    def file_at(self, where: CommitId | None, path: str) -> bytes | None:
        """Return a small regular file of a commit, None where there is none."""
        entry = self.repo.entry_at(where, path) if where is not None else None
        if entry is None or entry.mode not in (0o100644, 0o100755) or self.repo.size(entry.id) >= MAX_CONFIG_BYTES:
            return None
        return self.repo.blob(entry.id)

    @cached_property
    def log(self) -> Log | None:
        """The log, None where there is none; raises LogError where there are two."""
        return locate(self.repo, self.audit_branch, self.remote)

    def _fetch(self, branch: str) -> str:
        """Return the command that brings a branch; one that names no place for it would leave it out, in a clone of a single branch."""
        remote = self.remote or "origin"
        return f"git fetch {remote} {branch}:refs/remotes/{remote}/{branch}"

    def check_fetched(self, branch: str) -> None:
        """Raise LogError where the remote has a log that this clone does not follow, as one of a single branch does not."""
        remote = self.remote
        if remote is None or self.repo.follows(remote, branch) or self.repo.objection:
            return
        if remote_ref(self.repo, remote, f"refs/heads/{branch}") is not None:
            raise LogError(f"{remote} has a log that this clone does not follow; {self._fetch(branch)}")

    def require_log(self) -> Log:
        """Return the log; raise LogError, saying what to do, where there is none."""
        if self.log is None:
            raise LogError(
                f"there is no log here: neither {self.audit_branch} nor a remote's; "
                f"{self._fetch(self.audit_branch)}, or envgit init to begin one"
            )
        return self.log

    @property
    def source_branch(self) -> str:
        """The branch whose commits are audited: the log's word, else the configuration's."""
        return self.log.state.config.branch if self.log is not None else readable_config(self).branch

    def required_remote(self) -> str:
        """Return the remote that the log is shared through; raise UsageError where there is none, or none that is the one."""
        if self.remote is None:
            raise UsageError("the repository has no remote called origin; check it out with actions/checkout first")
        return self.remote

    def source_or_head(self) -> CommitId:
        """Return the tip of the source branch as the remote has it, else HEAD."""
        found = self.repo.ref(f"refs/remotes/{self.remote}/{self.source_branch}") if self.remote else None
        return CommitId(found) if found else self.repo.resolve("HEAD")

    def source_head(self, branch: str) -> CommitId:
        """Return the tip of the source branch, local before remote; raise RepositoryError where there is none."""
        names = [f"refs/heads/{branch}"] + ([f"refs/remotes/{self.remote}/{branch}"] if self.remote else [])
        for name in names:
            if (found := self.repo.ref(name)) is not None:
                return CommitId(found)
        if self.repo.is_empty:
            raise RepositoryError("this repository has no commit yet; commit an environment first")
        raise RepositoryError(
            f"there is no branch {branch!r} here; {self._fetch(branch)}, "
            "or name the source branch in .envgit.yaml as branch"
        )


def readable_config(session: Session) -> Config:
    """Return the configuration for a command that only reads: a broken one counts as none."""
    try:
        return session.config
    except ConfigError:
        return Config(branch=session.default_branch)
