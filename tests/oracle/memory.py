"""Own what a machine saw of a log before, and what it follows from that (level B of the threat model)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle import merkle
from tests.oracle.verifier import Verdict


@dataclass
class Memory:
    """How many entries a machine saw, and their root; nothing as long as it saw none."""

    size: int = 0
    root: bytes = b""
    genesis: str = ""

    def problems(self, verdict: Verdict) -> set[tuple[str, int | None]]:
        """Return how a log contradicts what was seen: the code, and the entry where one is meant."""
        found: set[tuple[str, int | None]] = set()
        if self.size and verdict.leaves and verdict.genesis != self.genesis:
            found.add(("wrong-genesis", 0))
        if self.size > verdict.entries:
            found.add(("rolled-back", None))
        elif self.size and verdict.good >= self.size and merkle.root(verdict.leaves[: self.size]) != self.root:
            found.add(("forked", self.size - 1))
        return found

    def saw(self, verdict: Verdict) -> None:
        """Keep what is longer than what was seen."""
        if verdict.good > self.size:
            self.size, self.root, self.genesis = verdict.good, verdict.root, verdict.genesis
