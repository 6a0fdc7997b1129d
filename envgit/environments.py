"""Own the patterns that say which paths are env files, and of which environment and unit.

A pattern is a path with placeholders: `{environment}` names the environment, any other `{name}` a part of the unit; `*` matches
within a segment, `**` any number of segments, and neither names anything. Nothing here looks at a file's content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from envgit.errors import ConfigError
from envgit.model import Config, EnvFile, EnvironmentPattern

# Python's engine backtracks: with few wildcards over short paths that stays cheap, whoever wrote the pattern.
MAX_PATTERN = 500
MAX_WILDCARDS = 8

_TOKEN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|(\*+)|([^{}*]+)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: `whole` matches a path, `segments` match one directory each, `**` is None."""

    source: EnvironmentPattern
    whole: re.Pattern[str]
    segments: tuple[re.Pattern[str] | None, ...]
    units: tuple[str, ...]

    def match(self, path: str) -> EnvFile | None:
        """Return the environment and unit that `path` is, None where the pattern does not match."""
        found = self.whole.fullmatch(path)
        if found is None:
            return None
        environment = self.source.name or found["environment"]
        return EnvFile(environment, "/".join(found[name] for name in self.units), path)

    def enters(self, parts: list[str]) -> bool:
        """Tell whether a file below the directory `parts` could match."""
        for part, segment in zip(parts, self.segments[:-1], strict=False):
            if segment is None:
                return True
            if not segment.fullmatch(part):
                return False
        return len(parts) < len(self.segments) or None in self.segments


def compile_pattern(source: EnvironmentPattern) -> Pattern:
    """Compile one pattern; raise ConfigError, naming the pattern, where it cannot be one."""
    text = source.pattern
    if not text or text.startswith("/") or text.endswith("/") or len(text) > MAX_PATTERN:
        raise ConfigError(f"pattern {text[:80]!r} is no path of a file below the repository's root")
    if text.count("*") > MAX_WILDCARDS * 2:
        raise ConfigError(f"pattern {text!r} has more than {MAX_WILDCARDS} wildcards")
    names: list[str] = []
    parts = text.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ConfigError(f"pattern {text!r} has an empty segment, '.' or '..'")
    pieces = [_segment(part, text, names) for part in parts]
    if not source.name and "environment" not in names:
        raise ConfigError(f"pattern {text!r} names no environment: add {{environment}}, or map a name to the pattern")
    whole = "".join(
        "(?:[^/]+/)*" if piece is None else piece + ("/" if number < len(pieces) - 1 else "")
        for number, piece in enumerate(pieces)
    )
    # A placeholder that comes twice must match the same text twice; one segment alone has no such memory.
    alone = tuple(
        None if p is None else re.compile(re.sub(r"\(\?P[=<]\w+[)>](?:\[\^/\]\+\))?", "[^/]+", p)) for p in pieces
    )
    units = tuple(name for name in dict.fromkeys(names) if name != "environment")
    return Pattern(source, re.compile(whole), alone, units)


def _segment(part: str, pattern: str, names: list[str]) -> str | None:
    if part == "**":
        return None
    pieces = []
    for name, stars, literal, stray in _TOKEN.findall(part):
        if stray:
            raise ConfigError(f"pattern {pattern!r} has a stray {stray!r}: a placeholder is written {{name}}")
        if name:
            pieces.append(f"(?P={name})" if name in names else f"(?P<{name}>[^/]+)")
            names.append(name)
        else:
            pieces.append("[^/]*" if stars else re.escape(literal))
    return "".join(pieces)


class Environments:
    """The files that a configuration audits; with no patterns every path may be one, and its content decides.

    `by_content` is true in that last case: then `file` calls the environment by its path, and the caller must ask whether the
    file holds a `sops` block.
    """

    __slots__ = ("_patterns", "by_content")

    def __init__(self, config: Config) -> None:
        self._patterns = _compiled(config.environments)
        self.by_content = not self._patterns

    def file(self, path: str) -> EnvFile | None:
        """Return which environment and unit `path` is; the first pattern that matches decides."""
        if self.by_content:
            return EnvFile(path, "", path) if path.endswith((".yaml", ".yml")) else None
        for pattern in self._patterns:
            if found := pattern.match(path):
                return found
        return None

    def enters(self, directory: str) -> bool:
        """Tell whether an env file can lie below `directory`, so that walks need not look elsewhere."""
        parts = directory.split("/")
        return self.by_content or any(pattern.enters(parts) for pattern in self._patterns)

    @property
    def tops(self) -> frozenset[str] | None:
        """The names at the top of a tree below which all env files lie, None where the patterns do not say."""
        first = frozenset(pattern.source.pattern.split("/")[0] for pattern in self._patterns)
        return None if self.by_content or any(set("{*") & set(name) for name in first) else first

    def assign(self, paths: Iterable[str]) -> dict[tuple[str, str], EnvFile]:
        """Map (environment, unit) to its file; raise ConfigError where two files are one, naming both."""
        found: dict[tuple[str, str], EnvFile] = {}
        for path in paths:
            file = self.file(path)
            if file is None:
                continue
            key = (file.environment, file.unit)
            if key in found:
                raise ConfigError(_twice(file, found[key]))
            found[key] = file
        return found


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[EnvironmentPattern, ...]) -> tuple[Pattern, ...]:
    return tuple(compile_pattern(pattern) for pattern in patterns)


def _twice(one: EnvFile, other: EnvFile) -> str:
    ours, theirs = one.path.split("/"), other.path.split("/")
    where = next((n for n, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]), 0)
    hint = "{app}" if len(ours) == len(theirs) else "{directory}"
    label = f"{one.environment}" + (f" ({one.unit})" if one.unit else "")
    return (
        f"two files are {label!r}: {other.path} and {one.path}; "
        f"name the part in which they differ ({theirs[where]!r}, {ours[where]!r}) by a placeholder such as {hint}"
    )
