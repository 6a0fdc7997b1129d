"""Own plain requests to addresses that a person named: one answer of bounded size, no secret sent, no redirect followed."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from envgit import __version__
from envgit.errors import CannotTell, UsageError
from envgit.escape import terminal

MAX_BYTES = 256 * 1024
TIMEOUT = urllib3.Timeout(connect=10, read=20)
RETRIES = urllib3.Retry(
    total=2,
    redirect=0,
    raise_on_redirect=False,
    raise_on_status=False,
    backoff_factor=0.5,
    respect_retry_after_header=False,
)
SECONDS = 60
HTTP_OK = 200


class Unreachable(CannotTell):
    """An address did not answer, or not with what was asked for."""


def asked(url: str, data: bytes | None = None, kind: str = "") -> bytes:
    """Return what an address answers: to a GET, or to a POST of `data` of a media type.

    Raise UsageError where it is no http address, Unreachable where it gives nothing.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{terminal(url)[:200]!r} is no address; write it as https://…")
    name = terminal(parts.hostname)
    headers = {"User-Agent": f"envgit/{__version__}"} | ({"Content-Type": kind} if data is not None else {})
    answers: list[tuple[int, bytes] | str] = []
    # A server can keep every single read alive for ever: the whole is waited for, and no longer.
    asking = Thread(target=lambda: answers.append(_answer(parts.scheme, name, url, data, headers)), daemon=True)
    asking.start()
    asking.join(SECONDS)
    if not answers:
        raise Unreachable(f"{name} did not answer within {SECONDS} seconds")
    answer = answers[0]
    if isinstance(answer, str):
        raise Unreachable(f"{name} cannot be reached ({answer})")
    status, body = answer
    if status != HTTP_OK:
        raise Unreachable(f"{name} answered with status {status}")
    if len(body) > MAX_BYTES:
        raise Unreachable(f"{name} answered with more than {MAX_BYTES >> 10} KiB")
    return body


def named(url: str) -> str:
    """Return an address as it may be shown: without what may be a password in it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address"
    return terminal(f"{parts.scheme}://{host}{port}{parts.path}" if parts.scheme and host else url)


def _answer(
    scheme: str, host: str, url: str, data: bytes | None, headers: Mapping[str, str]
) -> tuple[int, bytes] | str:
    """Return status and body, or in a word why there is none."""
    try:
        answer = _pool(scheme, host).request(
            "GET" if data is None else "POST",
            url,
            body=data,
            headers=headers,
            timeout=TIMEOUT,
            retries=RETRIES,
            preload_content=False,
        )
        try:
            return answer.status, answer.read(MAX_BYTES + 1)
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        return type(error).__name__


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    proxy = None if proxy_bypass(host) else getproxies().get(scheme)
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
