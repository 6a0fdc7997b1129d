"""Patterns, the guess of init, names of remotes, words: the small pure parts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from envgit.discover import patterns
from envgit.environments import Environments
from envgit.errors import ConfigError
from envgit.escape import terminal
from envgit.log.names import normalised
from envgit.model import Config, EnvironmentPattern
from envgit.words import count, duration


def _environments(*texts: str) -> Environments:
    return Environments(Config(environments=tuple(EnvironmentPattern(text) for text in texts)))


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("envs/{environment}.yaml", "envs/prod.yaml", ("prod", "")),
        ("envs/{environment}.yaml", "envs/a/prod.yaml", None),
        ("services/{service}/envs/{environment}.yaml", "services/api/envs/prod.yaml", ("prod", "api")),
        ("{region}/{app}/{environment}.yaml", "eu/api/prod.yaml", ("prod", "eu/api")),
        ("**/{environment}.sops.yaml", "prod.sops.yaml", ("prod", "")),
        ("**/{environment}.sops.yaml", "a/b/prod.sops.yaml", ("prod", "")),
        ("{environment}/{environment}.yaml", "prod/prod.yaml", ("prod", "")),
        ("{environment}/{environment}.yaml", "prod/dev.yaml", None),
        ("a.b/{environment}.yaml", "aXb/prod.yaml", None),
    ],
)
def test_a_pattern_names_environment_and_unit(pattern: str, path: str, expected: tuple[str, str] | None) -> None:
    """Placeholders name, wildcards only match, and everything else is literal; a directory that leads there is entered."""
    environments = _environments(pattern)
    found = environments.file(path)
    assert (found and (found.environment, found.unit)) == expected
    if expected:
        directories = path.split("/")[:-1]
        assert all(environments.enters("/".join(directories[: n + 1])) for n in range(len(directories)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a/{environment}",
        "a//{environment}",
        "../{environment}",
        "a/*.yaml",
        "{env}.yaml",
        "{environment",
        "*" * 40 + "{environment}",
    ],
)
def test_a_pattern_that_cannot_be_one_is_refused(text: str) -> None:
    """ConfigError names the pattern and what is wrong with it."""
    with pytest.raises(ConfigError):
        _environments(text)


@pytest.mark.parametrize(
    ("files", "others", "expected"),
    [
        (["envs/production.yaml", "envs/staging.yaml"], [], [("", "envs/{environment}.yaml")]),
        (["apps/api/production.yaml", "apps/web/production.yaml"], [], [("", "apps/{app}/{environment}.yaml")]),
        (["envs/production/api.yaml", "envs/staging/api.yaml"], [], [("", "envs/{environment}/api.yaml")]),
        (["envs/prod.yaml"], ["envs/values.yaml"], [("prod", "envs/prod.yaml")]),
        (["secrets.enc.yaml"], [], [("", "{environment}.enc.yaml")]),
    ],
)  # fmt: skip
def test_the_guess_selects_exactly_what_was_found(
    files: list[str], others: list[str], expected: list[tuple[str, str]]
) -> None:
    """Patterns where they fit, names where a pattern would take in more."""
    found = patterns(files, [*files, *others])
    assert [(pattern.name, pattern.pattern) for pattern in found] == expected
    chosen = Environments(Config(environments=found))
    assert [path for path in [*files, *others] if chosen.file(path)] == files


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:token@GitHub.com/acme/platform.git", "github.com/acme/platform"),
        ("git@github.com:acme/platform.git", "github.com/acme/platform"),
        ("ssh://git@github.com/acme/platform", "github.com/acme/platform"),
        ("/srv/git/platform.git", None),
        ("file:///srv/git/platform.git", None),
    ],
)
def test_all_ways_to_write_an_address_give_one_name(url: str, name: str | None) -> None:
    """Without scheme, user, token or .git; a path on this machine has none."""
    assert normalised(url) == name


def test_words_count_and_measure() -> None:
    """Plurals and spans are written as people write them."""
    assert [count(1, "entry"), count(2, "entry"), count(1312, "day"), count(2, "commit")] == [
        "1 entry",
        "2 entries",
        "1,312 days",
        "2 commits",
    ]
    assert [duration(timedelta(seconds=s)) for s in (5, 90, 7200, 86400 * 400, 86400 * 1200)] == [
        "less than a minute",
        "1 minute",
        "2 hours",
        "400 days",
        "3 years",
    ]


def test_the_terminal_gets_no_control_and_no_bidi_character() -> None:
    """Whatever could move a cursor or reorder text is escaped; all else stays."""
    assert terminal("plain größe 💥") == "plain größe 💥"
    assert terminal("a\x1b[31m\n\u202eb\udcffc\u200b") == "a\\x1b[31m\\x0a\\u202eb\\xffc\\u200b"
