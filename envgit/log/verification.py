"""Own the whole of a verification: the log's own rules, what this machine saw before, the source branch, and with `deep` the values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from envgit.audit.verify import Code, Problem, Report, verify_log
from envgit.errors import EnvgitError, LogError
from envgit.log.branch import LogObjects
from envgit.log.clock import now
from envgit.log.coverage import Coverage, coverage
from envgit.log.deep import Comparison, Deep
from envgit.log.files import Keys
from envgit.log.pins import Pin, Pins
from envgit.log.session import Session
from envgit.log.snapshots import Snapshots
from envgit.log.trust import Basis, Trust, resolve
from envgit.model import CommitId, Digest
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`.

    `level` is "", "A" or "B"; `trust` one of given, pinned, first-use; `deep` says whether values were compared too, and `unopened`
    how many files no identity opened then. `pending` are commits that await their entry. `good` counts the entries that are as
    signed.
    """

    branch: str
    entries: int
    good: int
    problems: tuple[Problem, ...]
    signers: tuple[tuple[str, str, int], ...]
    level: str
    trust: str
    trust_source: str
    genesis: Digest | None
    covered: int
    head: CommitId | None
    pending: tuple[CommitId, ...] = ()
    seen: str = ""
    seen_entries: int = 0
    deep: bool = False
    compared: int = 0
    unopened: int = 0
    notes: tuple[str, ...] = ()
    newer_from: int | None = None
    raise_by: tuple[str, ...] = ()
    evidence: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; what could not be checked is not wrong."""
        return not self.problems


def against_pin(pin: Pin | None, entries: int, root_then: str | None) -> Iterator[Problem]:
    """Compare a log with what this machine saw: it may have grown, and nothing else. `root_then` is its root at the pin's size."""
    if pin is None:
        return
    if entries < pin.size:
        yield Problem(
            Code.ROLLED_BACK,
            None,
            f"this machine saw {pin.size} entries at {pin.seen_at}, the branch now has {entries}",
        )
    elif root_then != pin.root:
        yield Problem(
            Code.FORKED,
            None,
            f"the first {pin.size} entries had root {pin.root[:8]} at {pin.seen_at}, now they have {(root_then or '')[:8]}",
        )


def against_trust(trust: Trust, genesis: str) -> Iterator[Problem]:
    """Compare the genesis with the one that is trusted."""
    if trust.genesis is not None and trust.genesis != genesis:
        yield Problem(
            Code.WRONG_GENESIS,
            0,
            f"the log begins with {genesis[:15]}…, and {trust.source} names {trust.genesis[:15]}…",
        )


def verification(run: Session, *, trust_root: str = "", deep: bool = False) -> Verification:
    """Verify the log of a repository, and remember what was seen where all is well.

    Raise LogError where there is none, CannotTell where objects that are needed are not here.
    """
    log = run.require_log()
    pins = Pins(run.environ, run.home, run.named)
    pin = pins.read()
    trust = resolve(trust_root, run.environ, run.repo, run.named, pin)
    report = verify_log(LogObjects(run.repo, log.tip), root_at=pin.size if pin else None)
    problems = [*report.problems, *against_trust(trust, report.genesis), *against_pin(pin, report)]
    covered, notes = _coverage(run, report)
    rolled_back = any(problem.code is Code.ROLLED_BACK for problem in problems)
    missing = [*covered.uncovered, *(covered.pending if rolled_back else ())]
    problems += [_uncovered(commit, covered, log.state.config.branch) for commit in missing]
    compared = _deep(run, report) if deep else Deep()
    problems += compared.problems
    level = _level(trust, pin) if not problems else ""
    found = Verification(
        branch=log.state.config.branch,
        entries=report.entries,
        good=report.good,
        problems=tuple(problems),
        signers=report.signers,
        level=level,
        trust=str(trust.basis),
        trust_source=trust.source,
        genesis=report.genesis,
        covered=covered.covered,
        head=covered.head,
        pending=() if rolled_back else tuple(covered.pending),
        seen=pin.seen_at if pin else "",
        seen_entries=pin.size if pin else 0,
        deep=deep,
        compared=compared.compared,
        unopened=compared.unopened,
        notes=tuple(notes),
        newer_from=report.newer_from,
        raise_by=_raise_by(trust, level),
        evidence=_evidence(pins, pin, report, problems),
    )
    if found.ok and report.newer_from is None:
        pins.advance(Pin(report.genesis, report.entries, report.root, now(), level, str(trust.basis)))
    return found
