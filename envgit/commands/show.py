"""Own `envgit show`: an environment as it stood at a revision, an entry or a time; values only where a person asks on a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from envgit import ui
from envgit.commands.options import as_json, environment, session
from envgit.errors import UsageError
from envgit.log.standing import standing
from envgit.views import show as view
from envgit.words import moment


@click.command("show", short_help="show an environment as it stood at a revision, an entry or a time")
@click.argument("what", required=False, default="")
@environment
@click.option("--reveal", is_flag=True, help="Show values; on a terminal only.")
@as_json
@click.pass_context
def command(ctx: click.Context, what: str, environment: str, reveal: bool, as_json: bool) -> int:
    """Show the environments that -e selects as they stood at WHAT: a revision, entry:NUMBER, or a time such as '2026-11-21 03:00'.

    Without WHAT: as they are at HEAD. Values are never shown but for names that the configuration reveals, or with --reveal.
    """
    if reveal and (as_json or not sys.stdout.isatty()):
        raise UsageError("--reveal shows values on a terminal only; to use them elsewhere, decrypt with sops")
    found = standing(session(ctx), what, environment, lambda text: moment(text, datetime.now(UTC)))
    if as_json:
        ui.document(view.document(found))
    else:
        ui.out(view.lines(found, reveal=reveal))
    return 0
