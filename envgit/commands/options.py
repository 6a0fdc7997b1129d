"""Own the options that several commands share, so that one thing has one name and one help text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from envgit.log.session import Session

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_PATHS = "envgit.paths"


class WithPaths(click.Command):
    """A command that takes paths after `--`, as git does; click alone would forget where they began."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what follows the first `--` apart."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_PATHS] = tuple(args[cut + 1 :])
            args = args[:cut]
        return super().parse_args(ctx, args)


class WithCount(click.Command):
    """A command that takes -3 for -n 3, as git log does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell a bare number out."""
        spelled = [part for text in args for part in (("-n", text[1:]) if re.fullmatch(r"-[0-9]+", text) else (text,))]
        return super().parse_args(ctx, spelled)


def paths(ctx: click.Context) -> tuple[str, ...]:
    """Return the paths that came after `--`."""
    found: tuple[str, ...] = ctx.meta.get(_PATHS, ())
    return found


as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
environment: Decorator = click.option(
    "-e", "--environment", metavar="GLOB", default="", help="Only environments that match, as NAME or NAME/UNIT."
)


def session(ctx: click.Context) -> Session:
    """Begin a run in the directory that -C named."""
    directory = ctx.obj if isinstance(ctx.obj, Path) else Path()
    return Session(directory, dict(os.environ))
