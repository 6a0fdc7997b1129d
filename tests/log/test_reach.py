"""An answer that may be out of date says so, on a terminal or not: what is not recorded yet is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

PATH = "envs/production.yaml"
ASKED = (("blame", "TOKEN"), ("log",), ("log", "TOKEN"), ("blame", "-e", "production"))


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    """A log that tells everything."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token"})
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\n")
    repo.commit("Begin")
    cli.ok("init")
    cli.ok("record")
    return repo


def _change(repo: Repo, number: int) -> None:
    repo.env(PATH, {"TOKEN": f"token-number-{number}"})
    repo.commit(f"Change {number}", author="mallory")


def _said(cli: Cli, *words: str) -> tuple[str, int | None]:
    """Return what stderr says, which --json does not change, and the number that --json gives."""
    told = cli.ok(*words, "--json")
    assert cli.ok(*words).err == told.err
    return told.err, told.json["pending"]


@pytest.mark.parametrize("words", ASKED)
def test_a_log_that_tells_everything_is_no_reason_to_warn(words: tuple[str, ...], made: Repo, cli: Cli) -> None:
    """Nothing is pending, also where the branch went on with what is no environment."""
    assert _said(cli, *words) == ("", 0)
    made.write("README.md", "Words.\n")
    made.commit("Words")
    assert _said(cli, *words) == ("", 0)


@pytest.mark.parametrize("words", ASKED)
def test_a_commit_without_an_entry_is_warned_of(words: tuple[str, ...], made: Repo, cli: Cli) -> None:
    """The number is that of verify: commits that touch an environment or the configuration."""
    _change(made, 2)
    made.write("README.md", "Words.\n")
    made.commit("Words")
    line = (
        "warning: 1 commit on main touches an environment and has no entry yet, "
        "so that this answer may be out of date; envgit record\n"
    )
    assert _said(cli, *words) == (line, 1)
    _change(made, 3)
    said, pending = _said(cli, *words)
    assert said.startswith("warning: 2 commits on main touch an environment and have no entry yet")
    assert pending == 2 == len(cli.run("verify", "--json").json["pending"])
    cli.ok("record")
    assert _said(cli, *words) == ("", 0)


def test_a_branch_that_was_rewritten_is_warned_of(made: Repo, cli: Cli) -> None:
    """How many entries it will take is not known."""
    made.git("checkout", "-q", "--orphan", "other")
    _change(made, 4)
    made.git("branch", "-f", "main", "other")
    said, pending = _said(cli, "blame", "TOKEN")
    assert said.startswith("warning: main has moved away from what is recorded")
    assert pending is None


def test_a_clone_that_is_behind_its_log_is_not_warned(made: Repo, cli: Cli) -> None:
    """The log tells more than the branch here: nothing is missing from the answer."""
    _change(made, 5)
    cli.ok("record")
    made.git("reset", "-q", "--hard", "HEAD~1")
    assert _said(cli, "log") == ("", 0)


def test_where_the_branch_is_cut_off_the_number_is_not_known(made: Repo, cli: Cli, tmp_path: Path) -> None:
    """A shallow clone cannot tell what lies between, and says so in JSON."""
    for number in (6, 7, 8):
        _change(made, number)
    clone = Repo.clone(f"file://{made.path}", tmp_path / "shallow", "--depth=1", "--no-single-branch")
    cli.directory = clone.path
    assert cli.ok("log", "--json").json["pending"] is None


def test_a_variable_that_is_not_recorded_yet_is_not_only_unknown(made: Repo, cli: Cli) -> None:
    """The error that it never was stands beside the warning that the log is behind."""
    made.env(PATH, {"TOKEN": "first-token", "NEWEST": "new-value"})
    made.commit("One more")
    for command in ("blame", "log"):
        ran = cli.run(command, "NEWEST")
        assert ran.exit == 2
        assert [line.partition(":")[0] for line in ran.err.splitlines()] == ["warning", "envgit"]


def test_history_alone_is_read_to_its_end(made: Repo, cli: Cli) -> None:
    """Without a log nothing is pending."""
    made.git("branch", "-D", "envgit-audit")
    _change(made, 9)
    for words in ASKED:
        assert cli.ok(*words, "--json").json["pending"] == 0
