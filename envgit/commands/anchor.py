"""Own `envgit anchor`: evidence from outside for the log as it stands, kept in the log."""

from __future__ import annotations

import click

from envgit import ui
from envgit.commands.options import as_json, session
from envgit.log.anchoring import Asked, anchored
from envgit.words import count


@click.command(
    "anchor", short_help="keep outside evidence for the log as it stands: a sign of life, time-stamps, cosignatures"
)
@click.option("--tsa", metavar="URL", multiple=True, help="Ask this RFC 3161 time-stamp authority for a token.")
@click.option("--cosigned", metavar="FILE|URL", multiple=True, help="Keep a witness's note.")
@click.option("--push", is_flag=True, help="Begin from the remote's log, and push.")
@as_json
@click.pass_context
def command(ctx: click.Context, tsa: tuple[str, ...], cosigned: tuple[str, ...], push: bool, as_json: bool) -> int:
    """Append a note that the log signs itself, and what authorities and witnesses say of it. Do this every week.

    One that is down is said, and stops nothing: exit status 4 then, and the rest is recorded.
    """
    done, failed = anchored(session(ctx), Asked(tsa, cosigned), push=push)
    for warning in done.warnings:
        ui.say(f"warning: {warning}")
    if as_json:
        ui.document(
            {
                "schema": "envgit.anchor/1",
                "recorded": done.recorded,
                "entries": done.entries,
                "pushed": done.pushed,
                "failed": list(failed),
            }
        )
    else:
        ui.out(
            f"{count(done.recorded, 'anchor')} for the first {count(done.first or 0, 'entry')}, {count(done.entries, 'entry')} now"
        )
    for line in failed:
        ui.error(f"not had from {line}")
    return 4 if failed else 0
