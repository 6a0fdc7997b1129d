"""Own the guess that `init` makes: which patterns say of a repository's SOPS files what environment and unit each is.

A guess must select exactly the files that it was made from; where none does, each file is named by itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from envgit.environments import Environments
from envgit.errors import ConfigError
from envgit.model import Config, EnvironmentPattern

_SUFFIX = re.compile(r"(?:[.-](?:sops|enc|encrypted|secrets?))*\.ya?ml$")
_KNOWN = re.compile(
    r"(?:prod|production|prd|stag|staging|stage|stg|dev|development|devel|test|testing|qa|uat|preview|sandbox|local|"
    r"demo|ci|load|perf|canary|acc|acceptance|integration|int)(?:[-_.]?[a-z0-9]+)*",
    re.IGNORECASE,
)


def patterns(sops_files: Sequence[str], all_files: Iterable[str]) -> tuple[EnvironmentPattern, ...]:
    """Return patterns that select `sops_files` and nothing else of `all_files`, as few and as telling as can be found."""
    wanted = set(sops_files)
    everything = list(all_files)
    for guess in (_by_segment(sorted(wanted), True), _by_segment(sorted(wanted), False)):
        if guess and _fits(guess, wanted, everything):
            return guess
    return _named(sorted(wanted))


def _by_segment(files: Sequence[str], generalise: bool) -> tuple[EnvironmentPattern, ...]:
    """Group files of one depth and suffix; the segment that looks most like environments becomes the placeholder."""
    groups: dict[tuple[int, str, str], list[list[str]]] = defaultdict(list)
    for path in files:
        suffix = found[0] if (found := _SUFFIX.search(path)) else ""
        parts = path[: len(path) - len(suffix)].split("/")
        groups[len(parts), suffix, "" if generalise else "/".join(parts[:-1])].append(parts)
    return tuple(EnvironmentPattern(_pattern(rows) + suffix) for (_depth, suffix, _dir), rows in sorted(groups.items()))


def _pattern(rows: list[list[str]]) -> str:
    columns = list(zip(*rows, strict=True))
    scores = [sum(bool(_KNOWN.fullmatch(text)) for text in column) for column in columns]
    best = max(scores)
    # Where nothing looks like an environment, it is what the file is called.
    place = max(n for n, score in enumerate(scores) if score == best) if best else len(columns) - 1
    parts = []
    for number, column in enumerate(columns):
        if number == place:
            parts.append("{environment}")
        elif len(set(column)) == 1:
            parts.append(column[0])
        else:
            parts.append(_placeholder(columns, number))
    return "/".join(parts)


def _placeholder(columns: list[tuple[str, ...]], number: int) -> str:
    """Name a part of the unit after the directory above, in the singular: `services/*` are `{service}`."""
    above = set(columns[number - 1]) if number else set()
    word = above.pop().removesuffix("s") if len(above) == 1 else "unit" if number == len(columns) - 1 else "app"
    return "{" + (word if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word) and word != "environment" else "unit") + "}"


def _fits(guess: tuple[EnvironmentPattern, ...], wanted: set[str], everything: Iterable[str]) -> bool:
    try:
        found = Environments(Config(environments=guess)).assign(everything)
    except ConfigError:
        return False
    return {file.path for file in found.values()} == wanted


def _named(files: Sequence[str]) -> tuple[EnvironmentPattern, ...]:
    """Give each file the shortest name that no other has: its own, with as much of its directories as is needed."""
    names: dict[str, str] = {}
    for path in files:
        parts = _SUFFIX.sub("", path).split("/")
        names[path] = next(
            name
            for depth in range(1, len(parts) + 1)
            if (
                (name := "/".join(parts[-depth:]))
                and not any(other != path and ("/" + _SUFFIX.sub("", other)).endswith("/" + name) for other in files)
            )
            or depth == len(parts)
        )
    return tuple(EnvironmentPattern(path, name) for path, name in names.items())
