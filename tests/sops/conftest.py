"""Give the tests of the format the real sops in a folder of its own, and a reader for its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from tests.kit.sops import Sops


@pytest.fixture
def sops(tmp_path: Path) -> Sops:
    return Sops(tmp_path)


@pytest.fixture
def reader(sops: Sops) -> Reader:
    return Reader(Keyring.of(sops.key.identity))
