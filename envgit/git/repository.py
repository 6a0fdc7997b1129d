"""Own the one object through which the rest of envgit reads a repository, and writes objects and refs into it.

The index, the work tree and HEAD are never touched. Each part answers one kind of question: objects by id, trees, commits and their
descent, refs, settings, the work tree.
"""

from __future__ import annotations

from pathlib import Path

from envgit.git.objects import Absent
from envgit.git.opening import open_from
from envgit.git.refs import RefMoved, Refs
from envgit.git.settings import Settings
from envgit.git.trees import GITLINK, TREE, Enter, TreeEntry, Trees
from envgit.git.worktree import WorkTree

__all__ = ["GITLINK", "TREE", "Absent", "Enter", "RefMoved", "Repository", "TreeEntry"]


class Repository(Refs, Trees, Settings, WorkTree):
    """A git repository, found as git finds it from `start`."""

    @classmethod
    def open(cls, start: Path) -> Repository:
        """Open the repository that `start` lies in; raise RepositoryError, saying what to do, where it cannot be read."""
        return cls(open_from(start), start.absolute())
