"""Where everything runs: one directory, one environment, one empty home; nothing that a fresh clone would not have."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "langfuse"
SCRIPT = Path(sys.executable).parent / "envgit"
ENVGIT = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "envgit"]
SOPS = str(Path(sys.executable).parent / "sops")
LOOK = 0.02  # seconds between two looks at a process's memory


class Stage:
    """A directory to work in, and the environment in which everything runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        home = directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "SOPS_DISABLE_VERSION_CHECK": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        # Python compiles what it imports once; that is part of the installation, not of a command.
        self.run(*ENVGIT, "--version", cwd=directory)

    def with_key(self, identity: str) -> dict[str, str]:
        """Return the environment with an age identity."""
        return {**self.environ, "SOPS_AGE_KEY": identity}

    def run(self, *command: str, cwd: Path, environ: dict[str, str] | None = None) -> bytes:
        """Run a command that has to succeed, and return what it printed."""
        done = subprocess.run(command, cwd=cwd, env=environ or self.environ, capture_output=True, check=False)
        assert done.returncode == 0, (command, done.returncode, done.stderr.decode()[-2000:])
        return done.stdout

    def timed(self, *command: str, cwd: Path, environ: dict[str, str] | None = None, said: bytes = b"") -> float:
        """Return how many seconds a command took, from its start to its end; `said` has to stand in what it printed."""
        began = time.perf_counter()
        out = self.run(*command, cwd=cwd, environ=environ)
        took = time.perf_counter() - began
        assert said in out, (command, out)
        return took

    def made(self, module: str, name: str, *words: str) -> Path:
        """Return what a module of the benchmark makes under a name, which it does once: half of one is none."""
        path, aside = self.directory / name, self.fresh(f"{name}.part")
        if not path.exists():
            self.run(sys.executable, "-m", f"bench.{module}", str(aside), *words, cwd=self.directory)
            aside.rename(path)
        return path

    def fresh(self, name: str) -> Path:
        """Return a path at which nothing is."""
        subprocess.run(["rm", "-rf", str(self.directory / name)], check=True)
        return self.directory / name

    def copy(self, path: Path, name: str) -> Path:
        """Return a copy of a repository, one that may be changed."""
        target = self.fresh(name)
        subprocess.run(["cp", "-a", str(path), str(target)], check=True)
        return target

    def forget(self) -> None:
        """Let this machine have seen nothing: pins and keys of earlier runs."""
        subprocess.run(["rm", "-rf", str(self.directory / "home")], check=True)
        (self.directory / "home").mkdir()

    def peak(self, *command: str, cwd: Path, environ: dict[str, str] | None = None) -> float:
        """Return the most memory, in MiB, that a command and its processes were seen to have together, some fifty times a second; what they share counts once."""
        most = 0
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=cwd, env=environ or self.environ, stdout=quiet, stderr=quiet) as process:
            while process.poll() is None:
                most = max(most, sum(map(_proportional, _family(process.pid))))
                time.sleep(LOOK)
        assert process.returncode == 0, command
        return most / 1024


def audit_bytes(path: Path) -> int:
    """Return what the audit branch takes on the disk."""
    git = ["git", "-C", str(path)]
    words = [*git, "rev-list", "--objects", "--no-object-names", "envgit-audit"]
    listed = subprocess.run(words, check=True, capture_output=True).stdout
    sized = subprocess.run(
        [*git, "cat-file", "--batch-check=%(objectsize:disk)"], check=True, capture_output=True, input=listed
    )
    return sum(map(int, sized.stdout.split()))


def _family(pid: int) -> list[int]:
    """Return a process and those below it."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:
            continue
    return found


def _proportional(pid: int) -> int:
    """Return a process's memory in KiB, of what it shares its part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
