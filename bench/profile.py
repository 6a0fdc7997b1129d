"""Where a command's time goes: `python -m bench.profile DIRECTORY WORD...` prints each part's share, by the profiler's own count.

A part is a room of envgit, or a library; waiting is for another process.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
from collections import Counter

from envgit.cli import main as envgit

LEAST = 0.01
LIBRARIES = {
    "_pygit2": "libgit2",
    "ed25519": "signatures",
    "AESGCM": "ciphers",
    "/yaml/": "PyYAML",
    "/json/": "json",
    "_json": "json",
    "zlib": "zlib",
    "hashlib": "hashes",
    "HASH": "hashes",
    "hmac": "hashes",
    "poll": "waiting",
    "posix.read": "waiting",
}
Function = tuple[str, int, str]


def main(directory: str, *words: str) -> None:
    """Run a command in a directory, and print the shares on stderr."""
    os.chdir(directory)
    profile = cProfile.Profile()
    began = time.perf_counter()
    profile.runcall(envgit, list(words))
    took = time.perf_counter() - began
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    shares: Counter[str] = Counter()
    for function, (_calls, _all, own, _whole, _callers) in stats.items():
        shares[_part(function)] += own
    total = sum(shares.values())
    print(f"{took:.2f} s under the profiler", file=sys.stderr)
    for part, seconds in shares.most_common():
        if seconds / total >= LEAST:
            print(f"{seconds / total:6.1%}  {part}", file=sys.stderr)


def _part(function: Function) -> str:
    """Return the room of envgit or the library that a function is of."""
    path, _line, name = function
    if "importlib" in path or name == "<module>":
        return "imports"
    if "/envgit/" in path:
        room = path.rpartition("/envgit/")[2]
        return f"envgit/{room.partition('/')[0]}"
    return next((part for mark, part in LIBRARIES.items() if mark in f"{path} {name}"), "Python's own")


if __name__ == "__main__":
    main(*sys.argv[1:])
