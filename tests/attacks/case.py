"""Own what a case is: one attack, and what git and envgit have to say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .scene import Scene

GROUPS = (
    "without the key",
    "with the stolen key",
    "keys and policy",
    "anchors",
    "the verifier's machine",
    "parsing",
)
# What a finding may rest on, beside the log itself; the words for the table.
NEEDS = {
    "": "the log itself",
    "pin": "what this machine saw before",
    "witness": "a witness's cosignature",
    "time-stamp": "a time-stamp token",
    "deep": "`--deep`, with an identity",
    "source": "the source branch",
    "max-age": "`--max-age`",
}
GIT_ALL_GOOD = "all G"


@dataclass(frozen=True, slots=True)
class Case:
    """One attack.

    `code` are the codes of what envgit finds, sorted, and `status` is its exit status; `level` is the level that it reaches all the
    same. `git` is what `git log --format=%G?` says of the attacked branch. `without` is what envgit says where `needs` is not there,
    as `Said.text` has it. `defect` is why envgit does not do as it should, empty where it does.
    """

    number: int
    name: str
    who: str
    needs: str
    attack: Callable[[Scene], None]
    code: str
    status: int
    git: str = GIT_ALL_GOOD
    level: str = ""
    without: str = ""
    defect: str = ""

    def __str__(self) -> str:
        """Return the case's name as tests are called by it."""
        return f"{self.number} {self.name}"
