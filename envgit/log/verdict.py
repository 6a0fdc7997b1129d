"""Own what is asked of a verification, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from envgit.audit.problems import Problem
from envgit.log.evidence import Said
from envgit.model import CommitId, Digest


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks of a verification; `everything` is not to go on from what this machine verified before."""

    trust_root: str = ""
    deep: bool = False
    everything: bool = False
    policy: str = ""
    tsa_roots: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`.

    `level` is "", "A", "B" or "C"; `trust` one of given, pinned, first-use; `deep` says whether values were compared too, and `unopened`
    how many files no identity opened then. `checked` is false where the source branch could not be held against it; `pending` are commits that await their entry. `good` counts the entries that are as
    signed, `since` those of them that this machine verified before. `outside` is what outsiders said, `newest` the latest time, in
    seconds since 1970, at which the log is known to have been as it is, by word of `newest_by`.
    """

    branch: str
    entries: int
    good: int
    since: int
    problems: tuple[Problem, ...]
    signers: tuple[tuple[str, str, int], ...]
    level: str
    trust: str
    trust_source: str
    genesis: Digest | None
    covered: int
    head: CommitId | None
    pending: tuple[CommitId, ...] = ()
    checked: bool = True
    seen: str = ""
    seen_entries: int = 0
    deep: bool = False
    compared: int = 0
    unopened: int = 0
    notes: tuple[str, ...] = ()
    newer_from: int | None = None
    raise_by: tuple[str, ...] = ()
    evidence: str = ""
    outside: tuple[Said, ...] = ()
    newest: int | None = None
    newest_by: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; what could not be checked is not wrong."""
        return not self.problems
