"""Own the table of all attacks, and docs/attacks.md, which is made from it: `python -m tests.attacks.table`.

Every cell is asserted by the case's own test, so that the page can be made without running one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import anchors, branch, keyless, keys, machine, parsing, thief, truth
from .case import GIT_ALL_GOOD, GROUPS, NEEDS, Case

PAGE = Path(__file__).parent.parent.parent / "docs" / "attacks.md"
NUMBERS = range(1, 83)

# Within a group the order of the modules stays; the numbers are those of the list that the suite was made from.
CASES: tuple[Case, ...] = tuple(
    sorted(
        (
            *keyless.CASES,
            *branch.CASES,
            *thief.CASES,
            *truth.CASES,
            *keys.CASES,
            *anchors.CASES,
            *machine.CASES,
            *parsing.CASES,
        ),
        key=lambda case: (GROUPS.index(case.who), case.number),
    )
)

# Attacks that no branch can be put in front of `verify` for.
ELSEWHERE = {
    62: "Two requests to a witness at once set it back: a race in the witness and not in a log; it belongs to the tests of the witness.",
    77: "The recorder is killed, or a call fails, at every point: an attack on the writer; `tests/log/test_faults.py`.",
    78: "Many recorders write at once: `tests/log/test_writers.py`.",
    79: "A hook or a branch's protection refuses the push: `tests/log/test_attacks.py`.",
    80: "Runs are cancelled, skipped, repeated or out of order: the recorder catches up from the last entry; `tests/ci/test_recording.py`.",
    81: "A poisoned tip is fetched by the recorder: it builds on none; `tests/log/test_attacks.py`, `tests/log/test_bad_input.py`.",
    82: "A value leaks into the log, messages or files: no log is attacked; `tests/log/test_faults.py`, `tests/ci/test_attacks.py`.",
}

INTRO = """# Attacks

<!-- Made by `python -m tests.attacks.table`; a test compares. -->

Each row is a good log that was attacked by raw git objects, files or settings in a real repository. The log has eight entries, made by
`envgit init` and `envgit record`, then signed anew so that two persons are roots. The real git was asked `git log --format=%G?
envgit-audit`, with `gpg.ssh.allowedSignersFile` naming the log's key and the roots'; then `envgit verify --trust-root` ran. Both answers
are asserted by `tests/attacks`, one test a row.

git's marks are `G` good, `B` bad, `U` good and by a key that is not among the allowed, `N` no signature. Of envgit stand the codes of what it
found ([threat model](threat-model.md)), else what it came to; in parentheses its exit status. Where a finding rests on more than the
log and the trust root, the last column says what is left without that: never a false alarm, and never a higher level than is earned.
"""


def page() -> str:
    """Return docs/attacks.md."""
    return "\n".join([INTRO, *_summary(), *_groups(), *_open(), *_elsewhere()])


def _summary() -> Iterator[str]:
    good = [case for case in CASES if case.git == GIT_ALL_GOOD]
    told = sum(case.status == 1 for case in good)
    open_ = sum(bool(case.defect) for case in CASES)
    rest = [sum(case.status == status for case in good) for status in (3, 4, 2, 0)]
    yield (
        f"**git calls every commit good in {len(good)} of {len(CASES)} cases.** Of these {len(good)}, envgit has to name what is wrong "
        f"in {told}, say that it cannot tell in {rest[0]}, call it incomplete in {rest[1]}, and refuse the evidence in {rest[2]}; in the "
        f"other {rest[3]} it is not led astray: it sees the log as it is, or claims nothing from what proves nothing. "
        + (f"In {open_} of all cases envgit does [not do so yet](#not-yet)." if open_ else "")
    )
    yield ""


def _groups() -> Iterator[str]:
    for who in GROUPS:
        yield f"## {who[0].upper()}{who[1:]}\n"
        yield "| | attack | `git log %G?` | `envgit verify` | rests on | without that |"
        yield "|---|---|---|---|---|---|"
        yield from (_row(case) for case in CASES if case.who == who)
        yield ""


def _row(case: Case) -> str:
    without = _without(case.without) if case.needs else ""
    verdict = _verdict(case.code, case.status, case.level) + (" [^](#not-yet)" if case.defect else "")
    return f"| {case.number} | {case.name} | {case.git} | {verdict} | {NEEDS[case.needs]} | {without} |"


def _verdict(code: str, status: int, level: str) -> str:
    """Return what envgit came to, in few words."""
    named = " ".join(f"`{one}`" for one in code.split())
    reached = f"level {level}" if level else "no level"
    words = {0: f"OK, {reached}", 2: "refuses the evidence", 3: "cannot tell", 4: f"incomplete, {reached}"}
    return f"{named or words[status]} ({status})"


def _without(text: str) -> str:
    status, *rest = text.split(", ")
    level = rest[-1].removeprefix("level ") if rest and rest[-1].startswith("level ") else ""
    code = rest[0] if rest and not rest[0].startswith("level ") else ""
    return _verdict(code, int(status), level)


def _open() -> Iterator[str]:
    found = [case for case in CASES if case.defect]
    if found:
        yield "## Not yet\n"
        yield "Here the table says what has to be, and envgit does not do so yet; the test is marked as one that is expected to fail.\n"
        yield from (f"- {case.number}, {case.name}: {case.defect}." for case in found)
        yield ""


def _elsewhere() -> Iterator[str]:
    yield "## Not in this suite\n"
    yield "These numbers of the list are no attacks on a log that `verify` could be shown.\n"
    yield from (f"- {number}: {why}" for number, why in ELSEWHERE.items())
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
