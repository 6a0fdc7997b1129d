"""Own coverage: which commits of the source branch that touch an environment have their entry in the log."""

from __future__ import annotations

from dataclasses import dataclass, field

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, Genesis, RewriteBody
from envgit.errors import CannotTell
from envgit.git.history import first_parents
from envgit.git.repository import Repository
from envgit.log.selection import Selection
from envgit.log.snapshots import Snapshots
from envgit.model import CommitId, Config


@dataclass
class Coverage:
    """Which commits have their entry; one behind the last that was recorded is pending, not missing."""

    covered: int = 0
    head: CommitId | None = None
    uncovered: list[CommitId] = field(default_factory=list)
    pending: list[CommitId] = field(default_factory=list)
    checked: bool = True


class Covered:
    """What the entries say that they cover, gathered in the verifier's one pass.

    `after` and `config` say where the entries go on that are observed, where those before were held against the branch already.
    """

    def __init__(self, after: CommitId | None = None, config: Config | None = None) -> None:
        self._start: CommitId | None = None  # the first commit that is audited
        self._commits: set[CommitId] = set()
        self._configs: dict[CommitId, Config] = {}
        self._last = self._after = after
        self._at_start = config

    def observe(self, entry: Entry) -> None:
        """Take note of one entry, in order."""
        match entry.body:
            case Genesis(source=begun, config=config):
                self._start = begun.start
                self._at_start = config
            case ChangeBody(source=source):
                self._commits.update((source.commit, *(merged.commit for merged in source.merged)))
                self._last = source.commit
            case ConfigBody(source=source, config=config, in_force=in_force):
                self._commits.add(source.commit)
                self._last = source.commit
                if in_force and config is not None:
                    self._configs[source.commit] = config
            case RewriteBody(to=commit):
                # What lies behind a rewrite is told by its net difference.
                self._commits.add(commit)
                self._last = self._after = commit
                self._at_start = [self._at_start, *self._configs.values()][-1]

    @property
    def rewritten(self) -> bool:
        """Whether the source branch was replaced by another since the beginning, so that what lay before is not counted."""
        return self._after is not None and self._after in self._commits

    def against(self, repo: Repository, snapshots: Snapshots, head: CommitId) -> Coverage:
        """Hold the source branch against it, each commit under the configuration in force before it."""
        if self._at_start is None:
            raise CannotTell("the log has no genesis")
        found = Coverage(head=self._last)
        start = self._after or self._start
        line = first_parents(repo, head, start)
        joined = not line or repo.commit(line[0]).parents[:1] == (start,)
        if start is not None and not joined:
            raise CannotTell(
                f"{start[:7]}, from which the log goes on, is not on its first-parent line; envgit record tells the rewrite"
            )
        if start is not None and self._after is None:
            line = [start, *line]
        reached = self._reached(repo, line)
        selection = Selection(repo, snapshots, self._at_start)
        for number, commit in enumerate(line):
            if commit in self._commits:
                found.covered += 1
            elif _touches(repo, selection, commit, first=commit == start):
                (found.uncovered if number <= reached else found.pending).append(commit)
            if commit in self._configs:
                selection = Selection(repo, snapshots, self._configs[commit])
        return found

    def _reached(self, repo: Repository, line: list[CommitId]) -> int:
        """Return the place of the newest commit of the line that was recorded, or lies behind what was recorded last."""
        last = self._last
        for number in range(len(line) - 1, -1, -1):
            if line[number] in self._commits or (last is not None and repo.is_ancestor(line[number], last)):
                return number
        return -1


def _touches(repo: Repository, selection: Selection, commit: CommitId, *, first: bool) -> bool:
    known = repo.commit(commit)
    parent = repo.commit(known.parents[0]).tree if known.parents and not first else None
    return parent != known.tree and selection.touches(parent, known.tree)
