"""Own plain requests to addresses that a person named: one answer of bounded size, no secret sent, no redirect followed."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from envgit import __version__
from envgit.errors import CannotTell, UsageError
from envgit.escape import terminal

MAX_BYTES = 256 * 1024
TIMEOUT = urllib3.Timeout(connect=10, read=20)
RETRIES = urllib3.Retry(total=2, redirect=0, raise_on_redirect=False, raise_on_status=False, backoff_factor=0.5)
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
    try:
        answer = _pool(parts.scheme, parts.hostname).request(
            "GET" if data is None else "POST",
            url,
            body=data,
            headers=headers,
            timeout=TIMEOUT,
            retries=RETRIES,
            preload_content=False,
        )
        try:
            body = answer.read(MAX_BYTES + 1)
        finally:
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        raise Unreachable(f"{name} cannot be reached ({type(error).__name__})") from None
    if answer.status != HTTP_OK:
        raise Unreachable(f"{name} answered with status {answer.status}")
    if len(body) > MAX_BYTES:
        raise Unreachable(f"{name} answered with more than {MAX_BYTES >> 10} KiB")
    return body


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    proxy = None if proxy_bypass(host) else getproxies().get(scheme)
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
