"""The source branch against the log, by command: what the threat model says of it, and where envgit says something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.repo import Repo
from tests.oracle import coverage, verifier
from tests.oracle.coverage import Coverage, matches
from tests.oracle.objects import CannotTell, Repository
from tests.oracle.person import Person

ENV = "envs/a.yaml"


class Scene:
    """A repository with a log, and a person."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repo(folder / "repo")
        self.me = Person(self.repo.path, folder / "me")
        self.me.identity = self.repo.key.identity
        self.repo.write(".envgit.yaml", json.dumps({"version": 1, "environments": ["envs/{environment}.yaml"]}))
        self.change("one")
        self.ok("init", "--no-workflows")
        self.ok("record")

    def change(self, value: str, path: str = ENV) -> str:
        """Commit a value, and return the commit."""
        self.repo.env(path, {"A": value})
        return self.repo.commit(value)

    def ok(self, *words: str) -> None:
        """Run a command that has to succeed."""
        status, _out, err = self.me.run(*words)
        assert status == 0, err

    def verified(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Return the status of `envgit verify`, and what it says."""
        status, out, _err = self.me.run("verify", "--json", *words)
        return status, json.loads(out)

    def covered(self) -> Coverage:
        """Return what the second verifier says."""
        with Repository(self.repo.path) as repository:
            verdict = verifier.verify(repository.read, repository.ref("refs/heads/envgit-audit"))
            return coverage.coverage(repository, verdict)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_late_recorder_is_pending(scene: Scene) -> None:
    """What awaits its entry is pending for both, and status 4."""
    commits = [scene.change("two"), scene.change("three")]
    status, said = scene.verified()
    assert (status, said["pending"], said["covered"]) == (4, commits, 1)
    assert scene.covered() == Coverage([], commits, 1)


def test_a_force_push_is_pending(scene: Scene) -> None:
    """Where the branch was rewritten since it was recorded, the commit that is new is pending."""
    scene.change("two")
    scene.ok("record")
    scene.repo.git("commit", "-q", "--amend", "-m", "Rewritten")
    status, said = scene.verified()
    assert (status, said["pending"]) == (4, [scene.repo.head])
    assert scene.covered().pending == [scene.repo.head]


def test_a_force_push_of_several_commits_is_pending(scene: Scene) -> None:
    """Where a force push took several recorded commits away, no entry is called false: the commit that is new is pending."""
    first = scene.repo.head
    for value in ("two", "three", "four"):
        scene.change(value)
    scene.ok("record")
    scene.repo.git("reset", "-q", "--hard", first)
    new = scene.change("instead")
    status, said = scene.verified()
    assert scene.covered() == Coverage([], [new], 1)
    assert (said["problems"], said["pending"], status) == ([], [new], 4)


def test_a_branch_that_is_behind_cannot_be_told(scene: Scene) -> None:
    """Where the branch ends before the commit that was recorded last, nothing is wrong and nothing pending: status 3."""
    first = scene.repo.head
    for value in ("two", "three"):
        scene.change(value)
    scene.ok("record")
    scene.repo.git("reset", "-q", "--hard", first)
    status, said = scene.verified()
    assert (status, said["problems"], said["pending"], said["covered"]) == (3, [], [], None)
    with pytest.raises(CannotTell):
        scene.covered()


def test_a_second_force_push_is_pending(scene: Scene) -> None:
    """Where the branch was rewritten once more behind a rewrite that was recorded, the commit that is new is pending, too."""
    scene.change("two")
    scene.ok("record")
    for subject in ("Rewritten", "And again"):
        scene.repo.git("commit", "-q", "--amend", "-m", subject)
        status, said = scene.verified()
        assert (status, said["pending"]) == (4, [scene.repo.head]), subject
        scene.ok("record")


def test_a_pull_behind_a_rewrite_is_held_against_the_branch(scene: Scene) -> None:
    """A merge whose second parent is the recorded head is the next step: once it is recorded, nothing is left to be told."""
    first = scene.repo.head
    scene.change("two")
    scene.ok("record")
    scene.repo.git("commit", "-q", "--amend", "-m", "Rewritten")
    scene.ok("record")
    scene.repo.git("switch", "-q", "-c", "local", first)
    scene.change("here", "envs/b.yaml")
    scene.repo.merge("main")
    scene.repo.git("branch", "-f", "main", "local")
    scene.repo.git("switch", "-q", "main")
    scene.ok("record")
    status, said = scene.verified()
    assert (status, said["pending"], said["problems"]) == (0, [], [])


def test_what_was_verified_before_changes_no_number(scene: Scene) -> None:
    """A machine that verified the log before says of a pull's merge what one says that looks for the first time, and `--all`."""
    first = scene.repo.head
    scene.change("two")
    scene.change("three")
    scene.ok("record")
    scene.verified()
    scene.repo.git("switch", "-q", "-c", "local", first)
    scene.change("here", "envs/b.yaml")
    scene.repo.merge("main")
    scene.repo.git("branch", "-f", "main", "local")
    scene.repo.git("switch", "-q", "main")
    scene.ok("record")
    before, all_ = scene.verified()[1]["covered"], scene.verified("--all")[1]["covered"]
    assert all_ == scene.covered().covered == 3
    assert before == all_


def test_what_was_not_looked_at_is_not_wrong(scene: Scene) -> None:
    """Where the source branch is not here, nothing is called wrong, and nothing well: status 3."""
    scene.repo.git("switch", "-q", "-c", "elsewhere")
    scene.repo.git("branch", "-q", "-D", "main")
    status, said = scene.verified()
    assert (status, said["problems"], said["covered"]) == (3, [], None)
    assert said["ok"] is False


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("envs/{environment}.yaml", "envs/a.yaml", True),
        ("envs/{environment}.yaml", "envs/a/b.yaml", False),
        ("envs/{environment}.yaml", "envs/.yaml", False),
        ("envs/{environment}.yaml", "x/envs/a.yaml", False),
        ("**/{environment}.yaml", "a.yaml", True),
        ("**/{environment}.yaml", "x/y/a.yaml", True),
        ("k8s/*.yaml", "k8s/a.yaml", True),
        ("k8s/*.yaml", "k8s/x/a.yaml", False),
        ("services/{service}/envs/{environment}.yaml", "services/api/envs/prod.yaml", True),
        ("a.b", "axb", False),
    ],
)
def test_patterns(pattern: str, path: str, wanted: bool) -> None:
    """A placeholder and a star match within a segment, two stars any number of segments."""
    assert matches(pattern, path) is wanted
