"""A long log is verified in two processes: what they say together is what one says alone, and where anything is odd, one says it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from envgit.log import halves, verification
from tests.kit.cli import Cli
from tests.kit.repo import Repo

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="two processors of a Linux are needed"
)
PATH = "envs/production.yaml"


class Watched:
    """Who verified: whether two processes came to an answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[bool] = []
        self._monkeypatch = monkeypatch
        whole = halves.in_halves

        def watched(*arguments: object) -> halves.Half | None:
            found = whole(*arguments)  # type: ignore[arg-type]
            self.answers.append(found is not None)
            return found

        monkeypatch.setattr(verification, "in_halves", watched)

    def both(self, cli: Cli) -> tuple[dict, dict]:
        """Return what verify says alone and in two processes."""
        said = []
        for long in (10**9, 2):
            self._monkeypatch.setattr(halves, "LONG", long)
            said.append(cli.run("verify", "--all", "--json").json)
        return said[0], said[1]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "token-number-0", "DEBUG": False})
    repo.commit("Begin")
    cli.ok("init", "--no-workflows")
    for number in range(1, 9):
        repo.env(PATH, {"TOKEN": f"token-number-{number}", "DEBUG": False})
        repo.commit(f"Change {number}")
    cli.ok("record")
    return repo


def _plain(_repo: Repo, _cli: Cli) -> None:
    return


def _merged(repo: Repo, cli: Cli) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.env("envs/staging.yaml", {"A": "token-number-1"})
    repo.commit("On the side")
    repo.git("switch", "-q", "main")
    repo.env(PATH, {"TOKEN": "token-number-x", "DEBUG": False})
    repo.commit("On main")
    repo.merge("side")
    cli.ok("record")


def _rewritten_early(repo: Repo, cli: Cli) -> None:
    _rewritten_late(repo, cli)
    for number in range(20, 32):
        repo.env(PATH, {"TOKEN": f"token-number-{number}"})
        repo.commit("On")
    cli.ok("record")


def _rewritten_late(repo: Repo, cli: Cli) -> None:
    repo.git("commit", "-q", "--amend", "-m", "Again")
    cli.ok("record")


def _configured(repo: Repo, cli: Cli) -> None:
    repo.write(".envgit.yaml", 'version: 1\nenvironments: "envs/{environment}.yaml"\nreveal: [DEBUG]\n')
    repo.commit("Reveal")
    cli.ok("record")
    _merged(repo, cli)


def _configured_by_a_rewrite(repo: Repo, cli: Cli) -> None:
    """A force-push brings another configuration: a rewrite and a config of one commit; then one touches what it added."""
    repo.write(".envgit.yaml", 'version: 1\nenvironments: ["envs/{environment}.yaml", "more/{environment}.yaml"]\n')
    repo.git("add", "-A")
    _rewritten_late(repo, cli)
    repo.env(PATH, {"TOKEN": "token-number-10"})
    repo.commit("On")
    cli.ok("record")
    repo.env("more/live.yaml", {"TOKEN": "token-number-11"})
    repo.commit("Not recorded")


def _anchored(_repo: Repo, cli: Cli) -> None:
    cli.ok("anchor")
    cli.ok("anchor")


def _pending(repo: Repo, _cli: Cli) -> None:
    repo.env(PATH, {"TOKEN": "token-number-99"})
    repo.commit("Not recorded")


SOUND = (_plain, _merged, _rewritten_early, _rewritten_late, _configured, _anchored, _pending)


@pytest.mark.parametrize("then", SOUND, ids=lambda then: then.__name__)
def test_two_say_what_one_says(then: Callable[[Repo, Cli], None], made: Repo, cli: Cli, watched: Watched) -> None:
    """Of a sound log both ways tell the same, to the last number, and two processes came to the answer."""
    then(made, cli)
    alone, together = watched.both(cli)
    assert alone == together
    assert watched.answers == [False, True]


@pytest.mark.parametrize("then", [_merged, _configured, _configured_by_a_rewrite], ids=lambda then: then.__name__)
def test_it_is_all_one_where_the_middle_lies(
    then: Callable[[Repo, Cli], None], made: Repo, cli: Cli, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever entry the later half begins behind, both tell together what one tells alone."""
    then(made, cli)
    size = int(made.git("rev-list", "--count", "envgit-audit"))
    for behind in range(1, size - 1):
        monkeypatch.setattr(halves, "LATER", -(-100 * behind // size))
        alone, together = watched.both(cli)
        assert alone == together
    assert watched.answers == [False, True] * (size - 2)


def test_what_is_wrong_is_told_by_one(made: Repo, cli: Cli, watched: Watched) -> None:
    """Junk on top, an entry edited in the earlier half, a log cut at its middle: two say nothing, and one says what is wrong."""
    tip = made.ref("envgit-audit")
    tree = made.git("rev-parse", "envgit-audit~6^{tree}")
    forged = made.git("commit-tree", tree, "-p", "envgit-audit~7", "-m", "x\n\nEnvgit-Entry: sha256:" + "0" * 64)
    for other in (tip, forged):
        made.git("update-ref", "refs/heads/envgit-audit", other)
        top = made.git("commit-tree", f"{tip}^{{tree}}", "-p", other, "-m", "y\n\nEnvgit-Entry: sha256:" + "0" * 64)
        made.git("update-ref", "refs/heads/envgit-audit", top)
        alone, together = watched.both(cli)
        assert alone == together
        assert alone["problems"]
    assert not any(watched.answers)


def test_a_process_that_dies_leaves_the_answer_to_the_other(
    made: Repo, cli: Cli, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the other process is killed, or finds that it cannot, one verifies alone, and the answer is the same."""
    alone, _together = watched.both(cli)
    monkeypatch.setattr(halves, "_later", lambda *_arguments: os._exit(9))
    again, together = watched.both(cli)
    assert alone == again == together
    assert watched.answers[2:] == [False, False]
