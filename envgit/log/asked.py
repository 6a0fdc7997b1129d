"""Own what a person asks a log about: the environments and the variable, and what is said where there is none of that name.

A name that is not there is an error, never an empty answer: that would read as "nothing changed".
"""

from __future__ import annotations

from collections.abc import Iterable

from envgit.errors import Incomplete, UsageError
from envgit.escape import terminal
from envgit.log.blame import selected
from envgit.log.branch import Log
from envgit.model import Unit
from envgit.words import count, label

NO_HISTORY = "no environment is in this history"


def environments(log: Log, pattern: str, *, signed: bool) -> list[Unit]:
    """Return the environments of a log that a GLOB selects; raise Incomplete where the log has none, UsageError where none matches."""
    if not log.units():
        raise Incomplete("the log tells of no environment yet; envgit record" if signed else NO_HISTORY)
    return matching(log.units(), pattern)


def matching(units: Iterable[Unit], pattern: str, where: str = "") -> list[Unit]:
    """Return the units that a GLOB selects; raise UsageError, saying which there are, where it selects none."""
    known = sorted(set(units))
    found = selected(known, pattern)
    if not found:
        there = ", ".join(dict.fromkeys(terminal(label(unit)) for unit in known)) or "none"
        raise UsageError(f"no environment matches {pattern!r}{where}; there are: {there}")
    return found


def check_variable(log: Log, units: list[Unit], variable: str) -> None:
    """Raise UsageError where none of the environments ever had the variable."""
    if not any(log.variable(unit, variable) for unit in units):
        raise no_variable(log, units, variable)


def no_variable(log: Log, units: list[Unit], variable: str) -> UsageError:
    """Return the error that says that a variable never was, and what comes near it."""
    import difflib

    known = sorted({name for unit in units for name in log.names(unit)})
    near = difflib.get_close_matches(variable, known, n=3, cutoff=0.5) or [
        name for name in known if name.lower().endswith("." + variable.lower()) or name.lower() == variable.lower()
    ]
    hint = f"near it: {', '.join(map(terminal, near[:3]))}" if near else "envgit blame -e NAME lists an environment's"
    return UsageError(
        f"no variable {variable!r} was ever in {count(len(units), 'environment')} that this log knows; {hint}"
    )
