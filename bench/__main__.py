"""`make bench`: each figure beside what a user would do without envgit, as medians and ratios of runs in turn.

The machine's speed drifts, so that only ratios within a run mean anything. The answers that are timed are checked too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import action, trust

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "langfuse"
SCRIPT = Path(sys.executable).parent / "envgit"
ENVGIT = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "envgit"]
RUNS = 5

Timed = Callable[[], float]
Row = tuple[str, float, float, str, str]


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="envgit-bench-") as directory:
        stage = Stage(Path(directory))
        rows = [
            _record(stage),
            *_verify(stage),
            *trust.long_log(stage, _pairs),
            _blame(stage),
            _diff(stage),
            action.review(stage, _pairs),
            action.gate(stage, _pairs),
        ]
    width = max(len(row[0]) for row in rows)
    print(f"{'':<{width}}  {'envgit':>10}  {'beside it':>10}  {'ratio':>8}  wanted")
    for what, ours, theirs, ratio, wanted in rows:
        print(f"{what:<{width}}  {ours * 1000:>7.2f} ms  {theirs * 1000:>7.2f} ms  {ratio:>8}  {wanted}")
    return 0


class Stage:
    """Clones of the real history, and the environment in which everything runs."""

    envgit = ENVGIT

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        home = directory / "home"
        home.mkdir()
        identity = (DATA / "ci.agekey").read_text().splitlines()[-1]
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "SOPS_AGE_KEY": identity,
            "SOPS_DISABLE_VERSION_CHECK": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.number = 0
        self.repo = self.clone()
        self.run(*ENVGIT, "init")
        self.run(*ENVGIT, "record")

    def clone(self) -> Path:
        self.number += 1
        path = self.directory / f"repo{self.number}"
        bundle = str(DATA / "history.bundle")
        subprocess.run(["git", "clone", "-q", "-b", "main", bundle, str(path)], check=True, env=self.environ)
        return path

    def run(self, *command: str, cwd: Path | None = None, data: bytes | None = None) -> bytes:
        return subprocess.run(
            command,
            cwd=cwd or self.repo,
            env=self.environ,
            input=data,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ).stdout

    def timed(self, *command: str, cwd: Path | None = None) -> float:
        began = time.perf_counter()
        self.run(*command, cwd=cwd)
        return time.perf_counter() - began


def _pairs(ours: Timed, theirs: Timed, runs: int = RUNS) -> tuple[float, float]:
    """Return both medians of runs in turn, after one of each that does not count."""
    ours(), theirs()
    rows = [(ours(), theirs()) for _ in range(runs)]
    return statistics.median(a for a, _b in rows), statistics.median(b for _a, b in rows)


def _record(stage: Stage) -> Row:
    """`record` over the whole history, beside `sops decrypt` of both sides of every changed file."""
    sides = _sides(stage)

    def ours() -> float:
        path = stage.clone()
        stage.run(*ENVGIT, "init", cwd=path)
        took = stage.timed(*ENVGIT, "record", cwd=path)
        assert len(stage.run("git", "rev-list", "envgit-audit", cwd=path).split()) == 107
        return took

    def theirs() -> float:
        sops = str(Path(sys.executable).parent / "sops")
        began = time.perf_counter()
        for name in sides:
            stage.run(sops, "decrypt", name)
        return time.perf_counter() - began

    a, b = _pairs(ours, theirs, 3)
    return f"record, 106 commits (sops decrypt of {len(sides)} sides)", a, b, f"{b / a:.1f} x", "at least 20 x faster"


def _sides(stage: Stage) -> list[str]:
    """Write both sides of every changed file to disk, as one would for sops, and return their paths."""
    found = []
    folder = stage.directory / "sides"
    folder.mkdir()
    for commit in stage.run("git", "rev-list", "main").decode().split():
        for row in (
            stage.run("git", "diff-tree", "--root", "-r", "--no-commit-id", commit, "--", "envs").decode().splitlines()
        ):
            _old, _new, old, new, _kind, *_path = row.replace("\t", " ").split(" ")
            for blob in (old, new):
                if blob.strip("0"):
                    path = folder / f"{len(found)}.yaml"
                    path.write_bytes(stage.run("git", "cat-file", "blob", blob))
                    found.append(str(path))
    return found


_SIGNATURES = """
import time
from pathlib import Path
from envgit.audit import commit, sshsig
from envgit.git.repository import Repository
from envgit.signing import verified
repo = Repository.open(Path("."))
began, oid, number = time.perf_counter(), repo.ref("refs/heads/envgit-audit"), 0
while oid:
    raw = repo.raw(oid)[1]
    plain, armor = commit.detach(raw)
    public, signature = sshsig.dearmor(armor)
    assert verified(public, sshsig.signed_data(plain), signature)
    oid, number = (commit.parents(raw) or (None,))[0], number + 1
