"""The real history as pull requests: each lists exactly the variables whose plaintext changed, and leaks nothing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.kit import events
from tests.kit.actions import Actions
from tests.kit.github import GitHub
from tests.kit.server import Server
from tests.kit.sops import program

DATA = Path(__file__).parent.parent / "data" / "langfuse"
SHARES = 2  # for as many processes as the tests are run in


@pytest.fixture
def actions(tmp_path: Path, server: Server, github: GitHub, monkeypatch, capsys) -> Actions:
    """The real history on the forge."""
    made = Actions(tmp_path, server, github, monkeypatch, capsys, DATA / "history.bundle")
    made.secrets["SOPS_AGE_KEY"] = (DATA / "ci.agekey").read_text()
    return made


def git(path: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def plaintexts(path: Path, commit: str, folder: Path) -> dict[tuple[str, str], str]:
    """What the real sops finds in every env file of a commit: (path, variable) to value."""
    found = {}
    for name in git(path, "ls-tree", "-r", "--name-only", commit).splitlines():
        text = git(path, "show", f"{commit}:{name}")
        if "\nsops:" not in text:
            continue
        file = folder / "file.yaml"
        file.write_text(text + "\n")
        environ = {**os.environ, "SOPS_AGE_KEY_FILE": str(DATA / "ci.agekey"), "SOPS_DISABLE_VERSION_CHECK": "1"}
        done = subprocess.run(
            [program(), "decrypt", str(file)], capture_output=True, text=True, env=environ, check=True
        )
        for variable, value in (yaml.load(done.stdout, yaml.BaseLoader) or {}).items():
            found[name, variable] = repr(value)
    return found


@pytest.mark.parametrize("share", range(SHARES))
def test_each_commit_as_a_pull_request(actions: Actions, tmp_path: Path, share: int) -> None:
    """For each of the 106 commits the comment has exactly the variables that sops says changed; no value leaves in any way."""
    bare = actions.bare
    commits = git(bare, "rev-list", "--reverse", "--first-parent", "main").splitlines()
    touching = [
        commit
        for commit in commits
        if "envs/" in git(bare, "show", "-m", "--first-parent", "--name-only", "--format=", commit)
    ]
    assert len(touching) == 106
    checkout = actions.checkout(commits[-1])
    cache: dict[str, dict[tuple[str, str], str]] = {}

    def values(commit: str) -> dict[tuple[str, str], str]:
        tree = git(bare, "rev-parse", f"{commit}^{{tree}}")
        if tree not in cache:
            cache[tree] = plaintexts(bare, commit, tmp_path)
        return cache[tree]

    for number, commit in list(enumerate(touching, 1))[share::SHARES]:
        parents = git(bare, "show", "-s", "--format=%P", commit).split()
        if not parents:
            continue
        base = parents[0]
        git(bare, "update-ref", "refs/heads/base", base)
        git(bare, "update-ref", f"refs/pull/{number}/head", commit)
        actions.github.pull(number, head_sha=commit, base_sha=base, base_ref="base")
        step = actions.run(
            checkout, "pull_request", events.pull_request(number, "opened", base, commit, base_ref="base", head_ref="x")
        )
        old, new = values(base), values(commit)
        wanted = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        said = {
            (file["path"], change["variable"])
            for file in step.report["files"]
            for change in file["changes"]
            if change["kind"] != "renamed"
        }
        renamed = {
            (file["path"], name)
            for file in step.report["files"]
            for change in file["changes"]
            if change["kind"] == "renamed"
            for name in (change["variable"], change["from"])
        }
        assert said | renamed == wanted, commit
        body = "".join(comment["body"] for comment in actions.github.comments.get(number, []))
        for _path, variable in said:
            assert f"`{variable}`" in body
        first = body.partition("| Replaced value lived |")[2].partition("\n\n")[0]
        table = re.findall(r"^\| (?:🟡|) \| (?:`[^`]*` \| )?`([^`]+)` \|", first, re.MULTILINE)
        assert sorted(table) == sorted(
            variable for _path, variable in said | {(p, n) for p, n in renamed if (p, n) in new}
        ), commit
        secrets = {text.strip("'\"") for text in (*old.values(), *new.values()) if len(text) >= 8}
        for text in secrets:
            assert text not in step.everything
            assert not any(text.encode() in request.body for request in actions.github.requests)
