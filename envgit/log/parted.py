"""Own what a clone's log has that the remote's has not: entries that another run can tell anew, and those that only people can."""

from __future__ import annotations

from collections.abc import Iterable

from envgit.audit.entry import AnchorBody, ConfigBody, Entry, SignersBody, SupplementBody
from envgit.errors import Incomplete
from envgit.log.branch import Log


def told_anew(ours: Log, theirs: Log, until: int | None, lacking: str) -> str:
    """Return what becomes of the entries that only our log has; raise Incomplete where people approved one for this very place.

    Those from `until` on are the run's own, which makes them again. `lacking` is the branch whose commits the remote lacks, if it is that.
    """
    size = min(ours.size, theirs.size)
    while size and ours.bytes_of(size - 1) != theirs.bytes_of(size - 1):
        size -= 1
    entries = [ours.entry(number) for number in range(size, ours.size if until is None else min(until, ours.size))]
    if lost := _named(entry for entry in entries if _approved(entry)):
        why = f"the remote lacks commits before them, push {lacking} first; " if lacking else ""
        raise Incomplete(
            f"only this clone has entries that cannot be told anew, {lost}; {why}docs/runbook.md#only-here"
        )
    others = _named(entry for entry in entries if isinstance(entry.body, AnchorBody | SupplementBody))
    but = f", but for {others}: envgit record --supplement and envgit anchor make those" if others else ""
    return f"what only this clone had is told anew after it{but}"


def _named(entries: Iterable[Entry]) -> str:
    return ", ".join(f"{entry.sequence} ({entry.kind})" for entry in entries)


def _approved(entry: Entry) -> bool:
    """Tell whether people approved an entry for this very place of the log."""
    body = entry.body
    return isinstance(body, SignersBody) or (isinstance(body, ConfigBody) and body.of is not None)
