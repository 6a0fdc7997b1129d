"""The golden log is made anew, byte for byte, and stock tools accept it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.audit import checkpoint
from envgit.audit.merkle import leaf_hash
from envgit.fingerprint import FingerprintKey, state
from envgit.model import Secret, ValueType

from .chain import KEY, SEED, Chain, check, write_repository
from .golden import FIRST_KEY


def _log(chain: Chain) -> dict[str, object]:
    return {
        "note": "the signing key is a test key, of a public seed: trust nothing that it signs",
        "signing_seed": SEED.hex(),
        "signing_key": KEY.public_line,
        "genesis": f"sha256:{chain.made[0].leaf.hex()}",
        "tip": chain.tip,
        "entries": [
            {
                "sequence": made.entry.sequence,
                "kind": made.entry.kind,
                "leaf": made.leaf.hex(),
                "frontier": [part.hex() for part in made.state.frontier.hashes],
                "root": made.state.root.hex(),
                "checkpoint": checkpoint.body(made.entry.origin, made.state.size, made.state.root),
                "tree": made.tree,
                "commit": made.commit,
                "entry": made.data.decode(),
            }
            for made in chain.made
        ],
    }


def _text(kind: str, data: bytes) -> str:
    """Return an object's bytes as text: hex for a tree, whose ids are binary, as they are for all others."""
    return data.hex() if kind == "tree" else data.decode()


def test_the_golden_log_is_what_it_was(chain: Chain, vector: Callable[[str, str], None]) -> None:
    """Every entry, hash, tree and commit is the one in tests/vectors."""
    vector("log.json", json.dumps(_log(chain), indent=1, ensure_ascii=False) + "\n")


def test_the_golden_objects_are_what_they_were(chain: Chain, vector: Callable[[str, str], None]) -> None:
    """Every object of the log is the one in tests/vectors, by its name and its bytes."""
    rows = {oid: {"kind": kind, "data": _text(kind, data)} for oid, (kind, data) in sorted(chain.objects.items())}
    vector("objects.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def test_the_log_is_verified_from_the_vectors_alone() -> None:
    """A verifier that has nothing but the files finds the log good, up to the root that they name."""
    directory = Path(__file__).parent.parent / "vectors"
    log = json.loads((directory / "log.json").read_text())
    rows = json.loads((directory / "objects.json").read_text())
    objects = {
        oid: (row["kind"], bytes.fromhex(row["data"]) if row["kind"] == "tree" else row["data"].encode())
        for oid, row in rows.items()
    }
    report = check(objects, log["tip"])
    assert (report.problems, report.good) == ([], len(log["entries"]))
    assert (report.genesis, report.root.hex()) == (log["genesis"], log["entries"][-1]["root"])
    assert all(leaf_hash(row["entry"].encode()).hex() == row["leaf"] for row in log["entries"])


def test_fingerprints_are_vectors(vector: Callable[[str, str], None]) -> None:
    """Keys, fingerprints and a state stand in tests/vectors, with the values that they are of."""
    values = [
        ("DATABASE_URL", "str", "one"),
        ("DEBUG", "bool", "false"),
        ("EMPTY", "str", ""),
        ("schl\u00fcssel", "str", "\u00fc"),
    ]
    marks = [FIRST_KEY.fingerprint(name, ValueType(kind), Secret(value.encode())) for name, kind, value in values]
    rows = {
        "key": FIRST_KEY.secret.reveal().hex(),
        "id": FIRST_KEY.id,
        "fingerprints": [
            {"variable": name, "type": kind, "value": value, "fingerprint": mark}
            for (name, kind, value), mark in zip(values, marks, strict=True)
        ],
        "state": _state(
            FIRST_KEY, [(name, kind, mark) for (name, kind, _value), mark in zip(values, marks, strict=True)]
        ),
    }
    vector("fingerprints.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _state(key: FingerprintKey, rows: list[tuple[str, str, str]]) -> str:
    return str(state(key.id, rows))


@pytest.fixture(scope="module")
def repository(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the golden log as a bare repository of loose objects."""
    directory = tmp_path_factory.mktemp("golden.git")
    write_repository(directory, chain.objects, chain.tip or chain.made[-1].commit)
    (directory / "allowed").write_text(f"envgit@envgit.invalid {KEY.public_line}\n")
    return directory


def git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git on the repository, with the log's signer allowed."""
    settings = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={repository / 'allowed'}")
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", *settings, "--git-dir", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**env, "LC_ALL": "C"}, check=False)


def test_git_fsck_is_content(repository: Path) -> None:
    """`git fsck --strict` finds nothing wrong and nothing loose."""
    done = git(repository, "fsck", "--strict", "--full", "--no-progress", "--unreachable")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_git_verifies_every_commit(chain: Chain, repository: Path) -> None:
    """Stock `git verify-commit` accepts each commit, and `git log` names the author and signer of the entry."""
    done = git(repository, "verify-commit", *(made.commit for made in chain.made))
    assert (done.returncode, done.stderr.count('Good "git" signature')) == (0, len(chain.made))
    shown = git(repository, "log", "--reverse", "--format=%G? %ce %cI %an", "envgit-audit").stdout.splitlines()
    assert shown[1] == "G envgit@envgit.invalid 2026-11-23T20:01:07+00:00 Alice \u00d6mer"
    assert len(shown) == len(chain.made)


def test_git_reads_an_entry(chain: Chain, repository: Path) -> None:
    """`git show` prints an entry's very bytes, and the names on the branch are plain."""
    assert git(repository, "show", "envgit-audit:entries/00/00/02.json").stdout == chain.made[2].data.decode()
    names = git(repository, "ls-tree", "-r", "--name-only", "-z", "envgit-audit").stdout.split("\0")
    assert all(name.isascii() and name.isprintable() for name in names)


def test_docs_show_the_objects_that_git_shows(repository: Path) -> None:
    """Every dump in docs/format.md that names a command is what the command prints."""
    text = (Path(__file__).parent.parent.parent / "docs" / "format.md").read_text()
    shown = 0
    for block in text.split("```console\n")[1:]:
        first, _newline, expected = block.split("\n```", 1)[0].partition("\n")
        if not first.startswith("$ git "):
            continue
        arguments = first.removeprefix("$ git ").split()
        assert git(repository, *arguments).stdout.rstrip("\n") == expected.rstrip("\n"), first
        shown += 1
    assert shown >= 5
