"""Own the whole of a verification: the log's own rules, what this machine saw before, what outsiders say, the source branch, and with `deep` the values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envgit.audit.entry import AnchorBody, Entry
from envgit.audit.verify import Code, Problem, Report, Since, StoredObjects, verify_log
from envgit.errors import CannotTell, EnvgitError
from envgit.log.branch import Log, OddLog, opened
from envgit.log.clock import now
from envgit.log.coverage import Coverage, Covered
from envgit.log.deep import Comparison, Deep
from envgit.log.evidence import Evidence, Times, gathered
from envgit.log.files import Keys
from envgit.log.halves import in_halves
from envgit.log.judges import Judges, judges
from envgit.log.pins import Checked, Pin, Pins, worth_pinning
from envgit.log.session import Session
from envgit.log.snapshots import Snapshots
from envgit.log.trust import Basis, Trust, resolve
from envgit.log.verdict import Verification, Wanted
from envgit.model import CommitId, ObjectId
from envgit.signing import verified
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.words import seconds_of


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over the log and the source branch."""

    report: Report
    coverage: Coverage
    times: Times
    notes: tuple[str, ...]


def verification(run: Session, wanted: Wanted) -> Verification:
    """Verify the log of a repository, and remember what was seen where all is well.

    Raise LogError where there is none, CannotTell where objects that are needed are not here.
    """
    run.repo.fetches = False  # nothing that a repository's settings name is run for a verdict on it
    try:
        log = run.require_log()
    except OddLog as odd:
        return _odd(run, odd)
    pins = Pins(run.environ, run.home, run.named)
    pin = pins.read()
    trust = resolve(wanted.trust_root, run.environ, run.repo, run.named, pin)
    outsiders = judges(run, wanted.policy, wanted.tsa_roots)
    one = _passed(run, log, pin, wanted, outsiders)
    report, coverage = one.report, one.coverage
    outside = gathered(one.times, outsiders, report, wanted.evidence)
    problems = [*report.problems, *_against_trust(trust, report), *_against_pin(pin, report), *outside.problems]
    rolled_back = any(problem.code is Code.ROLLED_BACK for problem in problems)
    branch = log.state.config.branch
    problems += (
        Problem(Code.FALSE_SOURCE, number, f"entry {number} tells of {commit[:7]}, which {branch} never had")
        for number, commit in coverage.strange
    )
    problems += _uncovered([*coverage.uncovered, *(coverage.pending if rolled_back else ())], branch)
    compared = _deep(run, log, report) if wanted.deep and not report.problems else Deep()
    problems += compared.problems
    level = _level(trust, pin, outside) if not problems and coverage.checked and report.newer_from is None else ""
    newest, newest_by = _newest(one.times, outside, report, log)
    found = Verification(
        branch=branch,
        entries=report.entries,
        good=report.good,
        since=report.since,
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
        deep=wanted.deep,
        compared=compared.compared,
        unopened=compared.unopened,
        notes=(*one.notes, *outside.notes, *_said_of(report, compared)),
        newer_from=report.newer_from,
        raise_by=_raise_by(level, outsiders),
        evidence=_evidence(run, pins, pin, log, report, problems),
        outside=tuple(outside.said),
        newest=newest,
        newest_by=newest_by,
    )
    return _remembered(run, log, found, pins, _pin(report, found, trust, pin, outsiders.digest))


def _odd(run: Session, odd: OddLog) -> Verification:
    """Say what is wrong with a log whose tip cannot even be read as where it stands; raise `odd` where nothing else is."""
    report = verify_log(StoredObjects(run.repo.raw, run.repo.size), ObjectId(odd.tip), verified)
    if not report.problems:
        raise odd
    state, genesis = report.state, report.genesis
    return Verification(
        branch=state.config.branch if state else "",
        entries=report.entries,
        good=report.good,
        since=0,
        problems=tuple(report.problems),
        signers=(),
        level="",
        trust=str(Basis.FIRST_USE),
        trust_source="",
        genesis=genesis,
        covered=0,
        head=None,
        checked=False,
    )


def _passed(run: Session, log: Log, pin: Pin | None, wanted: Wanted, outsiders: Judges) -> _Pass:
    """Go over what is new since this machine verified the log, or over all of it where that is asked, or needed."""
    checked = pin.checked if pin and not (wanted.everything or wanted.deep or wanted.evidence) else None
    # Others may know better when the entries were made that were verified then.
    if checked is not None and checked.judges == outsiders.digest:
        since = Since(ObjectId(checked.commit), checked.size, bytes.fromhex(checked.root))
        known = _known(run, since)
        if known is not None:
            covered, times = known
            report = _report(run, log, covered, times, pin, since)
            coverage, notes = _coverage(run, covered, report)
            if report.since and coverage.checked and (covered.rewritten or coverage.goes_on):
                coverage.covered += 0 if covered.rewritten else checked.covered
                return _Pass(report, coverage, times, notes)
    halves = in_halves(run.repo, ObjectId(log.tip), log.size, pin.size if pin else None) if log.tip else None
    if halves is not None:
        report, covered, times = halves
    else:
        covered, times = Covered(), Times()
        report = _report(run, log, covered, times, pin, None)
    coverage, notes = _coverage(run, covered, report)
    return _Pass(report, coverage, times, notes)


