"""A name that is not there is an error in every command: an empty answer would read as "nothing changed"."""

from __future__ import annotations

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

PRODUCTION, STAGING = "envs/production.yaml", "envs/staging.yaml"
CONFIG = "version: 1\nenvironments: envs/{environment}.yaml\n"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    """Two environments, and a last commit that changes production alone; nothing is recorded."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.write(".envgit.yaml", CONFIG)
    repo.env(PRODUCTION, {"DATABASE_URL": "first-url", "OLD": "old-value"})
    repo.env(STAGING, {"DATABASE_URL": "staging-url", "LOG_LEVEL": "debug-level"})
    repo.write("README.md", "Words.\n")
    repo.commit("Begin")
    repo.env(PRODUCTION, {"DATABASE_URL": "second-url"})
    repo.commit("Move the database", author="bob")
    return repo


@pytest.fixture(params=["signed", "unsigned"])
def told(request: pytest.FixtureRequest, made: Repo, cli: Cli) -> Repo:
    """The same, once with a log and once without."""
    if request.param == "signed":
        cli.ok("init")
        made.commit("Audit the environments")
        cli.ok("record")
    return made


def test_log_says_what_blame_says_of_a_variable_that_never_was(told: Repo, cli: Cli) -> None:
    """One line, one status, for both: a typo is no quiet variable."""
    for more in ((), ("-e", "production")):
        line = cli.fails(2, "blame", "DATABSE_URL", *more)
        assert "no variable 'DATABSE_URL' was ever in" in line
        assert "near it: DATABASE_URL" in line
        assert cli.fails(2, "log", "DATABSE_URL", *more) == line
    assert cli.fails(2, "log", "LOG_LEVEL", "-e", "production") == cli.fails(
        2, "blame", "LOG_LEVEL", "-e", "production"
    )


def test_log_knows_a_variable_that_is_gone(made: Repo, cli: Cli) -> None:
    """It was there once, so that its entries are the answer."""
    cli.ok("init")
    made.commit("Audit the environments")
    made.env(STAGING, {"DATABASE_URL": "staging-url"})
    made.commit("No level any more")
    cli.ok("record")
    assert len(cli.ok("log", "LOG_LEVEL", "--json").json["entries"]) == 2


def test_every_command_says_the_same_of_an_environment_that_is_not_there(told: Repo, cli: Cli) -> None:
    """What matches nothing is named, and what there is."""
    line = "envgit: no environment matches 'prod'; there are: production, staging"
    assert cli.fails(2, "blame", "DATABASE_URL", "-e", "prod") == line
    assert cli.fails(2, "log", "-e", "prod") == line
    assert cli.fails(2, "log", "DATABASE_URL", "-e", "prod") == line
    assert cli.fails(2, "diff", "HEAD~1", "-e", "prod") == line
    assert cli.fails(2, "diff", "HEAD~1", "HEAD", "-e", "prod", "--exit-code") == line
    assert cli.fails(2, "diff", "--cached", "-e", "prod") == line
    assert "no environment matches 'prod' at " in cli.fails(2, "show", "-e", "prod")


def test_an_environment_that_did_not_change_is_no_error(made: Repo, cli: Cli) -> None:
    """It is there, and nothing happened to it: nothing is printed, with status 0."""
    for words in (("HEAD~1", "HEAD"), ("HEAD~1",), (), ("--cached",)):
        ran = cli.ok("diff", *words, "-e", "stag*", "--exit-code")
        assert (ran.out, ran.err) == ("", "")


def test_an_environment_of_one_side_alone_is_known(made: Repo, cli: Cli) -> None:
    """Removed or added between the revisions, or selected by the configuration of one of them only."""
    made.git("rm", "-q", STAGING)
    made.commit("No staging")
    assert "file deleted" in cli.ok("diff", "HEAD~1", "HEAD", "-e", "staging").out
    assert "file deleted" in cli.ok("diff", "HEAD~1", "-e", "staging").out
    two = "version: 1\nenvironments:\n  - envs/{environment}.yaml\n  - more/{environment}.yaml\n"
    made.write(".envgit.yaml", two)
    made.env("more/eu.yaml", {"A": "a-value"})
    made.git("add", "-A")
    assert cli.ok("diff", "-e", "eu").exit == 0
    made.commit("One more place")
    assert cli.ok("diff", "HEAD~1", "HEAD", "-e", "eu").exit == 0
    assert "there are: eu, production" in cli.fails(2, "diff", "HEAD~1", "HEAD", "-e", "us")


def test_without_patterns_a_file_with_a_sops_block_is_known(made: Repo, cli: Cli) -> None:
    """The environment is called by its path then, and a file without such a block is none."""
    made.git("rm", "-q", ".envgit.yaml")
    made.write("plain.yaml", "a: 1\n")
    made.commit("No configuration")
    assert cli.ok("diff", "HEAD", "-e", STAGING).out == ""
    line = "there are: envs/production.yaml, envs/staging.yaml"
    assert cli.fails(2, "diff", "HEAD", "-e", "plain.yaml").endswith(line)


def test_a_path_that_names_nothing_is_an_error(made: Repo, cli: Cli) -> None:
    """A file, a directory or the top that is on a side is fine, changed or not, environment or not."""
    for words in ((), ("--cached",), ("HEAD~1",), ("HEAD~1", "HEAD")):
        line = cli.fails(2, "diff", *words, "--", PRODUCTION, "envs/nosuch.yaml")
        assert "nothing is at 'envs/nosuch.yaml' in HEAD" in line
    for path in (STAGING, "README.md"):
        assert cli.ok("diff", "HEAD~1", "HEAD", "--", path).out == ""
    whole = cli.ok("diff", "HEAD~1", "HEAD").out
    assert "DATABASE_URL" in whole
    for path in (PRODUCTION, "envs", "envs/", str(made.path)):
        assert cli.ok("diff", "HEAD~1", "HEAD", "--", path).out == whole


def test_a_path_of_the_index_alone_is_something(made: Repo, cli: Cli) -> None:
    """A file that was added and not committed is on one side; one that git does not track is on none."""
    made.env("envs/new.yaml", {"A": "a-value"})
    assert "what git tracks here" in cli.fails(2, "diff", "--", "envs/new.yaml")
    made.git("add", "-A")
    assert " A A" in cli.ok("diff", "--", "envs/new.yaml").out


def test_log_says_that_no_entry_matches(told: Repo, cli: Cli) -> None:
    """What a filter leaves nothing of is an answer, with status 0 and one line beside it."""
    ran = cli.ok("log", "--author", "nobody")
    assert ran.out == ""
    assert "no entry matches" in ran.err.splitlines()
    assert cli.ok("log", "--author", "nobody", "--json").json["entries"] == []
    assert "no entry matches" not in cli.ok("log", "--author", "bob").err


def test_where_no_file_is_an_environment_every_command_says_so(repo: Repo, cli: Cli) -> None:
    """blame, log and show: one line and one status, and no entry that nobody wrote."""
    cli.directory = repo.path
    repo.write("README.md", "Words.\n")
    repo.commit("Begin")
    line = "envgit: no environment is in this history"
    for words in (("blame", "TOKEN"), ("log",), ("log", "TOKEN"), ("log", "--json"), ("show",), ("show", "--json")):
        assert cli.fails(4, *words) == line
    for words in (("blame", "-e", "x"), ("log", "-e", "x"), ("show", "-e", "x")):
        assert cli.fails(4, *words) == line
    assert cli.fails(4, "show", "HEAD") == f"{line} at {repo.head[:7]}"


def test_history_alone_has_no_genesis(made: Repo, cli: Cli) -> None:
    """Nobody wrote one: the list ends with the first commit that touched an environment."""
    found = cli.ok("log", "--json").json
    assert [entry["kind"] for entry in found["entries"]] == ["change", "config", "change"]
    for words in (("log",), ("log", "--oneline")):
        out = cli.ok(*words).out
        assert "genesis" not in out
        assert "1970" not in out
    assert "no entry matches" in cli.ok("log", "--kind", "genesis").err
