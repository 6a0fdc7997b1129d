"""The real history, held against the real sops: what changed, who is blamed, and that no secret is anywhere."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.kit.cli import Cli, process
from tests.kit.repo import Repo
from tests.kit.sops import program

ENVIRONMENTS = ("azure", "development", "production")
Plain = dict[str, Any]


def _git(repo: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=repo, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def oracle(
    real_history: Path, identity: str, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, str, Plain | None]]:
    """(commit, environment, plaintext as the real sops gives it) of every revision that touches a file, oldest first."""
    folder = tmp_path_factory.mktemp("oracle")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SOPS_AGE_KEY": identity.splitlines()[-1],
        "SOPS_DISABLE_VERSION_CHECK": "1",
    }

    def plain(row: tuple[str, str]) -> tuple[str, str, Plain | None]:
        commit, name = row
        path = folder / f"{commit}-{name}.yaml"
        shown = subprocess.run(
            ["git", "show", f"{commit}:envs/{name}.yaml"], cwd=real_history, capture_output=True, check=False
        )
        if shown.returncode:
            return commit, name, None
        path.write_bytes(shown.stdout)
        done = subprocess.run(
            [program(), "decrypt", "--output-type", "json", str(path)], env=environ, capture_output=True, check=True
        )
        return commit, name, json.loads(done.stdout)

    rows = [
        (commit, name)
        for commit in _git(real_history, "rev-list", "--reverse", "main").split()
        for name in ENVIRONMENTS
        if _git(
            real_history,
            "diff-tree",
            "--root",
            "--no-commit-id",
            "-r",
            "--name-only",
            commit,
            "--",
            f"envs/{name}.yaml",
        )
    ]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(plain, rows))


@pytest.fixture(scope="module")
def recorded(real_history: Path, identity: str, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The real history with its log; every command ran in a process of its own."""
    repo = Repo.clone(real_history, tmp_path_factory.mktemp("recorded") / "repo")
    home = str(tmp_path_factory.mktemp("home-of-recorder"))
    for words in (("init",), ("record",)):
        done = process(repo.path, *words, SOPS_AGE_KEY=identity, HOME=home)
        assert done.returncode == 0, done.stderr
    return repo


@pytest.fixture
def asked(recorded: Repo, identity: str, cli: Cli) -> Cli:
    cli.directory = recorded.path
    cli.identity(identity)
    return cli


def _truth(oracle: list[tuple[str, str, Plain | None]]) -> dict[tuple[str, str], list[str]]:
    """Map (environment, variable) to the commits at which its plaintext changed, newest first."""
    found: dict[tuple[str, str], list[str]] = {}
    last: dict[str, Plain] = {}
    for commit, name, plain in oracle:
        before, after = last.get(name, {}), plain or {}
        for variable in {*before, *after}:
            missing = object()
            if before.get(variable, missing) != after.get(variable, missing):
                found.setdefault((name, variable), []).insert(0, commit)
        last[name] = after
    return found


def test_blame_names_exactly_the_commits_at_which_the_plaintext_changed(
    asked: Cli, oracle: list[tuple[str, str, Plain | None]]
) -> None:
    """For every variable `blame --all` names the commits that the oracle finds, and no other, renames followed by hand."""
    truth = _truth(oracle)
    assert len(truth) > 80
    for (environment, variable), commits in truth.items():
        lines = asked.ok("blame", "--all", "-e", environment, variable, "--json").json["changes"]
        expected = list(commits)
        renames = [line for line in lines if line["kind"] == "renamed"]
        for rename in renames:
            if rename["variable"] == variable:
                # The new name begins with the rename; what came before belongs to the old one.
                older = truth[environment, rename["from"]]
                expected += older[older.index(rename["commit"]) + 1 :]
        assert [line["commit"] for line in lines] == expected, (environment, variable)


def test_record_then_verify_deep_finds_no_problem(asked: Cli, recorded: Repo) -> None:
    """106 commits become 106 entries, all of them compared with the files, and git agrees with the objects."""
    found = asked.ok("verify", "--deep", "--json").json
    assert (found["ok"], found["entries"], found["problems"], found["unopened"]) == (True, 107, [], 0)
    assert recorded.git("fsck", "--strict", "--no-dangling") == ""


def test_git_accepts_the_signature_of_every_commit_of_the_audit_branch(recorded: Repo, tmp_path: Path) -> None:
    """Stock `git verify-commit` agrees, with the key that the branch's own log.json names."""
    log = json.loads(recorded.git("show", "envgit-audit:log.json"))
    signer = log["signers"]["signers"][0]
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"{signer['email']} {signer['key']}\n")
    commits = recorded.git("rev-list", "envgit-audit").split()
    assert len(commits) == 107
    recorded.git("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", *commits)


def test_commits_that_only_encrypt_again_or_change_recipients_are_in_the_log_as_what_they_were(
    asked: Cli, oracle: list[tuple[str, str, Plain | None]]
) -> None:
    """Every entry without a changed plaintext has no counted change, and rotations and recipients stand as events."""
    changed = {commit for commits in _truth(oracle).values() for commit in commits}
    entries = [entry for entry in asked.ok("log", "--json").json["entries"] if entry["kind"] == "change"]
    events = [event["kind"] for entry in entries for file in entry["files"] for event in file.get("events", [])]
    for entry in entries:
        counted = [c for file in entry["files"] for c in file.get("changes", []) if c["kind"] != "reencrypted"]
        assert bool(counted) == (entry["source"]["commit"] in changed)
    assert events.count("data-key-rotated") >= 1
    assert events.count("access-granted") > 3
    assert events.count("access-revoked") >= 1


def test_no_secret_of_the_history_is_in_any_object_or_output(
    asked: Cli, recorded: Repo, oracle: list[tuple[str, str, Plain | None]]
) -> None:
    """No plaintext of eight bytes or more occurs in the audit branch's objects, nor in what any command prints."""
    secrets = {
        str(value).encode()
        for _commit, _name, plain in oracle
        for value in (plain or {}).values()
        if isinstance(value, str) and len(value) >= 8
    }
    assert len(secrets) > 40
    objects = recorded.git("rev-list", "--objects", "--no-object-names", "envgit-audit", "--not", "main")
    dump = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=recorded.path, input=objects.encode(), capture_output=True, check=True
    ).stdout
    said = "".join(
        ran.out + ran.err
        for ran in (
            asked.ok("log"),
            asked.ok("log", "--json"),
            asked.ok("blame", "-e", "*"),
            asked.ok("show", "-e", "*"),
            asked.ok("show", "-e", "*", "--json"),
            asked.ok("diff", "HEAD~60", "HEAD"),
            asked.ok("diff", "HEAD~60", "HEAD", "--json"),
            asked.ok("verify", "--deep"),
        )
    ).encode()
    # What the source says in clear anyway, a name or a commit's subject, tells nothing.
    public = recorded.git("log", "--format=%s%n%an%n%ae", "main").encode()
    names = {variable.encode() for _commit, _name, plain in oracle for variable in plain or {}}
    checked = {secret for secret in secrets - names if secret not in public}
    assert len(checked) > 40
    for secret in checked:
        assert secret not in dump
        assert secret not in said