def _known(run: Session, since: Since) -> tuple[Covered, Times] | None:
    """Return what the entries before `since` leave for the ones behind it, None where they cannot be taken up there."""
    try:
        log = opened(run.repo, "", CommitId(since.commit))
    except EnvgitError:
        return None
    if log.state.source_commit is None:
        return None
    placed = ((anchor.entry, log.entry(anchor.entry).body) for anchor in log.state.record.anchors)
    anchors = [(number, body) for number, body in placed if isinstance(body, AnchorBody)]
    return Covered(log.state.source_commit, log.state.config), Times(since.size, anchors)


def _pin(report: Report, found: Verification, trust: Trust, pin: Pin | None, judges: str) -> Pin | None:
    """Return what is to be remembered, None where not all is well."""
    if not found.ok or report.newer_from is not None or not report.genesis or not report.state or not report.tip:
        return None
    root = report.state.root.hex()
    checked = pin.checked if pin else None
    if found.checked:
        checked = Checked(report.tip, report.entries, root, found.covered, judges)
    return Pin(report.genesis, report.entries, root, now(), found.level, _rests_on(trust, pin), checked)


def _rests_on(trust: Trust, pin: Pin | None) -> str:
    """Return what the pin rests on: a first look stays one, however often it is repeated, until the genesis is given."""
    return str(trust.basis) if pin is None or trust.basis is Basis.GIVEN else pin.trust or str(trust.basis)


def _remembered(run: Session, log: Log, found: Verification, pins: Pins, pin: Pin | None) -> Verification:
    """Move the pin along; where that cannot be done the answer stands, and says so."""
    if pin is None or not worth_pinning(run.repo, run.remote, run.audit_branch, log.tip):
        return found
    try:
        pins.advance(pin)
    except CannotTell as error:
        return replace(found, notes=(*found.notes, f"not remembered on this machine: {error}"))
    return found


def _report(run: Session, log: Log, covered: Covered, times: Times, pin: Pin | None, since: Since | None) -> Report:
    if log.tip is None:
        raise CannotTell("this log is only in memory")

    def observe(entry: Entry) -> None:
        covered.observe(entry)
        times.observe(entry)

    try:
        return verify_log(
            StoredObjects(run.repo.raw, run.repo.size),
            ObjectId(log.tip),
            verified,
            observe=observe,
            root_at=pin.size if pin else None,
            since=since,
        )
    except CannotTell as error:
        raise CannotTell(f"cannot verify: {error}") from None


def _newest(times: Times, outside: Evidence, report: Report, log: Log) -> tuple[int | None, str]:
    """Return the latest time at which the log is known to have been as it is, and by whose word."""
    latest = times.last
    if latest is None and report.good and report.newer_from is None:
        latest = seconds_of(log.entry(report.good - 1).recorded_at)
    claims = [(latest, "the signing key's holder")] if latest is not None else []
    claims += [(said.seconds, ", ".join(said.by)) for said in outside.said]
    return max(claims, default=(None, ""))


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


def _coverage(run: Session, covered: Covered, report: Report) -> tuple[Coverage, tuple[str, ...]]:
    if report.state is None:
        return Coverage(checked=False), ()
    branch = report.state.config.branch
    try:
        head = _head(run, branch)
        snapshots = Snapshots(run.repo, Reader(None))
        return covered.against(run.repo, snapshots, head), ()
    except EnvgitError as error:
        return Coverage(checked=False), (f"not checked: that {branch} has an entry for every commit ({error})",)


def _head(run: Session, branch: str) -> CommitId:
    """Return the source branch's newest commit that is known here: a branch that was fetched and not pulled is not behind."""
    head = run.source_head(branch)
    there = run.repo.ref(f"refs/remotes/{run.remote}/{branch}") if run.remote else None
    return CommitId(there) if there is not None and run.repo.is_ancestor(head, CommitId(there)) else head


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


def _level(trust: Trust, pin: Pin | None, outside: Evidence) -> str:
    """Return the level: none rests on a first look, however often that is repeated."""
    if trust.basis is not Basis.GIVEN and (pin is None or pin.trust == Basis.FIRST_USE):
        return ""
    if outside.said:
        return "C"
    return "A" if pin is None else "B"


def _said_of(report: Report, compared: Deep) -> Iterator[str]:
    if report.state is not None:
        if (waiting := report.state.record.config_pending) is not None:
            yield (
                f"config-pending: the configuration of entry {waiting} waits for the roots' approval (envgit signers approve); "
                "the old one is in force"
            )
        if not report.state.signers.threshold:
            yield "no root is named: whoever holds the signing key is all the authority there is"
    for warning in report.warnings[:3]:
        yield f"odd, and no proof of anything: {warning.detail} [{warning.code}]"
    if compared.gone:
        yield f"{compared.gone} revisions could not be compared: their commits are not here any more"


def _raise_by(level: str, outsiders: Judges) -> tuple[str, ...]:
    if not level:
        return ("give the genesis hash that envgit init printed: --trust-root, or ENVGIT_TRUST_ROOT",)
    if level == "C":
        return ()
    later = ("verify again later on this machine: then it is pinned",) if level == "A" else ()
    if outsiders.policy is None and outsiders.authorities is None:
        return (*later, "name witnesses or a time-stamp authority: --policy, --tsa-roots (docs/witness.md)")
    return (*later, "have the log witnessed or time-stamped: envgit anchor, envgit witness")


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
