"""Own requests to GitHub's REST API: the one place that speaks HTTP, and what to say of an answer that is no help.

A token goes into one header and nowhere else. What GitHub answers is a stranger's word: of bounded size, and escaped where it is shown.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from envgit import __version__
from envgit.errors import CannotTell
from envgit.escape import clipped, terminal

Json = Any

VERSION = "2022-11-28"
PER_PAGE = 100
MOST_PAGES = 50
MAX_BYTES = 16 * 1024 * 1024
TIMEOUT = urllib3.Timeout(connect=10, read=30)

# Seconds before the second try; each further one waits twice as long.
BACKOFF = 0.5
TRIES = 4
# A limit that lasts longer is said, not waited for: a job costs its user money while it sleeps.
LONGEST_WAIT = 60

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class ApiError(CannotTell):
    """GitHub could not be asked, or did not do what it was asked; `status` is 0 where it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotAllowed(ApiError):
    """The token is wrong, or may not do this."""


class _Patience(urllib3.Retry):
    """Wait as GitHub asks, also with its 403 for a secondary rate limit, but never for long."""

    RETRY_AFTER_STATUS_CODES = frozenset({403, 413, 429, 503})

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Retry what asks for it, whatever the method: a request that was turned away did nothing."""
        asked = has_retry_after and status_code in self.RETRY_AFTER_STATUS_CODES
        return bool(self.total) and (asked or super().is_retry(method, status_code, has_retry_after))

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        """Return the seconds that the answer asks for, without believing that they are few."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_WAIT)


class Api:
    """One repository at one API; `base` is its address, as the runner has it in GITHUB_API_URL."""

    def __init__(self, base: str, repository: str, token: str) -> None:
        self.repository = repository
        self._base = base.rstrip("/")
        self._headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": f"envgit/{__version__}",
            "X-GitHub-Api-Version": VERSION,
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._pool = _pool(self._base)

    def get(self, path: str, **query: str | int) -> Json:
        """Return what GitHub has at a path, which begins with a slash."""
        return self._json("GET", self._url(path, query))[0]

    def pages(self, path: str, key: str = "", **query: str | int) -> Iterator[Json]:
        """Return every item of a list, page by page; `key` names the list where the answer wraps it."""
        url: str | None = self._url(path, {**query, "per_page": PER_PAGE})
        for _page in range(MOST_PAGES):
            if url is None:
                return
            found, headers = self._json("GET", url)
            items = found.get(key) if key and isinstance(found, dict) else found
            if not isinstance(items, list):
                raise ApiError(f"GitHub answered GET {path} with what is no list")
            yield from items
            url = self._next(headers.get("Link", ""))

    def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Make something. It is not tried again where it may have been made already."""
        return self._json("POST", self._url(path, {}), body)[0]

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """Change something."""
        return self._json("PATCH", self._url(path, {}), body)[0]

    def graphql(self, query: str) -> Json:
        """Return what GraphQL answers; GitHub Enterprise has it beside the REST API, not below it."""
        base = self._base.removesuffix("/v3") if self._base.endswith("/api/v3") else self._base
        return self._json("POST", f"{base}/graphql", {"query": query})[0]

    def of(self, path: str) -> str:
        """Return the path of something of the repository."""
        return f"/repos/{self.repository}{path}"

    def _url(self, path: str, query: Mapping[str, str | int]) -> str:
        return f"{self._base}{quote(path)}" + (f"?{urlencode(query)}" if query else "")

    def _next(self, link: str) -> str | None:
        """Return the next page's address, if it is one of the same API: the token goes nowhere else."""
        found = _NEXT.search(link)
        try:
            return found[1] if found and urlsplit(found[1])[:2] == urlsplit(self._base)[:2] else None
        except ValueError:
            return None

    def _json(self, method: str, url: str, body: Mapping[str, object] | None = None) -> tuple[Json, Mapping[str, str]]:
        what = f"{method} {terminal(urlsplit(url).path)}"
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({"Content-Type": "application/json"} if data else {})
        try:
            answer = self._pool.request(
                method,
                url,
                body=data,
                headers=headers,
                timeout=TIMEOUT,
                retries=_patience(method),
                preload_content=False,
            )
            try:
                content = answer.read(MAX_BYTES + 1, decode_content=True)
            finally:
                answer.release_conn()
        except (ValueError, OverflowError):
            raise ApiError(f"GitHub answered {what} with headers that are none") from None
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(f"GitHub's API at {urlsplit(url).netloc} cannot be reached: {_why(error)}") from None
        if answer.status >= 300:
            raise _refusal(what, answer, content)
        if len(content) > MAX_BYTES:
            raise ApiError(f"GitHub answered {what} with more than {MAX_BYTES >> 20} MiB")
        try:
            return json.loads(content), answer.headers
        except (ValueError, RecursionError):
            raise ApiError(f"GitHub answered {what} with what is no JSON") from None


def at(item: Json, *path: str) -> Json:
    """Return a field of an answer, None where it is not there, whatever the answer is."""
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def _pool(base: str) -> urllib3.PoolManager | urllib3.ProxyManager:
    """Return a pool of connections, by the proxy that the environment names for this host, as git and curl go."""
    parts = urlsplit(base)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise CannotTell(f"{terminal(base)!r} is no address of GitHub's API; GITHUB_API_URL is set by the runner")
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.netloc):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _patience(method: str) -> urllib3.Retry:
    again = method != "POST"
    return _Patience(
        total=TRIES,
        connect=TRIES,
        read=TRIES if again else 0,
        other=0,
        redirect=3,
        allowed_methods=["GET", "PATCH"],
        status_forcelist=[500, 502, 503, 504],
        backoff_factor=BACKOFF,
        backoff_jitter=BACKOFF / 2,
        raise_on_status=False,
    )


def _why(error: urllib3.exceptions.HTTPError) -> str:
    """Say in our own words what went wrong: the library's text may quote what was sent."""
    reason = getattr(error, "reason", None) or error
    for kind, words in (
        (urllib3.exceptions.NewConnectionError, "the connection was refused"),
        (urllib3.exceptions.NameResolutionError, "its name is not known"),
        (urllib3.exceptions.SSLError, "its certificate is not trusted here"),
        (urllib3.exceptions.TimeoutError, "it did not answer in time"),
        (urllib3.exceptions.ProxyError, "the proxy did not let us through"),
    ):
        if isinstance(reason, kind):
            return words
    return "the connection broke"


def _refusal(what: str, answer: urllib3.BaseHTTPResponse, content: bytes) -> ApiError:
    try:
        said = json.loads(content)["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        said = ""
    text = f"GitHub answered {what} with {answer.status}" + (f": {clipped(terminal(str(said)), 200)}" if said else "")
    text = text.rstrip(".")
    if answer.status == 401:
        return NotAllowed(f"{text}; the token is wrong or has expired", 401)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        until = answer.headers.get("X-RateLimit-Reset", "")
        clock = time.strftime("%H:%M UTC", time.gmtime(int(until))) if re.fullmatch(r"[0-9]{1,11}", until) else "later"
        return ApiError(f"{text}; the rate limit is used up until {clock}", answer.status)
    if answer.status == 403:
        return NotAllowed(text, 403)
    return ApiError(text, answer.status)
