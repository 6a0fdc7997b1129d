"""Fixtures of the attack suite: the good log, made once, and a copy of it for every case."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cli import Cli

from .scene import Scene
from .world import World, built


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The good log; not to be changed by a test."""
    return built(tmp_path_factory.mktemp("world"))


@pytest.fixture
def scene(world: World, tmp_path: Path, cli: Cli) -> Scene:
    """A copy of the good repository, to be attacked."""
    cli.identity()
    return Scene(world, tmp_path, cli)
