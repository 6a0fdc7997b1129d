"""Own the one issue that stands open while something is wrong: opened, kept up to date, and closed, never a second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from envgit.github.api import Api, Json

Work = Callable[[Api, str], None]

MARKER = "<!-- envgit:1 issue -->"


class Issue(NamedTuple):
    """Our open issue."""

    number: int
    body: str


def find(api: Api, login: str) -> Issue | None:
    """Return our open issue, None where there is none."""
    for item in api.pages(api.of("/issues"), state="open", creator=login):
        if isinstance(item, dict) and "pull_request" not in item and _text(item.get("body")).startswith(MARKER):
            number = item.get("number")
            if isinstance(number, int):
                return Issue(number, _text(item.get("body")))
    return None


def keep_open(api: Api, login: str, title: str, body: str) -> None:
    """Have one issue that says `body`; its watchers hear of it once, not at every run."""
    known = find(api, login)
    text = f"{MARKER}\n{body}"
    if known is None:
        api.post(api.of("/issues"), {"title": title, "body": text})
    elif known.body != text:
        api.patch(api.of(f"/issues/{known.number}"), {"title": title, "body": text})


def close(api: Api, login: str, body: str) -> None:
    """Close the issue where one is open, with `body` as its last word."""
    known = find(api, login)
    if known is not None:
        changes = {"state": "closed", "state_reason": "completed", "body": f"{MARKER}\n{body}"}
        api.patch(api.of(f"/issues/{known.number}"), changes)


def _text(value: Json) -> str:
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
