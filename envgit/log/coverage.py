"""Own coverage: which commits of the source branch that touch an environment have their entry in the log."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, Genesis, RewriteBody
from envgit.errors import CannotTell
from envgit.git.history import first_parents
from envgit.git.repository import Repository
from envgit.git.tops import Tops
from envgit.log.selection import CONFIG_TOPS, Selection
from envgit.log.snapshots import Snapshots
from envgit.model import CommitId, Config


@dataclass
class Coverage:
    """Which commits have their entry; one behind the last that was recorded is pending, not missing.

    `strange` are entries whose commit the branch never had, though it has what was recorded after it.
    """

    covered: int = 0
    head: CommitId | None = None
    uncovered: list[CommitId] = field(default_factory=list)
    pending: list[CommitId] = field(default_factory=list)
    strange: list[tuple[int, CommitId]] = field(default_factory=list)
    checked: bool = True
    goes_on: bool = True  # whether the line goes on from `after`: else what was counted before may lie off it now


class Covered:
    """What the entries say that they cover, gathered in the verifier's one pass.

    `after` and `config` say where the entries go on that are observed, where those before were held against the branch already.
    """

    def __init__(self, after: CommitId | None = None, config: Config | None = None) -> None:
        self._start: CommitId | None = None  # the first commit that is audited
        self._commits: dict[CommitId, int] = {}  # by the entry that tells of it
        self.rewritten = False  # whether the source branch was replaced since, so that what lay before is not counted
        self._merged: dict[CommitId, CommitId | None] = {}  # what came in by a merge, and where the step began
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
                self._commits[source.commit] = entry.sequence
                self._merged.update((merged.commit, source.previous) for merged in source.merged)
                self._last = source.commit
            case ConfigBody(source=source, config=config, in_force=in_force):
                self._commits[source.commit] = entry.sequence
                self._last = source.commit
                if in_force and config is not None:
                    self._configs[source.commit] = config
                    if source.commit == self._after:
                        self._at_start = config
            case RewriteBody(to=commit):
                # What lies behind a rewrite is told by its net difference.
                self._commits = {commit: entry.sequence}
                self._merged.clear()
                self.rewritten = True
                self._last = self._after = commit
                self._at_start = [self._at_start, *self._configs.values()][-1]

    def follow(self, later: Covered) -> None:
        """Take in what was gathered of the entries that follow."""
        if later.rewritten:
            self._commits, self._merged, self.rewritten = {}, {}, True
            self._after, self._at_start = later._after, later._at_start
        elif self._after in later._configs:
            self._at_start = later._configs[self._after]
        self._commits.update(later._commits)
        self._merged.update(later._merged)
        self._configs.update(later._configs)
        self._last = later._last or self._last

    def against(self, repo: Repository, snapshots: Snapshots, head: CommitId) -> Coverage:
        """Hold the source branch against it, each commit under the configuration in force before it."""
        if self._at_start is None:
            raise CannotTell("the log has no genesis")
        found = Coverage(head=self._last)
        start = self._after or self._start
        line = _since(repo, head, start)
        found.goes_on = start is None or (repo.first_parent(line[0]) if line else head) == start
        if start is not None and self._after is None:
            line = [start, *line]
        adrift = self._on_the_branch(repo, line, head, found)
        reached = self._reached(repo, line)
        touching = _Touching(repo, Selection(repo, snapshots, self._at_start))
        for number, commit in enumerate(line):
            if commit in self._commits or self._came_in(repo, commit):
                found.covered += 1
            elif touching.touches(commit, first=commit == start):
                (found.uncovered if number <= reached else found.pending).append(commit)
            if commit in self._configs:
                touching = _Touching(repo, Selection(repo, snapshots, self._configs[commit]))
        if adrift is not None and not found.pending:
            raise CannotTell(
                f"{(self._last or '')[:7]}, which was recorded last, is not on it: it is behind here (git fetch), or was rewritten and "
                "nobody recorded that yet, or that commit never was there"
            )
        return found

    def _on_the_branch(self, repo: Repository, line: list[CommitId], head: CommitId, found: Coverage) -> int | None:
        """Hold each commit that was recorded against the branch.

        Return the entry of the last one where it is not there: the branch here is behind, or was rewritten and nobody recorded that
        yet, or the commit never was there.
        """
        here, adrift = set(line), None
        gone: list[tuple[int, CommitId]] = []
        recorded = {self._after: -1, **self._commits} if self._after is not None else self._commits
        for commit, sequence in recorded.items():
            if commit in here or (repo.has(commit) and repo.is_ancestor(commit, head)):
                # The branch went on from here: what was told before and is not there never was.
                found.strange += gone
                gone.clear()
            elif commit == self._last:
                adrift = sequence
            elif sequence >= 0:
                gone.append((sequence, commit))
        return adrift

    def _came_in(self, repo: Repository, commit: CommitId) -> bool:
        """Tell whether a commit was told of as a merge's side: it was one, unless it lies behind where that step began."""
        previous = self._merged.get(commit)
        return previous is not None and not repo.is_ancestor(previous, commit)

    def _reached(self, repo: Repository, line: list[CommitId]) -> int:
        """Return the place of the newest commit of the line that was recorded, or lies behind what was recorded last."""
        last = self._last
        told = max(
            (number for number, one in enumerate(line) if one in self._commits or one in self._merged), default=-1
        )
        if last is None:
            return told
        # On a line of first parents all that lies before an ancestor is one, too.
        return max(told, bisect_left(line, 1, key=lambda one: 0 if repo.is_ancestor(one, last) else 1) - 1)


def _since(repo: Repository, head: CommitId, start: CommitId | None) -> list[CommitId]:
    """Return the first-parent commits of a branch, oldest first, that are new since `start`, which may lie off that line."""
    line = first_parents(repo, head, start)
    if start is None or not line or repo.links(line[0]).parents[:1] == (start,) or not repo.has(start):
        return line
    for number in range(len(line) - 1, -1, -1):
        if repo.is_ancestor(line[number], start):
            return line[number + 1 :]
    return line


class _Touching:
    """Which commits touch what one configuration audits: most can be told by the top of their trees."""

    def __init__(self, repo: Repository, selection: Selection) -> None:
        self._repo = repo
        self._selection = selection
        names = selection.environments.tops
        self._tops = Tops(repo, (*names, *CONFIG_TOPS)) if names is not None else None

    def touches(self, commit: CommitId, *, first: bool) -> bool:
        """Tell whether a commit differs from its first parent in what is audited; the first that is audited from nothing."""
        known = self._repo.links(commit)
        parent = self._repo.links(known.parents[0]).tree if known.parents and not first else None
        if parent == known.tree:
            return False
        if parent is not None and self._tops is not None and not self._tops.differ(parent, known.tree):
            return False
        return self._selection.touches(parent, known.tree)