assert number == 107
print((time.perf_counter() - began) / number)
"""
_WHOLE = """
import time
from pathlib import Path
from envgit.audit.verify import StoredObjects, verify_log
from envgit.git.repository import Repository
from envgit.signing import verified
repo = Repository.open(Path("."))
began = time.perf_counter()
found = verify_log(StoredObjects(repo.raw, repo.size), repo.ref("refs/heads/envgit-audit"), verified)
assert found.good == 107 and not found.problems
print((time.perf_counter() - began) / found.good)
"""


def _verify(stage: Stage) -> Iterator[Row]:
    """An entry's share of the work: the signatures alone, which is all that git checks, and all that verify checks."""
    log = json.loads(stage.run("git", "show", "envgit-audit:log.json"))
    signer = log["signers"]["signers"][0]
    allowed = stage.directory / "allowed_signers"
    allowed.write_text(f"{signer['email']} {signer['key']}\n")
    options = ["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}"]

    def theirs() -> float:
        began = time.perf_counter()
        said = stage.run("git", *options, "log", "--format=%G?", "envgit-audit").split()
        assert said == [b"G"] * 107
        return (time.perf_counter() - began) / 107

    for what, code, wanted in (
        ("signatures, an entry (git log --format=%G?)", _SIGNATURES, "at least 30 x faster"),
        ("all of verify, an entry (the same)", _WHOLE, "no figure promised yet"),
    ):
        a, b = _pairs(lambda code=code: float(stage.run(sys.executable, "-c", code)), theirs)  # type: ignore[misc]
        yield what, a, b, f"{b / a:.1f} x", wanted


def _blame(stage: Stage) -> Row:
    """`blame DATABASE_URL` as a whole process, beside `python -c 'import pygit2'`."""
    a, b = _pairs(
        lambda: stage.timed(*ENVGIT, "blame", "DATABASE_URL"),
        lambda: stage.timed(sys.executable, "-c", "import pygit2"),
        15,
    )
    return "blame DATABASE_URL (python -c 'import pygit2')", a, b, f"{a / b:.2f} x", "at most 1.6 x"


def _diff(stage: Stage) -> Row:
    """`diff` of two revisions, beside `sops decrypt` of both and `diff`."""
    sides = []
    for number, revision in enumerate(("HEAD~20", "HEAD")):
        path = stage.directory / f"diff{number}.yaml"
        path.write_bytes(stage.run("git", "show", f"{revision}:envs/development.yaml"))
        sides.append(str(path))
    sops = str(Path(sys.executable).parent / "sops")
    a, b = _pairs(
        lambda: stage.timed(*ENVGIT, "diff", "HEAD~20", "HEAD", "--", "envs/development.yaml"),
        lambda: sum(stage.timed(sops, "decrypt", side) for side in sides),
    )
    return "diff of one file, 66 variables (sops decrypt twice)", a, b, f"{b / a:.2f} x", "no figure promised yet"


if __name__ == "__main__":
    sys.exit(main())
