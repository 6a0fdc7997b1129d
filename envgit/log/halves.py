"""Own the verification of a long log on two processors: its later half in a process of its own, from the commit in the middle on.

Only a verdict that all is well comes from here. The earlier half shows that the commit in the middle is what its entries make, and the
later begins with that very commit; where anything is odd, nothing is said, and the log is gone over in order by one who can tell what.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from envgit.audit import commit as commits
from envgit.audit.entry import Entry
from envgit.audit.merkle import HASH_BYTES
from envgit.audit.verify import Report, Since, StoredObjects, verify_log
from envgit.beside import Beside, possible
from envgit.errors import EnvgitError
from envgit.git.repository import Repository
from envgit.log.branch import opened
from envgit.log.coverage import Covered
from envgit.log.evidence import Times
from envgit.model import CommitId, ObjectId
from envgit.signing import verified

# Below so many entries a second process costs more than it brings.
LONG = 3_000

# The later half has the larger trees; coverage is left for after the earlier one.
LATER = 50

Half = tuple[Report, Covered, Times]


def in_halves(repo: Repository, tip: ObjectId, size: int, root_at: int | None) -> Half | None:
    """Return what a whole pass over a log of about `size` entries finds, where all is well; None where that cannot be said.

    `root_at` is the number of entries whose root is wanted.
    """
    if size < LONG or not possible():
        return None
    try:
        middle = _middle(repo, tip, size)
        if middle is None:
            return None
        other = Beside(lambda: _later(repo.start, tip, middle, root_at))
    except (EnvgitError, OSError):  # no process is to be had
        return None
    try:
        earlier = _earlier(repo, middle, root_at)
        later = other.result() if earlier is not None else None
    except (EnvgitError, RuntimeError):
        return None
    finally:
        other.stop()
    return _joined(earlier, later) if earlier is not None and later is not None else None


def _middle(repo: Repository, tip: ObjectId, size: int) -> Since | None:
    """Return what the commit in the middle says of the entries up to it."""
    oid = tip
    for _number in range(size * LATER // 100):
        parents = commits.parents(repo.raw(oid)[1])
        if len(parents) != 1:
            return None
        oid = parents[0]
    said = commits.signed_checkpoint(repo.raw(oid)[1])
    return Since(oid, said[1], said[2]) if said is not None else None


def _earlier(repo: Repository, middle: Since, root_at: int | None) -> Half | None:
    report, covered, times = _pass(repo, middle.commit, root_at, Covered(), Times(), None)
    return (report, covered, times) if (report.good, report.root) == (middle.size, middle.root) else None


def _later(start: Path, tip: ObjectId, middle: Since, root_at: int | None) -> Half:
    """Go over the later half, in the other process."""
    repo = Repository.open(start)
    repo.fetches = False
    state = opened(repo, "", CommitId(middle.commit)).state
    report, covered, times = _pass(repo, tip, root_at, Covered(config=state.config), Times(middle.size), middle)
    return replace(report, root_at=Report().root_at), covered, times


def _pass(
    repo: Repository, tip: ObjectId, root_at: int | None, covered: Covered, times: Times, since: Since | None
) -> Half:
    def observe(entry: Entry) -> None:
        covered.observe(entry)
        times.observe(entry)

    objects = StoredObjects(repo.raw, repo.size)
    report = verify_log(objects, tip, verified, observe=observe, root_at=root_at, since=since)
    return report, covered, times


def _joined(earlier: Half, later: Half) -> Half | None:
    """Return both halves as one, None where either is not well, or they do not meet."""
    (first, covered, times), (second, covered_then, times_then) = earlier, later
    meets = first.good == second.since and first.genesis == second.genesis
    well = not (first.problems or second.problems) and first.newer_from is None and second.state is not None
    # What was revoked is judged over the whole log.
    revoked = second.state is not None and any(one.until is not None for one in second.state.signers.signers)
    if not (meets and well) or revoked:
        return None
    roots = first.roots + second.roots

    def root_at(size: int) -> bytes:
        return bytes(roots[(size - 1) * HASH_BYTES : size * HASH_BYTES]) if size > 0 else b""

    whole = replace(
        second,
        since=0,
        warnings=[*first.warnings, *second.warnings],
        signers=first.signers + second.signers,
        root_then=first.root_then or second.root_then,
        roots=roots,
        root_at=root_at,
    )
    covered.follow(covered_then)
    times.follow(times_then)
    return whole, covered, times
