"""Own the whole of a verification: the log's own rules, what this machine saw before, the source branch, and with `deep` the values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envgit.audit.entry import Entry
from envgit.audit.verify import Code, Problem, Report, StoredObjects, verify_log
from envgit.errors import CannotTell, EnvgitError
from envgit.log.branch import Log
from envgit.log.clock import now
from envgit.log.coverage import Coverage, Covered
from envgit.log.deep import Comparison, Deep
from envgit.log.files import Keys
from envgit.log.pins import Pin, Pins, worth_pinning
from envgit.log.session import Session
from envgit.log.snapshots import Snapshots
from envgit.log.trust import Basis, Trust, resolve
from envgit.model import CommitId, Digest, ObjectId
from envgit.signing import verified
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`.

    `level` is "", "A" or "B"; `trust` one of given, pinned, first-use; `deep` says whether values were compared too, and `unopened`
    how many files no identity opened then. `checked` is false where the source branch could not be held against it; `pending` are commits that await their entry. `good` counts the entries that are as
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

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; what could not be checked is not wrong."""
        return not self.problems


def verification(run: Session, *, trust_root: str = "", deep: bool = False) -> Verification:
    """Verify the log of a repository, and remember what was seen where all is well.

    Raise LogError where there is none, CannotTell where objects that are needed are not here.
    """
    log = run.require_log()
    pins = Pins(run.environ, run.home, run.named)
    pin = pins.read()
    trust = resolve(trust_root, run.environ, run.repo, run.named, pin)
    covered = Covered()
    report = _report(run, log, covered, pin)
    problems = [*report.problems, *_against_trust(trust, report), *_against_pin(pin, report)]
    coverage, notes = _coverage(run, covered, report)
    rolled_back = any(problem.code is Code.ROLLED_BACK for problem in problems)
    branch = log.state.config.branch
    problems += _uncovered([*coverage.uncovered, *(coverage.pending if rolled_back else ())], branch)
    compared = _deep(run, log, report) if deep and not report.problems else Deep()
    problems += compared.problems
    level = _level(trust, pin) if not problems and coverage.checked else ""
    found = Verification(
        branch=branch,
        entries=report.entries,
        good=report.good,
        problems=tuple(problems),
        signers=tuple((name, key, number) for (name, key), number in report.signers.items()),
        level=level,
        trust=str(trust.basis),
        trust_source=trust.source,
        genesis=report.genesis,
        covered=coverage.covered,
        head=coverage.head,
        pending=() if rolled_back else tuple(coverage.pending),
        checked=coverage.checked,
        seen=pin.seen_at if pin else "",
        seen_entries=pin.size if pin else 0,
        deep=deep,
        compared=compared.compared,
        unopened=compared.unopened,
        notes=(*notes, *_said_of(report, compared)),
        newer_from=report.newer_from,
        raise_by=_raise_by(level),
        evidence=_evidence(run, pins, pin, log, report, problems),
    )
    sound = found.ok and report.newer_from is None and report.genesis and report.state
    if sound and worth_pinning(run.repo, run.remote, run.audit_branch, log.tip) and report.genesis and report.state:
        found = _remembered(
            found,
            pins,
            Pin(report.genesis, report.entries, report.state.root.hex(), now(), level, _rests_on(trust, pin)),
        )
    return found


def _rests_on(trust: Trust, pin: Pin | None) -> str:
    """Return what the pin rests on: a first look stays one, however often it is repeated, until the genesis is given."""
    return str(trust.basis) if pin is None or trust.basis is Basis.GIVEN else pin.trust or str(trust.basis)


def _remembered(found: Verification, pins: Pins, pin: Pin) -> Verification:
    """Move the pin along; where that cannot be done the answer stands, and says so."""
    try:
        pins.advance(pin)
    except CannotTell as error:
        return replace(found, notes=(*found.notes, f"not remembered on this machine: {error}"))
    return found


def _report(run: Session, log: Log, covered: Covered, pin: Pin | None) -> Report:
    if log.tip is None:
        raise CannotTell("this log is only in memory")
    objects = StoredObjects(run.repo.raw, run.repo.size)
    try:
        return verify_log(
            objects, ObjectId(log.tip), verified, observe=covered.observe, root_at=pin.size if pin else None
        )
    except CannotTell as error:
        raise CannotTell(f"cannot verify: {error}") from None


