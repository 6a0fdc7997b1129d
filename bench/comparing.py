"""`diff` of a file of some size, beside `sops decrypt` of both sides and diff."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.envfile import DATA_KEY, EnvFile
from bench.figures import Figure, faster, pairs
from bench.stage import ENVGIT, SOPS, Stage
from envgit.sops.identities import generate

WANTED = {60: 5.0, 1_000: 2.0, 10_000: 1.2}
WHO = ("-c", "user.name=a", "-c", "user.email=a@bench.invalid")


def diff(stage: Stage, number: int) -> Iterator[Figure]:
    """Yield two figures: one value changed, as by `sops set`, and every value sealed anew, as by `sops rotate`."""
    identity, recipient = generate()
    environ = stage.with_key(identity)
    path = stage.fresh(f"diff{number}")
    subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
    file = EnvFile(number, recipient)
    first = file.anew()
    edited = file.change("VARIABLE_7", "another value", 1)
    rotated = file.anew(bytes(reversed(DATA_KEY)))
    for revision, data in (("first", first), ("edited", edited), ("rotated", rotated)):
        _land(path, revision, data)
    for what, base, head, wanted in (
        ("one changed", "first", "edited", WANTED[number]),
        ("rotated too", "first", "rotated", None),
    ):
        names = [str(path.with_suffix(f".{revision}.yaml")) for revision in (base, head)]
        both = f"{SOPS} decrypt {names[0]} > old && {SOPS} decrypt {names[1]} > new; diff old new > what; test $? = 1"

        def ours(base: str = base, head: str = head) -> float:
            command = (*ENVGIT, "diff", base, head, "--", "envs/live.yaml")
            return stage.timed(*command, cwd=path, environ=environ, said=b"envs/live.yaml\n M VARIABLE_7\n")

        a, b = pairs(ours, lambda both=both: stage.timed("sh", "-c", both, cwd=path, environ=environ))  # type: ignore[misc]
        yield faster(f"diff, {number:,} variables, {what}", "sops decrypt of both, diff", a, b, wanted)


def _land(path: Path, revision: str, data: bytes) -> None:
    (path / "envs").mkdir(exist_ok=True)
    (path / "envs" / "live.yaml").write_bytes(data)
    path.with_suffix(f".{revision}.yaml").write_bytes(data)
    for words in (("add", "-A"), (*WHO, "commit", "-q", "-m", revision), ("tag", revision)):
        subprocess.run(["git", "-C", str(path), *words], check=True)
