"""Own the one comment that a pull request has of us: found by its marker and by who wrote it, written, and kept from older runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from envgit.github.api import Api, ApiError, NotAllowed, at

JOB_LOGIN = "github-actions[bot]"

_MARKER = re.compile(
    r"<!-- envgit:1 key=(?P<key>[A-Za-z0-9_.-]{1,100}) base=(?P<base>[0-9a-f]{7,40}) head=(?P<head>[0-9a-f]{7,40})"
    r" run=(?P<run>\d{1,18})\.(?P<attempt>\d{1,18})(?: entry=(?P<entry>\d{1,18}))? -->"
)


class Marker(NamedTuple):
    """What a comment says of itself in its first line, unseen; `entry` is there once the merge is recorded."""

    key: str
    base: str
    head: str
    run: tuple[int, int]
    entry: int | None = None

    def __str__(self) -> str:
        entry = "" if self.entry is None else f" entry={self.entry}"
        number, attempt = self.run
        return f"<!-- envgit:1 key={self.key} base={self.base} head={self.head} run={number}.{attempt}{entry} -->"


class Comment(NamedTuple):
    """A comment of ours as it stands."""

    id: int
    marker: Marker
    body: str


class Comments:
    """The comments of ours in one repository; `own_token` says that the token is the job's own, whose login is known."""

    def __init__(self, api: Api, *, own_token: bool) -> None:
        self._api = api
        self._login = JOB_LOGIN if own_token else ""

    def find(self, pull_request: int, key: str) -> Comment | None:
        """Return our comment of one configuration, None where there is none."""
        return next((comment for comment in self.of(pull_request) if comment.marker.key == key), None)

    def of(self, pull_request: int) -> Iterator[Comment]:
        """Return our comments, one for each configuration. A marker that somebody else pasted makes none of ours."""
        for item in self._api.pages(self._api.of(f"/issues/{pull_request}/comments")):
            found = _read(item)
            if found is not None and _author(item) == self.login:
                yield found

    def write(self, pull_request: int, body: str, known: Comment | None) -> int:
        """Write the comment, over the one that is known, and return its id."""
        if known is not None and body == known.body:
            return known.id
        if known is not None:
            try:
                return _id(self._api.patch(self._api.of(f"/issues/comments/{known.id}"), {"body": body}))
            except ApiError as error:
                if error.status not in (403, 404):  # somebody deleted it, or it is not ours to change after all
                    raise
        return _id(self._api.post(self._api.of(f"/issues/{pull_request}/comments"), {"body": body}))

    @property
    def login(self) -> str:
        """Who we are to GitHub: the job's own account, a user, or an App, of which only GraphQL tells the name."""
        if not self._login:
            try:
                self._login = _text(at(self._api.get("/user"), "login"))
            except NotAllowed:
                self._login = _text(at(self._api.graphql("query { viewer { login } }"), "data", "viewer", "login"))
        return self._login


def parsed(body: str) -> Marker | None:
    """Return a comment's marker, None where its first line is none."""
    found = _MARKER.match(body)
    if found is None:
        return None
    run = (int(found["run"]), int(found["attempt"]))
    return Marker(found["key"], found["base"], found["head"], run, int(found["entry"]) if found["entry"] else None)


def _read(item: object) -> Comment | None:
    if not isinstance(item, dict) or not isinstance(item.get("id"), int) or not isinstance(item.get("body"), str):
        return None
    body = item["body"].replace("\r\n", "\n")
    marker = parsed(body)
    return None if marker is None else Comment(item["id"], marker, body)


def _author(item: dict[str, object]) -> str:
    user = item.get("user")
    return str(user.get("login")) if isinstance(user, dict) else ""


def _id(answer: object) -> int:
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, int):
        raise ApiError("GitHub took the comment and did not say its id")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ApiError("GitHub did not say whose the token is")
    return value
