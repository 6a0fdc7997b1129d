"""What cannot be read is said to be that: no comparison and no count claims to know what nobody could read."""

from __future__ import annotations

import pytest

from tests.kit.cli import Cli
from tests.kit.repo import Repo

PATH = "envs/production.yaml"
OTHER = "envs/staging.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    """Two environments in one commit."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\n")
    repo.env(PATH, {"TOKEN": "first-token", "DEBUG": False})
    repo.env(OTHER, {"TOKEN": "other-token"})
    repo.commit("Begin")
    return repo


def _conflict(repo: Repo) -> int:
    """Leave a merge of two tokens unfinished, and return the line of the first mark."""
    repo.git("switch", "-q", "-c", "side")
    repo.env(PATH, {"TOKEN": "token-of-the-side", "DEBUG": False})
    repo.commit("Theirs", author="bob")
    repo.git("switch", "-q", "main")
    repo.env(PATH, {"TOKEN": "token-of-main", "DEBUG": False})
    repo.commit("Ours", author="carol")
    repo.git("merge", "-q", "side", check=False)
    text = (repo.path / PATH).read_text().splitlines()
    return next(number for number, line in enumerate(text, 1) if line.startswith("<<<<<<< "))


def test_conflict_markers_are_named_and_nothing_is_called_unchanged(made: Repo, cli: Cli) -> None:
    """Whoever commits a conflict reads where the marks are, and that the file was not compared."""
    line = _conflict(made)
    made.commit("Conflict and all")
    ran = cli.run("diff", "HEAD~1", "HEAD", "--exit-code")
    assert ran.exit == 1
    assert ran.lines == [
        f"production ({PATH})",
        f" ! not readable (malformed): it has merge conflict markers (line {line})",
        "1 file could not be compared",
    ]


@pytest.mark.parametrize("text", ["FOO: bar\n", "", "<<<<<<< \nsops:\n  a: [\n"])
def test_a_count_of_what_is_known_says_that_a_file_is_not(text: str, made: Repo, cli: Cli) -> None:
    """One file is counted and the other could not be compared, whatever stands in its place."""
    made.write(PATH, text)
    made.env(OTHER, {"TOKEN": "a-new-token"})
    ran = cli.run("diff", "--exit-code")
    assert ran.exit == 1
    assert ran.lines[-1] == "1 variable changed; 1 file could not be compared"
    assert "markers" not in ran.out


def test_against_an_unreadable_older_side_nothing_is_said_to_change(made: Repo, cli: Cli) -> None:
    """Whoever mends a file gave nobody access and added nothing, as far as anybody knows."""
    whole = (made.path / PATH).read_bytes()
    made.write(PATH, "TOKEN: in-the-clear\n")
    made.commit("Oops")
    made.write(PATH, whole)
    ran = cli.run("diff", "--exit-code")
    assert ran.exit == 1
    recipient = f"{made.key.recipient[:8]}…{made.key.recipient[-3:]}"
    assert ran.lines == [
        f"production ({PATH})",
        " ! before: not readable (plaintext): it is not encrypted: it has no sops block",
        f"   now: 2 variables, compared with nothing; for {recipient}",
        "1 file could not be compared",
    ]
    file = cli.ok("diff", "--json").json["files"][0]
    assert (file["reason_before"], file["events"], file["changes"]) == ("plaintext", [], [])
    assert "had" not in cli.ok("diff", "--keyless").out


def test_an_unreadable_file_that_goes_is_said_to_go_and_no_more(made: Repo, cli: Cli) -> None:
    """Deleted, or still not readable: what it held before is not known."""
    made.write(PATH, "TOKEN: in-the-clear\n")
    made.commit("Oops")
    made.write(PATH, "- a\n")
    reasons = [line.split(":")[:2] for line in cli.ok("diff").lines if "not readable" in line]
    assert reasons == [
        [" ! not readable (not-sops)", " it is no mapping of names to values"],
        [" ! before", " not readable (plaintext)"],
    ]
    (made.path / PATH).unlink()
    assert [line[:24] for line in cli.ok("diff").lines[1:]] == [
        " - file deleted",
        " ! before: not readable ",
        "1 file could not be comp",
    ]


@pytest.mark.parametrize("by_content", [False, True])
def test_an_unmerged_file_is_said_to_be_that(by_content: bool, made: Repo, cli: Cli) -> None:
    """During a conflict the index has no file to compare: nothing is deleted, and no variable removed."""
    if by_content:
        (made.path / ".envgit.yaml").unlink()
        made.commit("No configuration")
    line = _conflict(made)
    ran = cli.run("diff", "--cached", "--exit-code")
    assert ran.exit == 1
    assert ran.lines == [
        PATH if by_content else f"production ({PATH})",
        " ! unmerged: a merge left it in conflict; git add it once that is resolved",
        "1 file could not be compared",
    ]
    file = cli.ok("diff", "--cached", "--json").json["files"][0]
    assert (file["unmerged"], file["events"], file["changes"]) == (True, [], [])
    assert cli.ok("diff").lines[1] == f" ! not readable (malformed): it has merge conflict markers (line {line})"
    assert "unmerged" not in cli.ok("diff").out
    made.git("checkout", "-q", "--theirs", PATH)
    made.git("add", PATH)
    assert cli.ok("diff", "--cached").lines[-1] == "1 variable changed; recipients unchanged"


@pytest.mark.parametrize("by_content", [False, True])
def test_a_file_that_one_side_deleted_is_unmerged_too(by_content: bool, made: Repo, cli: Cli) -> None:
    """Deleted here and changed there: it is neither created nor without a word."""
    if by_content:
        (made.path / ".envgit.yaml").unlink()
        made.commit("No configuration")
    made.git("switch", "-q", "-c", "side")
    made.env(PATH, {"TOKEN": "token-of-the-side"})
    made.commit("Theirs", author="bob")
    made.git("switch", "-q", "main")
    (made.path / PATH).unlink()
    made.commit("Deleted", author="carol")
    made.git("merge", "-q", "side", check=False)
    lines = cli.ok("diff", "--cached").lines
    assert [line[:12] for line in lines[1:]] == [" ! unmerged:", "1 file could"]


def test_show_says_that_a_file_could_not_be_read_and_counts_nothing(made: Repo, cli: Cli) -> None:
    """No variables, no recipients and an unchecked code are no findings where nobody could look."""
    line = _conflict(made)
    made.commit("Conflict and all")
    lines = cli.ok("show", "-e", "production").lines
    assert lines[1:] == [
        f"not readable (malformed): it has merge conflict markers (line {line}); what it holds, and for whom, is not known",
        "whether and when this was live is not recorded",
    ]
    assert "0 variables" not in cli.ok("show").out
    assert "1 variable, MAC good; 1 recipient" in cli.ok("show").out
