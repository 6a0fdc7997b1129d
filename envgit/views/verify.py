"""Own how a verification is told: what was checked, what it rests on, and the document `envgit.verify/1`."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.escape import terminal
from envgit.log.verification import Verification
from envgit.words import count, short

# What stands under these is a digest, or one of our own words.
TYPED = frozenset({"code", "genesis", "level", "pending", "schema", "trust"})


def document(view: Verification) -> dict[str, object]:
    """Return the document `envgit.verify/1`."""
    return {
        "schema": "envgit.verify/1",
        "ok": view.ok and view.checked,
        "level": view.level or None,
        "trust": view.trust,
        "genesis": view.genesis,
        "deep": view.deep,
        "entries": view.entries,
        "problems": [
            {"code": str(problem.code), "sequence": problem.sequence, "detail": problem.detail}
            for problem in view.problems
        ],
        "pending": list(view.pending),
        "covered": view.covered if view.checked else None,
        "unopened": view.unopened,
        "newer_from": view.newer_from,
        "raise_by": list(view.raise_by),
    }


def lines(view: Verification) -> Iterator[str]:
    """Return the lines of a sound log; `errors` has those of one that is not."""
    keys = ", ".join(f"{terminal(name)} ({fingerprint})" for name, fingerprint, _number in view.signers)
    yield f"{count(view.entries, 'entry')}: every signature good, by {keys}, {_named(view)}"
    if view.head is not None:
        yield (
            f"{count(view.covered, 'commit')} on {terminal(view.branch)} that touch an environment have their entry, "
            f"up to {short(view.head)}"
        )
    if view.seen:
        yield f"this log continues the one that this machine saw on {view.seen} ({count(view.seen_entries, 'entry')})"
    if view.deep:
        yield f"{count(view.compared, 'file revision')} compared with what the entries say of the values"
    if view.unopened:
        yield f"{count(view.unopened, 'file revision')} could not be compared: no identity here opens them"
    yield from view.notes
    if view.checked:
        yield _verdict(view)
    if not view.deep or not view.compared:
        yield "not checked: that the recorder told the truth about values (verify --deep, needs an identity)"
    yield "not provable here: the dates, and anything before this machine's first look"


def pending(view: Verification) -> str:
    """Return the line on commits that await their entry."""
    named = " ".join(short(commit) for commit in view.pending[:5])
    more = f" and {len(view.pending) - 5} more" if len(view.pending) > 5 else ""
    verb = "touches" if len(view.pending) == 1 else "touch"
    return (
        f"{count(len(view.pending), 'commit')} on {terminal(view.branch)} {verb} an environment and "
        f"{'has' if len(view.pending) == 1 else 'have'} no entry yet: {named}{more}; envgit record"
    )


def errors(view: Verification) -> Iterator[str]:
    """Return a line a problem, and what still stands."""
    for problem in view.problems:
        yield f"error: {terminal(problem.detail)} [{problem.code}]"
    stands = f"entries 0 to {view.good - 1} are as signed" if view.good else "no entry is as signed"
    yield f"NOT OK: {count(len(view.problems), 'problem')}; {stands}"
    if view.evidence:
        yield f"both checkpoints kept as evidence: {terminal(view.evidence)}"
    yield "do not run record; docs/runbook.md says what to keep and whom to ask"


def _named(view: Verification) -> str:
    return {
        "given": f"named by the trust root from {view.trust_source}",
        "pinned": f"named by the genesis in {view.trust_source}",
        "first-use": "named by a genesis that this machine sees for the first time",
    }[view.trust]


def _verdict(view: Verification) -> str:
    if not view.level and view.seen:
        return "OK, but no level: this machine trusted the genesis on first use; give your team's with --trust-root"
    if not view.level:
        return f"OK, but no level yet: trusting on first use the genesis {view.genesis}: compare it with your team's"
    if view.level == "B":
        return f"OK, level B: those {view.seen_entries} are unchanged, even had the signing key been stolen since"
    return "OK, level A: as signed since the genesis you named"


def incomplete(found: Verification, require: str | None) -> tuple[int, str]:
    """Return the exit status of what is not wrong and yet not all, 0 where all is; and what to say of it."""
    if not found.checked:
        return (
            3,
            "cannot tell whether every commit has its entry: the source branch could not be held against the log",
        )
    if found.deep and found.unopened and not found.compared:
        return (
            3,
            "cannot tell whether the entries are true of the values: no identity here opens any of the files",
        )
    if found.newer_from is not None:
        return 4, f"needs a newer envgit from entry {found.newer_from}"
    if found.pending:
        return 4, pending(found)
    if require and (not found.level or found.level < require):
        reached = found.level or "none"
        return 4, f"level {require} is required, and {reached} was reached; {'; '.join(found.raise_by)}"
    return 0, ""