def _against_trust(trust: Trust, report: Report) -> Iterator[Problem]:
    if trust.genesis is not None and report.genesis is not None and trust.genesis != report.genesis:
        check = "; first check the hash that you gave" if trust.basis is Basis.GIVEN else ""
        detail = f"the log begins with {report.genesis[:15]}…, and {trust.source} names {trust.genesis[:15]}…{check}"
        yield Problem(Code.WRONG_GENESIS, 0, detail)


def _against_pin(pin: Pin | None, report: Report) -> Iterator[Problem]:
    """Compare a log with what this machine saw: it may have grown, and nothing else."""
    if pin is None:
        return
    if report.entries < pin.size:
        detail = f"this machine saw {pin.size} entries at {pin.seen_at}, the branch now has {report.entries}"
        yield Problem(Code.ROLLED_BACK, None, detail)
    elif report.good >= pin.size and (report.root_then or b"").hex() != pin.root:
        detail = (
            f"the first {pin.size} entries had root {pin.root[:8]} when this machine looked at {pin.seen_at}, "
            f"now it is {(report.root_then or b'').hex()[:8]}"
        )
        yield Problem(Code.FORKED, pin.size - 1, detail)


def _coverage(run: Session, covered: Covered, report: Report) -> tuple[Coverage, list[str]]:
    if report.state is None or covered.genesis is None:
        return Coverage(checked=False), []
    branch = report.state.config.branch
    try:
        head = run.source_head(branch)
        snapshots = Snapshots(run.repo, Reader(None))
        return covered.against(run.repo, snapshots, head), []
    except EnvgitError as error:
        return Coverage(checked=False), [f"not checked: that {branch} has an entry for every commit ({error})"]


def _uncovered(commits: list[CommitId], branch: str) -> Iterator[Problem]:
    if commits:
        named = " ".join(commit[:7] for commit in commits[:5]) + (
            f" and {len(commits) - 5} more" if len(commits) > 5 else ""
        )
        what = "commit" if len(commits) == 1 else "commits"
        verbs = ("touches", "has") if len(commits) == 1 else ("touch", "have")
        detail = f"{len(commits)} {what} on {branch} {verbs[0]} an environment and {verbs[1]} no entry: {named}"
        yield Problem(Code.UNCOVERED, None, detail)


def _deep(run: Session, log: Log, report: Report) -> Deep:
    keyring = Keyring.discover(run.environ, run.home)
    comparison = Comparison(run.repo, Snapshots(run.repo, Reader(keyring), run.watch), Keys(keyring))
    entries: Iterator[Entry] = (log.entry(sequence) for sequence in range(min(report.good, log.size)))
    return comparison.run(entries)


def _level(trust: Trust, pin: Pin | None) -> str:
    """Return the level: none rests on a first look, however often that is repeated."""
    if trust.basis is Basis.GIVEN:
        return "A" if pin is None else "B"
    return "B" if pin is not None and pin.trust != Basis.FIRST_USE else ""


def _said_of(report: Report, compared: Deep) -> Iterator[str]:
    if report.state is not None:
        if report.state.record.config_pending:
            yield "config-pending: another configuration waits for the roots' approval; the old one is in force"
        if not report.state.signers.threshold:
            yield "no root is named: whoever holds the signing key is all the authority there is"
    for warning in report.warnings[:3]:
        yield f"odd, and no proof of anything: {warning.detail} [{warning.code}]"
    if compared.gone:
        yield f"{compared.gone} revisions could not be compared: their commits are not here any more"


def _raise_by(level: str) -> tuple[str, ...]:
    if not level:
        return ("give the genesis hash that envgit init printed: --trust-root, or ENVGIT_TRUST_ROOT",)
    return ("verify again later on this machine: then it is pinned",) if level == "A" else ()


def _evidence(run: Session, pins: Pins, pin: Pin | None, log: Log, report: Report, problems: list[Problem]) -> str:
    """Keep both checkpoints of a log that is not the one that was seen, and return where."""
    codes = {problem.code for problem in problems}
    if pin is None or log.tip is None or not codes & {Code.FORKED, Code.ROLLED_BACK}:
        return ""
    raw = run.repo.raw(log.tip)[1].decode("utf-8", "replace")
    text = (
        f"seen {pin.seen_at}: genesis {pin.genesis}, {pin.size} entries, root {pin.root}\n"
        f"now: genesis {report.genesis}, {report.entries} entries, tip {log.tip}\n\n{raw}\n"
    )
    return str(pins.keep_evidence(f"fork-{log.tip[:12]}.txt", text))
