"""Give the tests of the git door the repository as envgit opens it, and what they all look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envgit.git.repository import Repository
from envgit.model import ObjectId
from tests.kit.repo import Repo

Touching = Callable[[Repository], Callable[[ObjectId | None, ObjectId], bool]]


@pytest.fixture
def opened(repo: Repo) -> Callable[[], Repository]:
    """Open the test's repository anew: nothing is remembered from before."""
    return lambda: Repository.open(repo.path)


@pytest.fixture
def touching() -> Touching:
    """Tell of two trees whether `env` differs between them."""

    def of(repository: Repository) -> Callable[[ObjectId | None, ObjectId], bool]:
        def touches(old: ObjectId | None, new: ObjectId) -> bool:
            return (repository.entry_at(old, "env") if old else None) != repository.entry_at(new, "env")

        return touches

    return of
