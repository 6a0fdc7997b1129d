"""Stamp the commit that a distribution is built from into it, so that `envgit init` can pin the Action to that very commit."""

import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "envgit/commit.txt"


class CommitStamp(BuildHookInterface):
    """Write the commit beside the package; a build from an sdist has it already."""

    def initialize(self, version, build_data):
        """Write the stamp, and have it included although git ignores it."""
        if version == "editable":
            return
        root = Path(self.root)
        if (root / ".git").exists():
            done = subprocess.run(["git", "-C", self.root, "rev-parse", "HEAD"], capture_output=True, text=True)
            if done.returncode == 0:
                (root / STAMP).write_text(done.stdout)
        if (root / STAMP).exists():
            build_data["artifacts"].append(STAMP)
