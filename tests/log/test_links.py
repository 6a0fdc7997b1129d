"""A symbolic link may have the very bytes of a file: what is said of the one is never said of the other."""

from __future__ import annotations

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

PATH = "envs/production.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "token-number-1"})
    repo.commit("Begin")
    cli.ok("init", "--no-workflows")
    repo.commit("Audit")
    cli.ok("record")
    return repo


def _staged(repo: Repo, mode: str, path: str, *, blob: str = f":{PATH}") -> None:
    """Put a blob into the index as a file or a link, whatever the work tree has."""
    repo.git("update-index", "--add", "--cacheinfo", f"{mode},{repo.git('rev-parse', blob)},{path}")


def _committed(repo: Repo) -> None:
    repo.git("commit", "-q", "-m", "Link")


def _last(cli: Cli) -> dict[str, dict]:
    """Return what the last entry says of each environment."""
    return {file["environment"]: file for file in cli.ok("log", "-1", "--json").json["entries"][0]["files"]}


def test_a_link_beside_it_hides_no_change(made: Repo, cli: Cli) -> None:
    """A commit changes an environment, and adds a link of the same blob before it in the order of names."""
    made.env(PATH, {"TOKEN": "token-number-2"})
    made.git("add", PATH)
    _staged(made, "120000", "envs/aaa.yaml")
    _committed(made)
    assert " M TOKEN" in cli.ok("diff", "HEAD~1", "HEAD").out
    cli.ok("record")
    said = _last(cli)
    assert [change["kind"] for change in said["production"]["changes"]] == ["changed"]
    assert "changes" not in said["aaa"]
    cli.ok("verify", "--deep")


def test_a_file_that_becomes_a_link_of_its_own_bytes_and_back_has_entries(made: Repo, cli: Cli) -> None:
    """Its digest stays the same, and what it is does not."""
    _staged(made, "120000", PATH)
    _committed(made)
    cli.ok("record")
    assert [event["kind"] for event in _last(cli)["production"]["events"]] == ["unreadable"]
    cli.ok("verify", "--deep")
    _staged(made, "100644", PATH)
    _committed(made)
    cli.ok("record")
    assert _last(cli)["production"]["state"] is not None
    cli.ok("verify", "--deep")


def test_a_configuration_that_becomes_a_link_of_its_own_bytes_has_an_entry(made: Repo, cli: Cli) -> None:
    """It says nothing any more, and the one before stays in force."""
    _staged(made, "120000", ".envgit.yaml", blob=":.envgit.yaml")
    _committed(made)
    assert "no regular file" in cli.ok("record").err
    entry = cli.ok("log", "-1", "--json").json["entries"][0]
    assert (entry["kind"], entry["problem"]) == ("config", "invalid")
    cli.ok("verify")
