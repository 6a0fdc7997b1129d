"""What a partial clone lacks is asked for where no setting of the repository's own may lead that to a program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envgit.errors import CannotTell
from envgit.git.promisor import objection
from envgit.git.repository import Repository
from tests.kit.repo import Repo
from tests.kit.server import Server

LED = {
    "core.sshcommand": ("core.sshCommand", "ssh -i key"),
    "core.of-a-git-to-come": ("core.of-a-git-to-come", "x"),
    "credential.https://git.example.helper": ("credential.https://git.example.helper", "!x"),
    "hook.x.command": ("hook.x.command", "x"),
    "http.https://git.example/.cookiefile": ("http.https://git.example/.cookieFile", "x"),
    "protocol.ext.allow": ("protocol.ext.allow", "always"),
    "remote.x.uploadpack": ("remote.x.uploadpack", "x"),
    "remote.x.vcs": ("remote.x.vcs", "x"),
    "remote.x.url": ("remote.x.url", "ext::x"),
    "remote.y.url": ("remote.y.url", "x://y"),
    "url.x.insteadof": ("url.x.insteadOf", "https://"),
}


@pytest.mark.parametrize("said", LED)
def test_a_setting_that_may_lead_to_a_program_is_named(said: str, repo: Repo) -> None:
    """By a setting that is not known to be harmless git is not asked, and that setting is what is said."""
    repo.git("config", *LED[said])
    assert objection(repo.path / ".git") == said


HARMLESS = {
    "branch.main.remote": "origin",
    "core.hooksPath": ".husky",
    "extensions.partialClone": "origin",
    "filter.lfs.process": "git-lfs filter-process",
    "http.https://github.com/.extraheader": "AUTHORIZATION: basic x",
    "http.postBuffer": "1000000",
    "remote.a.b.fetch": "+refs/heads/*:refs/remotes/a.b/*",
    "remote.a.url": "https://[::1]/x.git",
    "remote.b.url": "git@github.com:acme/platform.git",
    "remote.c.url": "../beside",
    "remote.d.promisor": "true",
    "user.name": "x",
}


def test_what_clones_and_checkouts_write_is_harmless(repo: Repo) -> None:
    """Settings that git, CI and people's tools leave in a clone stand in nobody's way."""
    for key, value in HARMLESS.items():
        repo.git("config", key, value)
    assert objection(repo.path / ".git") == ""


def test_the_user_s_own_settings_are_the_user_s(repo: Repo) -> None:
    """A program that the user's own configuration names is run for whom he runs git."""
    home = Path(os.environ["HOME"]) / ".gitconfig"
    repo.git("config", "--file", str(home), "core.sshCommand", "ssh -i key")
    assert objection(repo.path / ".git") == ""


@pytest.mark.parametrize("section", ["include", "includeIf.gitdir:**", "includeIf.hasconfig:remote.*.url:**"])
def test_what_is_included_is_the_repository_s_own(section: str, repo: Repo, tmp_path: Path) -> None:
    """A setting that the repository's configuration includes counts, on a condition that git knows and libgit2 does not, too."""
    (tmp_path / "more").write_text("[core]\n\tsshCommand = x\n")
    repo.git("config", "remote.origin.url", "https://git.example/x")
    repo.git("config", f"{section}.path", str(tmp_path / "more"))
    assert objection(repo.path / ".git") == "core.sshcommand"


def test_a_clone_that_is_trusted_is_asked_all_the_same(repo: Repo, server: Server, tmp_path: Path) -> None:
    """Where the settings are the user's own they stand; else what is missing is not fetched, and the line names the setting."""
    repo.write("env", "one\n")
    commit = repo.commit()
    server.create(source=repo.path)
    clone = Repo.clone(server.url(), tmp_path / "clone", "--filter=blob:none", "--no-checkout")
    clone.git("config", "core.sshCommand", "none")
    found = Repository.open(clone.path)
    blob = found.entry_at(commit, "env").id
    with pytest.raises(CannotTell, match="its own core.sshcommand may name a program to fetch it by; git cat-file -t"):
        found.blob(blob)
    found = Repository.open(clone.path)
    found.trusted = True
    assert found.blob(blob) == b"one\n"
