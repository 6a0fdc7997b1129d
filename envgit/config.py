"""Own `.envgit.yaml`: its keys, its defaults, and what to say where it is wrong.

The file is read by events, as every YAML here is: a stranger's pull request can bring it.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envgit.environments import Environments
from envgit.errors import ConfigError
from envgit.model import CONFIG_PATHS, Config, EnvironmentPattern
from envgit.sops.yaml import YamlError, plain

PATHS = CONFIG_PATHS
KEYS = ("version", "environments", "branch", "audit_branch", "reveal")
MAX_BYTES = 256 * 1024

_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A configuration, and what is to be said of it where it is only read."""

    config: Config
    warnings: tuple[str, ...] = ()


def parse(data: bytes, path: str, default_branch: str = "main", *, strict: bool = False) -> Parsed:
    """Parse a configuration file and fill in the defaults.

    An unknown key is a warning, or with `strict` an error. Raise ConfigError, naming file and line or key, where it is wrong.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES // 1024} KiB: that is no configuration")
    try:
        tree = plain(data)
    except YamlError as error:
        raise ConfigError(f"{path}:{error.line}: {error.problem}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} is no mapping: it begins with 'version: 1'")
    warnings = tuple(_unknown(tree, path))
    if strict and warnings:
        raise ConfigError(warnings[0])
    version = tree.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version != 1:
        raise ConfigError(f"{path}: version is {_shown(version)}, and this envgit reads version 1")
    config = Config(
        environments=_environments(tree.get("environments"), path),
        branch=_branch(tree, "branch", default_branch, path),
        audit_branch=_branch(tree, "audit_branch", Config().audit_branch, path),
        reveal=_strings(tree.get("reveal"), "reveal", path),
    )
    try:
        Environments(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: environments: {error}") from None
    return Parsed(config, warnings)


_NO_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def revealed(config: Config, variable: str) -> bool:
    """Tell whether comments and terminals may show the value of `variable`."""
    return any(fnmatch.fnmatchcase(variable, pattern) for pattern in config.reveal)


def render(config: Config, comments: Mapping[str, str]) -> str:
    """Write a configuration file; `comments` go behind the keys that they are for."""
    lines = ["version: 1"]
    if any(pattern.name for pattern in config.environments):
        lines.append("environments:" + (f"  # {comments['environments']}" if "environments" in comments else ""))
        lines += [f"  {_quoted(pattern.name)}: {_quoted(pattern.pattern)}" for pattern in config.environments]
    elif config.environments:
        lines += _list("environments", [_quoted(pattern.pattern) for pattern in config.environments], comments)
    lines.append(f"branch: {_quoted(config.branch)}")
    if config.audit_branch != Config().audit_branch:
        lines.append(f"audit_branch: {_quoted(config.audit_branch)}")
    lines += _list("reveal", [_quoted(name) for name in config.reveal], comments)
    return "\n".join(lines) + "\n"


def _list(key: str, items: list[str], comments: Mapping[str, str]) -> list[str]:
    note = f"  # {comments[key]}" if key in comments else ""
    if len(items) == 1:
        return [f"{key}: {items[0]}{note}"] if key == "environments" else [f"{key}: [{items[0]}]{note}"]
    if not items:
        return [f"{key}: []{note}"]
    return [f"{key}:{note}", *(f"  - {item}" for item in items)]


def _quoted(text: str) -> str:
    plain_word = re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./{}-]*", text) and text.lower() not in _NO_WORDS
    return text if plain_word else "'" + text.replace("'", "''") + "'"


def _unknown(tree: Mapping[object, object], path: str) -> Iterable[str]:
    for key in tree:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
            yield f"{path}: unknown key {_shown(key)}; {hint}"


def _environments(value: object, path: str) -> tuple[EnvironmentPattern, ...]:
    if value is None:
        return ()
    if isinstance(value, dict):
        return tuple(
            EnvironmentPattern(pattern, str(name))
            for name, patterns in value.items()
            for pattern in _strings(patterns, f"environments.{name}", path)
        )
    return tuple(EnvironmentPattern(pattern) for pattern in _strings(value, "environments", path))


def _strings(value: object, key: str, path: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise ConfigError(f"{path}: {key} is neither a text nor a list of texts")
    return tuple(items)


def _branch(tree: Mapping[object, object], key: str, default: str, path: str) -> str:
    value = tree.get(key, default)
    if not isinstance(value, str) or not _BRANCH.fullmatch(value) or ".." in value or value.endswith(("/", ".lock")):
        raise ConfigError(f"{path}: {key} is no name of a branch")
    return value


def _shown(value: object) -> str:
    return repr(value if not isinstance(value, str) else value[:40])
