"""Own the options that several commands share, so that one thing has one name and one help text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from envgit.log.session import Session

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
environment: Decorator = click.option(
    "-e", "--environment", metavar="GLOB", default="", help="Only environments that match, as NAME or NAME/UNIT."
)


def session(ctx: click.Context) -> Session:
    """Begin a run in the directory that -C named."""
    directory = ctx.obj if isinstance(ctx.obj, Path) else Path()
    return Session(directory, dict(os.environ))
