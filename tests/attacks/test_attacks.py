"""Every attack of the suite: what the real git says of the branch, and by what code and status envgit ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from .case import Case
from .scene import Scene
from .table import CASES, ELSEWHERE, NUMBERS, PAGE, page

_PARAMETERS = [
    pytest.param(case, id=str(case), marks=[pytest.mark.xfail(strict=True, reason=case.defect)] if case.defect else [])
    for case in CASES
]


def test_the_untouched_log_is_good(scene: Scene) -> None:
    """Before any attack git calls every commit good, and envgit finds nothing wrong at any depth."""
    assert scene.git_says() == "all G"
    assert scene.verify().text == "0, level A"
    assert scene.verify().text == "0, level B"
    scene.cli.identity(scene.world.key.identity)
    assert scene.verify("--deep").text == "0, level B"


@pytest.mark.parametrize("case", _PARAMETERS)
def test_an_attack_ends_as_the_table_says(
    case: Case, scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The real git and the real command line say what the case says; without what the finding rests on, nothing more is claimed."""
    if case.needs == "pin":
        assert scene.verify().text == "0, level A"
    case.attack(scene)
    for name, value in scene.environ.items():
        monkeypatch.setenv(name, value)
    assert scene.git_says() == case.git
    if case.needs == "deep":
        scene.cli.identity(scene.world.key.identity)
        scene.words.append("--deep")
    found = scene.verify(*scene.words)
    assert (found.code, found.status, found.level) == (case.code, case.status, case.level)
    if case.needs:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-machine"))
        if case.needs == "source":
            scene.repo.git("checkout", "-q", "--detach")
            scene.repo.git("branch", "-q", "-D", "main")
        assert scene.verify().text == case.without


def test_every_number_of_the_list_is_attacked_or_has_a_reason() -> None:
    """No number of the list is left out without saying why, and no two cases have one name."""
    assert {case.number for case in CASES} | set(ELSEWHERE) == set(NUMBERS)
    assert {case.number for case in CASES}.isdisjoint(ELSEWHERE)
    assert len({str(case) for case in CASES}) == len(CASES)


def test_the_page_is_what_the_table_makes() -> None:
    """docs/attacks.md is neither edited by hand nor behind the cases."""
    assert PAGE.read_text() == page(), "run python -m tests.attacks.table"
