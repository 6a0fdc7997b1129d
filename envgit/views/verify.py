"""Own how a verification is told: what was checked, what it rests on, and the document `envgit.verify/1`."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.escape import terminal
from envgit.log.verdict import Verification
from envgit.words import count, rfc3339, short

# What stands under these is a digest, or one of our own words.
TYPED = frozenset({"code", "genesis", "level", "pending", "schema", "trust", "type"})


def document(view: Verification) -> dict[str, object]:
    """Return the document `envgit.verify/1`."""
    return {
        "schema": "envgit.verify/1",
        "ok": view.ok and view.checked and not _blind(view),
        "level": view.level or None,
        "trust": view.trust,
        "genesis": view.genesis,
        "deep": view.deep,
        "entries": view.entries,
        "since": view.since,
        "problems": [
            {"code": str(problem.code), "sequence": problem.sequence, "detail": problem.detail}
            for problem in view.problems
        ],
        "pending": list(view.pending),
        "covered": view.covered if view.checked else None,
        "unopened": view.unopened,
        "newer_from": view.newer_from,
        "outside": [
            {"type": str(said.type), "size": said.size, "time": said.time, "by": list(said.by), "entry": said.entry}
            for said in view.outside
        ],
        "newest": {"time": rfc3339(view.newest), "by": view.newest_by} if view.newest is not None else None,
        "raise_by": list(view.raise_by),
    }


def lines(view: Verification) -> Iterator[str]:
    """Return the lines of a sound log; `errors` has those of one that is not."""
    keys = ", ".join(f"{terminal(name)} ({fingerprint})" for name, fingerprint, _number in view.signers)
    if view.since == view.entries:
        yield f"{count(view.entries, 'entry')}, all verified here before (--all looks at each again), {_named(view)}"
    else:
        new = (
            f"; {count(view.entries - view.since, 'entry')} of them new since this machine verified the others"
            if view.since
            else ""
        )
        yield f"{count(view.entries, 'entry')}{new}: every signature good, by {keys}, {_named(view)}"
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
    yield from _outside(view)
    yield from map(terminal, view.notes)
    if view.checked:
        yield _verdict(view)
    if not view.deep or not view.compared:
        yield "not checked: that the recorder told the truth about values (verify --deep, needs an identity)"
    dated = max((said.size for said in view.outside), default=0)
    if not dated:
        yield "not provable here: the dates, and anything before this machine's first look"
    elif dated < view.entries:
        yield f"not provable here: the dates of the entries from {dated} on, which no outsider has seen yet"
    for way in view.raise_by:
        yield f"to raise the level: {way}"


def _outside(view: Verification) -> Iterator[str]:
    """Return the newest word of each kind of outsider, and between which times the entries lie."""
    newest = {said.type: said for said in view.outside}
    for said in newest.values():
        verb = "cosigned" if said.type == "cosigned" else "time-stamped"
        what = "all of it" if said.size == view.entries else f"the first {count(said.size, 'entry')}"
        yield f"{what} {verb} at {said.time} by {terminal(', '.join(said.by))}"
    if len(view.outside) > 1:
        first, last = view.outside[0], view.outside[-1]
        yield f"dates are held between {count(len(view.outside), 'such time')}, from {first.time} to {last.time}"


def _blind(view: Verification) -> bool:
    """Tell whether values were to be compared, and not one could be."""
    return view.deep and bool(view.unopened) and not view.compared


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
    if view.level == "C":
        size = max(said.size for said in view.outside)
        return f"OK, level C: the first {count(size, 'entry')} are as outsiders saw them, whoever holds the signing key"
    if view.level == "B":
        return f"OK, level B: those {view.seen_entries} are unchanged, even had the signing key been stolen since"
    return "OK, level A: as signed since the genesis you named"


def incomplete(found: Verification, require: str | None, oldest: float | None = None) -> tuple[int, str]:
    """Return the exit status of what is not wrong and yet not all, 0 where all is; and what to say of it.

    `oldest` is the time, in seconds since 1970, since which there has to be a sign of life.
    """
    if not found.checked:
        return (
            3,
            "cannot tell whether every commit has its entry: the source branch could not be held against the log",
        )
    if _blind(found):
        return (
            3,
            "cannot tell whether the entries are true of the values: no identity here opens any of the files",
        )
    if found.newer_from is not None:
        return 4, f"needs a newer envgit from entry {found.newer_from}"
    if found.pending:
        return 4, pending(found)
    if oldest is not None and (found.newest is None or found.newest < oldest):
        last = (
            f"is of {rfc3339(found.newest)}, by {terminal(found.newest_by)}"
            if found.newest is not None
            else "is unknown"
        )
        return (
            4,
            f"stale: the log's newest sign of life {last}; fetch it anew, or ask why nobody anchors it (envgit anchor)",
        )
    if require and (not found.level or found.level < require):
        reached = found.level or "none"
        return 4, f"level {require} is required, and {reached} was reached; {'; '.join(found.raise_by)}"
    return 0, ""
