"""Own every error that envgit reports on purpose, and the exit status of each.

    EnvgitError                       70  (never raised itself)
    |- UsageError                      2  wrong usage
    |  |- ConfigError                     .envgit.yaml is wrong
    |- CannotTell                      3  the question cannot be answered here
    |  |- RepositoryError                 not a repository, or one that cannot be read
    |  |- LogError                        no log, two logs, or one that nothing may be built on
    |- Incomplete                      4  entries are pending, or parts can no longer be checked

A message is one sentence without a full stop that says what, where and what to do; it never holds a value, and never the
text of a library that may quote its input.
"""

from __future__ import annotations


class EnvgitError(Exception):
    """The base of all errors that are reported in one line."""

    exit_status = 70


class UsageError(EnvgitError):
    """The command line, a revision or a name is wrong."""

    exit_status = 2


class ConfigError(UsageError):
    """The configuration is wrong; the message names file and line."""


class CannotTell(EnvgitError):
    """The question cannot be answered with what is here."""

    exit_status = 3


class RepositoryError(CannotTell):
    """This is no repository, or one that envgit cannot read or write."""


class LogError(CannotTell):
    """There is no log, there are two, or there is one that nothing may be built on."""


class Incomplete(EnvgitError):
    """The answer holds only in part: entries are pending, or parts can no longer be checked."""

    exit_status = 4
