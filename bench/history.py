"""Figures of long source histories: recording all of one, and telling which of its commits have no entry."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, bound, faster, pairs, rate, within
from bench.stage import ENVGIT, SOPS, Stage, audit_bytes

SAMPLE = 30
LARGE = 10_000  # commits, for which the figures are promised

_COVERAGE = """
import sys, time
from pathlib import Path
from envgit.audit.verify import StoredObjects, verify_log
from envgit.git.repository import Repository
from envgit.log.coverage import Covered
from envgit.log.snapshots import Snapshots
from envgit.signing import verified
from envgit.sops.reader import Reader
repo = Repository.open(Path("."))
covered = Covered()
verify_log(StoredObjects(repo.raw, repo.size), repo.ref("refs/heads/envgit-audit"), verified, observe=covered.observe)
repo = Repository.open(Path("."))
began = time.perf_counter()
found = covered.against(repo, Snapshots(repo, Reader(None)), repo.ref("refs/heads/main"))
took = time.perf_counter() - began
assert found.covered == int(sys.argv[1]) and not found.uncovered and not found.pending, found
print(took)
"""


def backfill(stage: Stage, commits: int) -> Iterator[Figure]:
    """Yield what `record` takes over a history in which each commit changes one of 60 variables."""
    source = stage.made("sources", f"backfill{commits}", "backfill", str(commits))
    environ = stage.with_key((source / ".git" / "bench.agekey").read_text().strip())

    def fresh() -> Path:
        stage.forget()
        path = stage.copy(source, "recorded")
        stage.run(*ENVGIT, "init", "--no-workflows", cwd=path, environ=environ)
        return path

    def ours() -> float:
        path = fresh()
        took = stage.timed(*ENVGIT, "record", cwd=path, environ=environ)
        assert len(stage.run("git", "rev-list", "envgit-audit", cwd=path).split()) == commits + 3
        return took

    sides = _sides(stage, source, min(SAMPLE, commits))

    def theirs() -> float:
        return sum(stage.timed(SOPS, "decrypt", side, cwd=source, environ=environ) for side in sides) / len(sides) * 2

    a, b = pairs(ours, theirs, 3)
    yield rate(f"record, backfill of {commits:,} commits, 60 variables", a / commits, 800 if commits >= LARGE else None)
    yield faster(
        "the same, each",
        f"sops decrypt of both sides, {len(sides) // 2} commits",
        a / commits,
        b,
        80 if commits >= LARGE else None,
    )
    yield bound(
        f"an entry of {commits + 3:,}, as recorded",
        audit_bytes(stage.directory / "recorded") / (commits + 3),
        2048,
        "bytes",
    )
    yield bound(
        f"memory of the same, {commits:,} commits",
        stage.peak(*ENVGIT, "record", cwd=fresh(), environ=environ),
        250,
        "MiB",
    )


def _sides(stage: Stage, source: Path, sample: int) -> list[str]:
    """Write both sides of some commits to disk, as one would for sops."""
    found: list[str] = []
    for number in range(sample):
        for revision in (f"main~{number + 1}", f"main~{number}"):
            path = stage.directory / f"side{len(found)}.yaml"
            path.write_bytes(stage.run("git", "show", f"{revision}:envs/live.yaml", cwd=source))
            found.append(str(path))
    return found


def coverage(stage: Stage, commits: int) -> Iterator[Figure]:
    """Yield what telling the commits without entry takes, where one in ten commits touches an environment."""
    source = stage.made("sources", f"busy{commits}", "busy", str(commits))
    if not stage.run("git", "for-each-ref", "refs/heads/envgit-audit", cwd=source):
        environ = stage.with_key((source / ".git" / "bench.agekey").read_text().strip())
        stage.forget()
        stage.run(*ENVGIT, "init", "--no-workflows", cwd=source, environ=environ)
        stage.run(*ENVGIT, "record", cwd=source, environ=environ)
    path = stage.fresh("cloned")
    stage.run("git", "clone", "-q", f"file://{source}", str(path), cwd=stage.directory)
    stage.run("git", "fetch", "-q", "origin", "envgit-audit:envgit-audit", cwd=path)
    touching = len(stage.run("git", "rev-list", "--first-parent", "main", "--", "envs", cwd=path).split())
    log = ("git", "log", "--first-parent", "--format=%H", "main", "--", "envs")
    a, b = pairs(
        lambda: float(stage.run(sys.executable, "-c", _COVERAGE, str(touching), cwd=path)),
        lambda: stage.timed(*log, cwd=path),
        3,
    )
    yield within(
        f"coverage of {commits:,} commits, {touching:,} of them recorded, in the process",
        "git log --first-parent -- envs, the process",
        a,
        b,
        2,
    )
