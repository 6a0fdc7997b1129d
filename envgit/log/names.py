"""Own what a repository is called: by its remote's address, without what differs between two people's clones of it."""

from __future__ import annotations

import re

from envgit.git.repository import Repository

_SCP = re.compile(r"(?:[^@/]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^@/]*@)?([^/]+)/(.+)")
_PLAIN = re.compile(r"[A-Za-z0-9._/~:+-]+")


def remote_of(repo: Repository) -> str | None:
    """Return the remote that the log is shared through: `origin`, else the only one there is."""
    names = repo.remotes
    if "origin" in names:
        return "origin"
    return names[0] if len(names) == 1 else None


def origin_of(repo: Repository, remote: str | None) -> str | None:
    """Return host and path of a remote, without scheme, user or `.git`; None where it has no address of that kind."""
    url = repo.remote_url(remote) if remote else None
    return normalised(url) if url else None


def normalised(url: str) -> str | None:
    """Return "host/path" of a git address: all ways to write one address give one name; None for a path on this machine."""
    found = _URL.fullmatch(url) or _SCP.fullmatch(url)
    if found is None or url.startswith("file:"):
        return None
    host, path = found[1].lower(), found[2].strip("/").removesuffix(".git").strip("/")
    name = f"{host}/{path}"
    return name if path and _PLAIN.fullmatch(name) else None
