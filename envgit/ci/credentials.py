"""Own how git is let in at the forge: by the job's token, in its environment, for the forge's address alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

TOKEN = "ENVGIT_GITHUB_TOKEN"  # noqa: S105 -- the name of a variable


def git_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let git in at the server with the job's token: by a header, so that no argument or address holds it.

    What actions/checkout left for the same server is reset, as two such headers are one too many.
    """
    token, server = environ.get(TOKEN, ""), environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    if not token:
        return {}
    first = int(environ.get("GIT_CONFIG_COUNT", "0") or 0)
    key = f"http.{server}/.extraheader"
    header = f"AUTHORIZATION: basic {basic(token)}"
    return {
        "GIT_CONFIG_COUNT": str(first + 2),
        f"GIT_CONFIG_KEY_{first}": key,
        f"GIT_CONFIG_VALUE_{first}": "",
        f"GIT_CONFIG_KEY_{first + 1}": key,
        f"GIT_CONFIG_VALUE_{first + 1}": header,
    }


def basic(token: str) -> str:
    """Return a token as HTTP's basic authorization has it."""
    return b64encode(f"x-access-token:{token}".encode()).decode()
