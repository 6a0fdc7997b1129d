"""Own what GitHub says of how a commit came to its branch: the pull request, its author, who merged it, and who approved which commit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from envgit.audit.entry import Approval, Review
from envgit.github.api import Api, ApiError, Json, at
from envgit.model import CommitId

MOST_APPROVALS = 100

_ASSOCIATIONS = (
    "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", "MEMBER", "NONE", "OWNER",
)  # fmt: skip

_SHA = re.compile(r"[0-9a-f]{40}")
_LOGIN = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Reviews:
    """The reviews of a repository's pull requests, each asked for once; `at` is the time of the asking."""

    def __init__(self, api: Api, branch: str, at: str) -> None:
        self._api = api
        self._branch = branch
        self._at = at
        self.of = lru_cache(maxsize=4_096)(self._of)

    def _of(self, commit: CommitId) -> Review:
        """Return what GitHub says of a commit of the branch; where it cannot be asked, the review says why."""
        try:
            number = self._merged_by_way_of(commit)
            return Review(at=self._at) if number is None else self._pull_request(number)
        except ApiError as error:
            return Review(at=self._at, unavailable=str(error))

    def _merged_by_way_of(self, commit: CommitId) -> int | None:
        """Return the pull request that brought a commit to the branch, by its merge commit before any that merely contains it."""
        found = [
            item
            for item in self._api.pages(self._api.of(f"/commits/{commit}/pulls"))
            if isinstance(item, dict) and item.get("merged_at") and at(item, "base", "ref") == self._branch
        ]
        exact = [item for item in found if item.get("merge_commit_sha") == commit]
        numbers = [item.get("number") for item in (*exact, *found)]
        return next((number for number in numbers if type(number) is int and 0 < number < 2**53), None)

    def _pull_request(self, number: int) -> Review:
        whole = self._api.get(self._api.of(f"/pulls/{number}"))
        return Review(
            pull_request=number,
            author=_login(at(whole, "user", "login")),
            merged_by=_login(at(whole, "merged_by", "login")),
            approvals=tuple(
                _approvals(self._api.pages(self._api.of(f"/pulls/{number}/reviews")), at(whole, "merged_at"))
            ),
            at=self._at,
        )


def _approvals(reviews: Iterable[Json], merged_at: Json) -> list[Approval]:
    """Return the approvals that stood at the merge: of each reviewer the last word, in the order of GitHub, which is that of time."""
    last: dict[str, Approval | None] = {}
    for item in reviews:
        login, state = _login(at(item, "user", "login")), at(item, "state")
        if not login or state not in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            continue  # a comment leaves an approval as it is
        commit, time = at(item, "commit_id"), at(item, "submitted_at")
        if isinstance(merged_at, str) and isinstance(time, str) and time > merged_at:
            continue  # nobody waited for it
        sound = isinstance(commit, str) and _SHA.fullmatch(commit) and isinstance(time, str) and _TIME.fullmatch(time)
        last[login] = (
            Approval(login, CommitId(str(commit)), str(time), _association(item))
            if state == "APPROVED" and sound
            else None
        )
    return [approval for approval in last.values() if approval is not None][:MOST_APPROVALS]


def _association(item: Json) -> str:
    found = at(item, "author_association")
    return found if found in _ASSOCIATIONS else ""


def _login(value: Json) -> str:
    return value if isinstance(value, str) and _LOGIN.fullmatch(value) else ""
