"""`show` names who gave a value only where an entry tells of that very value."""

from __future__ import annotations

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

PATH = "envs/production.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "token-number-1", "HOST": "db-number-1"})
    repo.commit("Begin", author="ana")
    cli.ok("init", "--no-workflows")
    cli.ok("record")
    return repo


def _variables(cli: Cli, *words: str) -> dict[str, str | None]:
    """Return who is named for each variable."""
    (file,) = cli.ok("show", *words, "--json").json["files"]
    return {row["variable"]: row.get("author") for row in file["variables"]}


def test_what_an_entry_tells_has_its_author(made: Repo, cli: Cli) -> None:
    """Where the commit stands in the log, or changed no environment since, all is from the log."""
    made.write("README.md", "x")
    made.commit("Elsewhere")
    said = cli.ok("show", "--json").json
    assert (said["entry"] is not None, said["signed"]) == (True, True)
    assert _variables(cli) == {"TOKEN": "ana", "HOST": "ana"}
    assert "not recorded" not in cli.ok("show").out.replace("whether and when this was live is not recorded", "")


@pytest.mark.parametrize("branch", ["main", "topic"])
@pytest.mark.parametrize("key", [True, False])
def test_a_value_that_no_entry_tells_of_is_nobodys(made: Repo, cli: Cli, branch: str, key: bool) -> None:
    """A commit that waits for its entry, or lies on another branch, is not laid at the door of who was last recorded."""
    if branch != "main":
        made.git("switch", "-q", "-c", branch)
    made.env(PATH, {"TOKEN": "token-number-2", "HOST": "db-number-1"})
    made.commit("Not recorded", author="mallory")
    if not key:
        cli.identity("")
    said = cli.ok("show", "--json").json
    assert (said["entry"], said["signed"]) == (None, False)
    # Without an identity another ciphertext is all that is known, so that nobody is named for what may be another value.
    assert _variables(cli)["TOKEN"] is None
    out = cli.ok("show").out
    assert ", not as entry 1 has it" in out
    token = next(line for line in out.splitlines() if line.startswith("TOKEN"))
    assert token.endswith("not recorded")
    assert "ana" not in token
    if key:
        assert _variables(cli)["HOST"] == "ana"
    assert _variables(cli, "entry:1") == {"TOKEN": "ana", "HOST": "ana"}


def test_a_rotation_that_waits_changes_no_author(made: Repo, cli: Cli) -> None:
    """The values are those that entries tell of, and the file is not."""
    made.env(PATH, {"TOKEN": "token-number-1", "HOST": "db-number-1"})  # encrypted anew
    made.commit("Rotate")
    assert cli.ok("show", "--json").json["entry"] is None
    assert _variables(cli) == {"TOKEN": "ana", "HOST": "ana"}


def test_behind_a_revision_that_cannot_be_read_nobody_is_named(made: Repo, cli: Cli) -> None:
    """What a repair brings that waits for its entry may be anybody's: the recorded revision tells nothing to hold it against."""
    made.write(PATH, "TOKEN: [\n")
    made.commit("Broken", author="bob")
    cli.ok("record")
    made.env(PATH, {"TOKEN": "token-number-2", "HOST": "db-number-1"})
    made.commit("Repaired", author="mallory")
    assert _variables(cli) == {"TOKEN": None, "HOST": None}
    assert cli.ok("show", "--json").json["entry"] is None
