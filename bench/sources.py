"""Make source histories with real SOPS files, through `git fast-import`: `python -m bench.sources DIRECTORY KIND COMMITS`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.envfile import EnvFile
from envgit.sops.identities import generate

VARIABLES = 60
FILES = 200
CONFIGURATION = b"version: 1\nenvironments: envs/{environment}.yaml\nbranch: main\n"

Files = dict[str, bytes]


def main(directory: str, kind: str, commits: str) -> None:
    """Make one history, and put its identity, which protects nothing, beside it."""
    path = Path(directory)
    identity, recipient = generate()
    subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
    (path / ".git" / "bench.agekey").write_text(f"{identity}\n")
    made = {"backfill": _backfill, "busy": _busy}[kind](recipient, int(commits))
    feed = subprocess.Popen(["git", "-C", str(path), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert feed.stdin is not None
    for number, files in enumerate(made):
        feed.stdin.write(_commit(number, files))
    feed.stdin.close()
    assert feed.wait() == 0
    subprocess.run(["git", "-C", str(path), "reset", "-q", "--hard"], check=True)


def _backfill(recipient: str, commits: int) -> Iterator[Files]:
    """Yield a first commit with 60 variables, and then a change of one of them a commit."""
    file = EnvFile(VARIABLES, recipient)
    yield {".envgit.yaml": CONFIGURATION, "envs/live.yaml": file.anew()}
    for number in range(commits):
        yield {"envs/live.yaml": file.change(f"VARIABLE_{number * 7 % VARIABLES}", f"value {number}", number + 1)}


def _busy(recipient: str, commits: int) -> Iterator[Files]:
    """Yield commits of which one in ten touches an environment, in a tree with other files, as a team's repository has it."""
    file = EnvFile(VARIABLES, recipient)
    rest = {_path(number): b"first\n" for number in range(FILES)}
    yield {".envgit.yaml": CONFIGURATION, "envs/live.yaml": file.anew(), **rest}
    for number in range(1, commits):
        if number % 10:
            yield {_path(number % FILES): b"%d\n" % number}
        else:
            yield {"envs/live.yaml": file.change(f"VARIABLE_{number % VARIABLES}", f"value {number}", number)}


def _path(number: int) -> str:
    """Return one of 200 paths below 30 folders at the top."""
    return f"part{number % 30}/src/file{number}.py"


def _commit(number: int, files: Files) -> bytes:
    who = b"bench <bench@bench.invalid> %d +0000" % (1_767_225_600 + number * 600)
    parts = [b"commit refs/heads/main\nauthor %s\ncommitter %s\ndata 7\nchange\n" % (who, who)]
    for path, data in files.items():
        parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    return b"".join(parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
