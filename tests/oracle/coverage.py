"""Own the source branch, naively: which of its steps touch an audited file, and which of those have their entry (T4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.objects import CannotTell, Repository
from tests.oracle.verifier import Verdict

Config = dict[str, Any]
CONFIGURATIONS = (".envgit.yaml", ".github/envgit.yaml")
NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the empty tree
_PARTS = re.compile(r"\*\*/?|\*|\{[^}]*\}|[^*{]+")


@dataclass
class Coverage:
    """What of the source branch has its entry; `covered` counts commits.

    `strange` are entries whose commit the branch never had, though it has what was recorded after it.
    """

    uncovered: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    covered: int = 0
    strange: list[int] = field(default_factory=list)
    adrift: bool = field(default=False, compare=False)  # whether what was recorded last is not on the branch


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern of the configuration names a path."""
    made = ""
    for part in _PARTS.findall(pattern):
        if part.startswith("**"):
            made += "(?:[^/]+/)*" if part.endswith("/") else ".*"
        elif part == "*":
            made += "[^/]*"
        else:
            made += "[^/]+" if part.startswith("{") else re.escape(part)
    return re.fullmatch(made, path) is not None


class Source:
    """The source branch of a repository, as the git program shows it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def line(self, tip: str) -> list[str]:
        """Return the first-parent line of a commit, oldest first."""
        return self.repository.git("rev-list", "--first-parent", "--reverse", tip).decode().split()

    def since(self, tip: str, start: str | None) -> list[str]:
        """Return the part of the first-parent line of a commit that is new since another, wherever that lies."""
        line = self.line(tip)
        old = [number for number, commit in enumerate(line) if self.behind(commit, start)]
        return line[old[-1] + 1 :] if old else line

    def behind(self, commit: str | None, last: str | None) -> bool:
        """Tell whether a commit is another, or one of those that it comes from."""
        if commit is None or last is None:
            return False
        known = self.repository.git("rev-list", last, check=False).decode().split()
        return commit in known

    def touches(self, commit: str, config: Config, *, whole: bool) -> bool:
        """Tell whether a commit touches the configuration, or a file that it names on either side.

        `whole` holds it against nothing instead of its first parent.
        """
        parents = self.repository.git("rev-list", "--parents", "-n", "1", commit).decode().split()[1:]
        before = NOTHING if whole or not parents else parents[0]
        said = self.repository.git("diff-tree", "-r", "-z", "--no-renames", before, commit)
        rows = said.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return any(
            path in CONFIGURATIONS or self._audited(path, row.split(" ")[2:4], config)
            for row, path in zip(rows[::2], rows[1::2], strict=True)
        )

    def _audited(self, path: str, blobs: list[str], config: Config) -> bool:
        if config["environments"]:
            return any(matches(row["pattern"], path) for row in config["environments"])
        if not path.endswith((".yaml", ".yml")):
            return False
        return any(self._has_sops(blob) for blob in blobs if set(blob) != {"0"})

    def _has_sops(self, blob: str) -> bool:
        return b"sops:" in self.repository.read(blob)[1].split(b"\n")


def coverage(repository: Repository, verdict: Verdict) -> Coverage:
    """Hold the source branch against a log that was verified; what lies behind the last rewrite is told by its difference."""
    source, found, said = Source(repository), Coverage(), _Said(verdict)
    start = verdict.standing.log["start"]
    tip = repository.ref(f"refs/heads/{verdict.standing.log['config']['branch']}")
    if not tip:
        raise CannotTell("the source branch is not here")
    line = source.since(tip, said.rewritten or start)
    if start is not None and said.rewritten is None:  # the log begins with it, whatever became of the branch
        line = [start, *line]
    for commit, number in said.told.items():
        if not source.behind(commit, tip):
            found.adrift = found.adrift or commit == said.last
            found.strange.append(number)
    if found.adrift:  # the branch was rewritten, and nobody recorded that yet: what else is not on it went with that
        found.strange.clear()
    known = {*said.told, *said.merged}
    reached = [number for number, commit in enumerate(line) if commit in known or source.behind(commit, said.last)]
    config = said.config
    for number, commit in enumerate(line):
        side = commit in said.merged and not source.behind(said.merged[commit], commit)
        if commit in said.told or side:
            found.covered += 1
        elif source.touches(commit, config, whole=commit == start):
            (found.uncovered if reached and number <= reached[-1] else found.pending).append(commit)
        config = said.configs.get(commit, config)
    if found.adrift and not found.pending:
        raise CannotTell(f"{said.last}, which was recorded last, is not on the branch")
    return found


class _Said:
    """What entries say of the source branch since it was rewritten last, or since the beginning."""

    def __init__(self, verdict: Verdict) -> None:
        self.told: dict[str, int] = {}  # each step's commit, by the entry that tells of it last
        self.merged: dict[str, str] = {}  # what came in by a merge, and where that step began
        self.configs: dict[str, Config] = {}  # which commit brought which configuration into force
        self.last: str | None = None
        self.rewritten: str | None = None
        now = self.config = verdict.standing.values[0]["config"]  # in force at the beginning of the line
        for entry in verdict.standing.values:
            if entry["kind"] == "rewrite":
                self.last = self.rewritten = entry["to"]
                self.told, self.merged, self.configs, self.config = {entry["to"]: entry["sequence"]}, {}, {}, now
            if entry["kind"] in ("change", "config"):
                step = entry["source"]
                self.last = step["commit"]
                self.told[self.last] = entry["sequence"]
                self.merged |= {row["commit"]: step["previous"] for row in step.get("merged", []) if step["previous"]}
            if entry["kind"] == "config" and entry["in_force"] and entry["config"]:
                now = entry["config"]
                self.configs[self.last] = now
                self.config = now if self.last == self.rewritten else self.config
