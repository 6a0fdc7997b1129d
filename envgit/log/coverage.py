"""Own coverage: which commits of the source branch that touch an environment have their entry in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from envgit.audit.entry import ChangeBody, ConfigBody, Entry, RewriteBody
from envgit.git.history import first_parents
from envgit.git.repository import Repository
from envgit.log.selection import Selection
from envgit.log.snapshots import Snapshots
from envgit.model import CommitId, Config


@dataclass
class Coverage:
    """Which commits of the source branch have their entry."""

    covered: int = 0
    head: CommitId | None = None
    uncovered: list[CommitId] = field(default_factory=list)
    pending: list[CommitId] = field(default_factory=list)


def coverage(
    repo: Repository, snapshots: Snapshots, entries: Iterable[Entry], config: Config, start: CommitId | None, head: CommitId
) -> Coverage:
    """Tell which commits of the source branch that touch an environment have no entry.

    Each is judged under the configuration in force before it. A commit behind the last one recorded is pending, not missing.
    """
    has_entry: set[CommitId] = set()
    configs: dict[CommitId, Config] = {}
    last = base = None
    for entry in entries:
        body = entry.body
        if isinstance(body, ChangeBody | ConfigBody):
            has_entry.add(body.source.commit)
            has_entry.update(merged.commit for merged in body.source.merged)
            last = body.source.commit
            if isinstance(body, ConfigBody) and body.in_force and body.config:
                configs[last] = body.config
        elif isinstance(body, RewriteBody):
            # What lies behind a rewrite is told by its net difference.
            last = base = body.to
            has_entry.add(body.to)
    found = Coverage(head=last)
    line = list(first_parents(repo, head, base or start))
    reached = {commit: number for number, commit in enumerate(line)}.get(last, -1) if last else -1
    selection = Selection(repo, snapshots, config)
    for number, commit in enumerate(line):
        if commit in has_entry:
            found.covered += 1
        elif _touches(repo, selection, commit):
            (found.uncovered if number < reached else found.pending).append(commit)
        if commit in configs:
            selection = Selection(repo, snapshots, configs[commit])
    return found


def _touches(repo: Repository, selection: Selection, commit: CommitId) -> bool:
    known = repo.commit(commit)
    parent = repo.commit(known.parents[0]).tree if known.parents else None
    return selection.touches(parent, known.tree)
