"""Own the one issue that stands open while something is wrong: opened, kept up to date, and closed, never a second one."""

from __future__ import annotations

from typing import NamedTuple

from envgit.github.api import Api, Json

MARKER = "<!-- envgit:1 issue={kind} -->"


class Issue(NamedTuple):
    """Our open issue."""

    number: int
    body: str


def find(api: Api, login: str, kind: str) -> Issue | None:
    """Return our open issue of a kind, None where there is none."""
    for item in api.pages(api.of("/issues"), state="open", creator=login):
        if (
            isinstance(item, dict)
            and "pull_request" not in item
            and _text(item.get("body")).startswith(MARKER.format(kind=kind))
        ):
            number = item.get("number")
            if isinstance(number, int):
                return Issue(number, _text(item.get("body")))
    return None


def keep_open(api: Api, login: str, kind: str, title: str, body: str) -> None:
    """Have one issue that says `body`; its watchers hear of it once, not at every run."""
    known = find(api, login, kind)
    text = f"{MARKER.format(kind=kind)}\n{body}"
    if known is None:
        api.post(api.of("/issues"), {"title": title, "body": text})
    elif known.body != text:
        api.patch(api.of(f"/issues/{known.number}"), {"title": title, "body": text})


def close(api: Api, login: str, kind: str, body: str) -> None:
    """Close the issue where one is open, with `body` as its last word."""
    known = find(api, login, kind)
    if known is not None:
        changes = {"state": "closed", "state_reason": "completed", "body": f"{MARKER.format(kind=kind)}\n{body}"}
        api.patch(api.of(f"/issues/{known.number}"), changes)


def _text(value: Json) -> str:
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
