"""Own whom a reader trusts outside the log: witnesses by a policy, time-stamp authorities by their certificates.

Both come from the reader's side alone, by option, environment or the user's own git configuration: never from the repository.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envgit.audit import quorum
from envgit.audit.canonical import FormatError
from envgit.errors import UsageError
from envgit.log.session import Session

if TYPE_CHECKING:
    from envgit.timestamps import Authorities

POLICY = "ENVGIT_POLICY"
TSA_ROOTS = "ENVGIT_TSA_ROOTS"
MAX_BYTES = 1024 * 1024


class Judges(NamedTuple):
    """The witnesses and the authorities that a reader named, None where it named none; `digest` is that of both files, hex."""

    policy: quorum.Policy | None = None
    authorities: Authorities | None = None
    digest: str = ""


def judges(run: Session, policy: str = "", tsa_roots: str = "") -> Judges:
    """Return whom the reader trusts; raise UsageError, naming file and line, where a file that was named is none."""
    names = _named(run, policy, POLICY, "policy"), _named(run, tsa_roots, TSA_ROOTS, "tsaRoots")
    texts = [small_file(name) if name else b"" for name in names]
    digest = sha256(b"".join(sha256(text).digest() for text in texts)).hexdigest() if any(texts) else ""
    return Judges(_policy(names[0], texts[0]), _authorities(names[1], texts[1]), digest)


def _named(run: Session, flag: str, variable: str, setting: str) -> str:
    return flag or run.environ.get(variable, "") or run.repo.global_config(f"envgit.{run.named}.{setting}") or ""


def _policy(name: str, data: bytes) -> quorum.Policy | None:
    if not name:
        return None
    try:
        return quorum.parse(data.decode("utf-8", "surrogateescape"))
    except FormatError as error:
        raise UsageError(f"the policy {name}: {error}") from None


def _authorities(name: str, data: bytes) -> Authorities | None:
    if not name:
        return None
    from envgit.timestamps import Authorities, Untrusted  # X.509 costs a short check more than the check

    try:
        return Authorities(data)
    except Untrusted as error:
        raise UsageError(f"the authorities' certificates {name}: {error}") from None


def small_file(name: str) -> bytes:
    """Return what a file that a person named holds; raise UsageError where it is none, or too large."""
    path = Path(os.path.expanduser(name))  # noqa: PTH111 -- Path's own raises for an unknown user
    try:
        if not path.is_file():  # a FIFO would never end
            raise UsageError(f"{name} is no file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES >> 20} MiB")
    return data
