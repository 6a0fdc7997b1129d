"""Own what the runner says of a run: its variables and the event's file, read strictly into small values.

Whoever opens a pull request chooses much of an event: branch names, logins, titles. Only what is used is read, and only in its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.model import CommitId

MAX_BYTES = 32 * 1024 * 1024

_SHA = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_LOGIN = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
_ZEROS = "0" * 40


class Run(NamedTuple):
    """A run of a workflow; `url` is its page, `number` and `attempt` order runs in time."""

    event: str
    repository: str
    api: str
    server: str
    number: int
    attempt: int
    actor: str

    @property
    def url(self) -> str:
        """The run's page."""
        return f"{self.server}/{self.repository}/actions/runs/{self.number}"

    @property
    def order(self) -> tuple[int, int]:
        """What a newer run has a greater one of."""
        return self.number, self.attempt


class PullRequest(NamedTuple):
    """A pull request as its event has it; `fork` says that its head lies in another repository."""

    number: int
    action: str
    base_ref: str
    base: CommitId
    head: CommitId
    fork: bool


class Push(NamedTuple):
    """A push; `before` and `after` are None where the branch was not there before, or is not any more."""

    ref: str
    before: CommitId | None
    after: CommitId | None
    pusher: str
    forced: bool


class MergeGroup(NamedTuple):
    """A group of the merge queue."""

    base: CommitId
    head: CommitId
    base_ref: str


class WorkflowRun(NamedTuple):
    """Another workflow's run that has ended: by what it was started, and on which head."""

    event: str
    head: CommitId
    head_branch: str
    head_owner: str


class Bare(NamedTuple):
    """An event of which only the name matters: `schedule`, `workflow_dispatch`."""

    name: str


Event = PullRequest | Push | MergeGroup | WorkflowRun | Bare
EVENTS = ("pull_request", "push", "merge_group", "workflow_run", "workflow_dispatch", "schedule")


def run_of(environ: Mapping[str, str]) -> Run:
    """Return what the runner says of this run; raise UsageError where no runner says anything."""
    event, repository = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_REPOSITORY", "")
    if not event or not _REPOSITORY.fullmatch(repository):
        raise UsageError("this is no run of GitHub Actions: GITHUB_EVENT_NAME and GITHUB_REPOSITORY are not set")
    actor = environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR", "")
    return Run(
        event=event,
        repository=repository,
        api=environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        server=environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        number=_number(environ.get("GITHUB_RUN_ID", "")),
        attempt=_number(environ.get("GITHUB_RUN_ATTEMPT", "1")),
        actor=actor if _LOGIN.fullmatch(actor) else "",
    )


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def event_of(run: Run, environ: Mapping[str, str]) -> Event:
    """Return the event; raise UsageError, saying what is wrong, where it is none that the Action answers."""
    if run.event == "pull_request_target":
        raise UsageError(
            "pull_request_target gives a stranger's pull request the secrets of this repository; use pull_request, "
            "and for forks the second workflow of docs/action.md#forks"
        )
    if run.event not in EVENTS:
        raise UsageError(
            f"the Action does not answer the event {terminal(run.event)!r}; it answers {', '.join(EVENTS)}"
        )
    if run.event in ("workflow_dispatch", "schedule"):
        return Bare(run.event)
    data = _Reader(_payload(Path(environ.get("GITHUB_EVENT_PATH", ""))), run.event)
    return _READERS[run.event](data, run)


def _payload(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"the event's file is larger than {MAX_BYTES >> 20} MiB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the event's file cannot be read: {error.strerror}; the runner names it in GITHUB_EVENT_PATH"
        ) from None
    except (ValueError, RecursionError):
        raise UsageError("the event's file is no JSON; the runner writes it, and nothing else should") from None


class _Reader:
    """Take fields out of a payload, each in its form or not at all."""

    def __init__(self, data: object, event: str) -> None:
        self._data = data
        self._event = event

    def find(self, *path: str) -> Any:
        found = self._data
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def commit(self, *path: str) -> CommitId:
        value = self.find(*path)
        if not isinstance(value, str) or not _SHA.fullmatch(value):
            raise self._wrong(path, "no commit id")
        return CommitId(value)

    def commit_or_none(self, *path: str) -> CommitId | None:
        value = self.commit(*path)
        return None if value == _ZEROS else value

    def number(self, *path: str) -> int:
        value = self.find(*path)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**53:
            raise self._wrong(path, "no number")
        return value

    def text(self, *path: str) -> str:
        value = self.find(*path)
        if not isinstance(value, str) or not 0 < len(value) <= 1_000 or not value.isprintable():
            raise self._wrong(path, "no text")
        return value

    def login(self, *path: str) -> str:
        value = self.find(*path)
        return value if isinstance(value, str) and _LOGIN.fullmatch(value) else ""

    def _wrong(self, path: tuple[str, ...], what: str) -> UsageError:
        return UsageError(
            f"the {self._event} event's {'.'.join(path)} is {what}; the runner writes the file, and nothing else should"
        )


def _pull_request(data: _Reader, run: Run) -> PullRequest:
    head_repository = data.find("pull_request", "head", "repo", "full_name")  # null where the fork was deleted
    return PullRequest(
        number=data.number("number"),
        action=data.text("action"),
        base_ref=data.text("pull_request", "base", "ref"),
        base=data.commit("pull_request", "base", "sha"),
        head=data.commit("pull_request", "head", "sha"),
        fork=head_repository != run.repository,
    )


def _push(data: _Reader, _run: Run) -> Push:
    return Push(
        ref=data.text("ref"),
        before=data.commit_or_none("before"),
        after=data.commit_or_none("after"),
        pusher=data.login("sender", "login") or data.login("pusher", "name"),
        forced=data.find("forced") is True,
    )


def _merge_group(data: _Reader, _run: Run) -> MergeGroup:
    return MergeGroup(
        data.commit("merge_group", "base_sha"),
        data.commit("merge_group", "head_sha"),
        data.text("merge_group", "base_ref").removeprefix("refs/heads/"),
    )


def _workflow_run(data: _Reader, _run: Run) -> WorkflowRun:
    return WorkflowRun(
        event=data.text("workflow_run", "event"),
        head=data.commit("workflow_run", "head_sha"),
        head_branch=data.text("workflow_run", "head_branch"),
        head_owner=data.login("workflow_run", "head_repository", "owner", "login"),
    )


_READERS: Mapping[str, Callable[[_Reader, Run], Event]] = {
    "pull_request": _pull_request,
    "push": _push,
    "merge_group": _merge_group,
    "workflow_run": _workflow_run,
}
