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
