"""The benchmark runs, on logs so small that its figures say nothing; it checks the answers that it times."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import comparing, history, logs
from bench.figures import Figure, faster, table, within
from bench.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name in ("SAMPLE", "DAILY"):
        monkeypatch.setattr(logs, name, 2)
    monkeypatch.setattr(history, "SAMPLE", 2)
    for module in (comparing, history, logs):
        monkeypatch.setattr(module, "pairs", lambda ours, theirs, _runs=1: (ours(), theirs()))
    os.environ.setdefault("PATH", os.defpath)
    return Stage(tmp_path / "kept")


def test_every_topic_gives_its_figures(stage: Stage) -> None:
    """Made once, found again, and each figure has a name, a number and what was wanted."""
    small, long = logs.Long(stage, 20), logs.Long(stage, 150)
    found: list[Figure] = [*long.trace(), *long.checked(), *long.packed(), *logs.one_more(stage, small, [long])]
    found += [*history.backfill(stage, 6), *history.coverage(stage, 40), *comparing.diff(stage, 60)]
    assert len(found) == 22
    assert all(figure.what and figure.figure and figure.wanted for figure in found)
    assert {name for figure in found for name, _entries, _seconds in figure.points} >= {
        "blame",
        "git log -- path",
        "verify --all",
    }
    again = logs.Long(stage, 150)
    assert again.root == long.root
    assert list(comparing.diff(stage, 60))


def test_a_ratio_says_which_way() -> None:
    """What is slower is called slower, and only a promise is kept or not."""
    assert faster("a", "b", 1.0, 4.0, 2.0).figure == "4 x faster"
    assert faster("a", "b", 4.0, 1.0, 2.0).figure == "4 x slower"
    assert [faster("a", "b", 1.0, 4.0, wanted).met for wanted in (2.0, 5.0, None)] == [True, False, None]
    assert [within("a", "b", 3.0, 2.0, wanted).met for wanted in (1.5, 1.4, None)] == [True, False, None]
    assert "NO" in table([faster("a", "b", 1.0, 4.0, 5.0)])
