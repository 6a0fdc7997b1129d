"""Configuration, remotes, the work tree and the index, as far as they are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.git.repository import Repository
from tests.kit.repo import Repo

Opened = Callable[[], Repository]


def test_the_user_s_own_configuration_is_told_from_the_repository_s(
    repo: Repo, opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`config` reads all of git's files, `global_config` only the user's: at home, below .config, or where git is told."""
    repo.git("config", "envgit.x", "repository's")
    assert (opened().config("envgit.x"), opened().global_config("envgit.x")) == ("repository's", None)
    xdg = Path(os.environ["HOME"]) / ".config" / "git" / "config"
    xdg.parent.mkdir(parents=True)
    xdg.write_text("[envgit]\n\tx = below\n\ty = below\n")
    repo.git("config", "--file", str(Path(os.environ["HOME"]) / ".gitconfig"), "envgit.x", "user's")
    found = opened()
    assert [found.global_config(f"envgit.{key}") for key in "xyz"] == ["user's", "below", None]
    assert [found.config(f"envgit.{key}") for key in ("x", "y", "z", "no key")] == ["repository's", "below", None, None]
    (tmp_path / "told").write_text("[envgit]\n\tx = told\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "told"))
    assert [found.global_config(f"envgit.{key}") for key in "xy"] == ["told", None]


def test_a_setting_is_written_to_the_repository(repo: Repo, opened: Opened) -> None:
    """What is set is git's to read."""
    opened().set_config("envgit.signingKey", "~/k")
    assert repo.git("config", "--local", "envgit.signingKey") == "~/k"


def test_remotes_are_git_s(repo: Repo, opened: Opened, tmp_path: Path) -> None:
    """Names, addresses with `insteadOf`, and the default branch of a remote are those that git knows."""
    assert (opened().remotes, opened().remote_url("origin"), opened().default_branch("origin")) == ([], None, None)
    repo.commit()
    clone = Repo.clone(repo.path, tmp_path / "clone")
    clone.git("remote", "add", "up", "acme:app.git")
    clone.git("config", "url.https://git.acme.example/.insteadOf", "acme:")
    found = Repository.open(clone.path)
    assert (sorted(found.remotes), found.default_branch("origin")) == (["origin", "up"], "main")
    assert found.remote_url("up") == "https://git.acme.example/app.git"


def test_only_regular_files_of_the_work_tree_are_read(repo: Repo, opened: Opened, tmp_path: Path) -> None:
    """A link, a file behind a linked folder, a pipe, a folder and what is above the work tree are no files of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "env").write_text("secret")
    repo.write("dir/env", "one\n")
    (repo.path / "link").symlink_to("dir/env")
    (repo.path / "linked").symlink_to(tmp_path / "outside")
    os.mkfifo(repo.path / "pipe")
    found = opened()
    assert found.work_file("dir/env") == b"one\n"
    for path in ("link", "linked/env", "pipe", "dir", "none", "dir/env/x", "../outside/env", "dir/../../outside/env"):
        assert found.work_file(path) is None, path


def test_the_index_is_what_is_staged(repo: Repo, opened: Opened) -> None:
    """Staged bytes are read, not those of the work tree; a link, a conflict and an absent path have none."""
    repo.write("env", "staged\n")
    (repo.path / "link").symlink_to("env")
    repo.git("add", "-A")
    repo.write("env", "not staged\n")
    found = opened()
    assert [found.index_file(path) for path in ("env", "link", "none")] == [b"staged\n", None, None]
    assert list(found.index_paths()) == [("env", 0o100644), ("link", 0o120000)]
    oid = repo.git("rev-parse", ":env")
    repo.git(
        "update-index", "--index-info", data=f"0 {'0' * 40}\tenv\n100644 {oid} 1\tenv\n100644 {oid} 2\tenv\n".encode()
    )
    assert opened().index_file("env") is None


def test_paths_are_those_of_where_one_stands(repo: Repo, tmp_path: Path) -> None:
    """A path is taken from where the person stands, through links too; one outside stays as it was written."""
    repo.write("a/b/env", "x")
    (tmp_path / "short").symlink_to(repo.path / "a")
    for start in (repo.path / "a", tmp_path / "short"):
        found = Repository.open(start)
        assert [found.relative(path) for path in ("b/env", "../x", ".", "..", str(repo.path / "y"))] == [
            "a/b/env",
            "x",
            "a",
            "",
            "y",
        ]
        assert found.relative("../../../z") == "../../../z"
        assert (found.is_path("b/env"), found.is_path("env")) == (True, False)
