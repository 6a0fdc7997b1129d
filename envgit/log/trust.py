"""Own where trust in a log comes from: a genesis hash that was given from outside, one that this machine saw before, or nothing yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from envgit.errors import LogError, UsageError
from envgit.git.repository import Repository
from envgit.log.pins import Pin
from envgit.model import Digest

ENVIRONMENT = "ENVGIT_TRUST_ROOT"


class Basis(StrEnum):
    """What a genesis hash rests on."""

    GIVEN = "given"
    PINNED = "pinned"
    FIRST_USE = "first-use"


@dataclass(frozen=True, slots=True)
class Trust:
    """The genesis that is trusted, None on first use, and why; `source` says to a person where it was found."""

    basis: Basis
    genesis: Digest | None
    source: str = ""


def resolve(flag: str, environ: Mapping[str, str], repo: Repository, named: str, pin: Pin | None) -> Trust:
    """Return the trust root: by flag, environment, the user's own git configuration, else what was pinned, else first use.

    The repository's configuration is not asked: who writes the log could write that too.
    """
    for text, source in (
        (flag, "--trust-root"),
        (environ.get(ENVIRONMENT, ""), ENVIRONMENT),
        (repo.global_config(f"envgit.{named}.trustRoot") or "", "your git configuration"),
    ):
        if text:
            return Trust(Basis.GIVEN, parse(text, source), source)
    if pin is not None:
        return Trust(
            Basis.PINNED,
            pin.genesis,
            "this machine's memory" + (" of a first look" if pin.trust == Basis.FIRST_USE else ""),
        )
    return Trust(Basis.FIRST_USE, None)


def check_given(environ: Mapping[str, str], repo: Repository, named: str, genesis: Digest) -> None:
    """Raise LogError where a trust root was given and a log begins with another genesis."""
    given = resolve("", environ, repo, named, None)
    if given.basis is Basis.GIVEN and given.genesis != genesis:
        raise LogError(
            f"the log begins with {genesis}, and the trust root in {given.source} is {given.genesis}: nothing is built on it; "
            "docs/runbook.md#wrong-genesis"
        )


def parse(text: str, source: str) -> Digest:
    """Return a trust root as it was given; raise UsageError where it is none."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text.strip()):
        raise UsageError(f"the trust root in {source} is not 'sha256:' and 64 hex digits, as envgit init printed it")
    return Digest(text.strip())
