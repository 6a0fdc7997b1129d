"""Own `envgit record`: the entries that the log lacks, signed and appended; with --push, at the remote too."""

from __future__ import annotations

import click

from envgit import ui
from envgit.commands.options import as_json, session
from envgit.log.forge import asking
from envgit.log.record import Told
from envgit.log.recording import Recording, record, supplement


@click.command("record", short_help="append the missing entries to the log")
@click.option(
    "--push", is_flag=True, help="Begin from the remote's log, cover what the remote's source branch has, and push."
)
@click.option(
    "--supplement",
    "complete",
    is_flag=True,
    help="Tell what entries recorded without an identity could not; with --reviews, reviews too.",
)
@click.option(
    "--reviews", is_flag=True, help="Ask GitHub for the pull requests and their approvals; GH_TOKEN is its token."
)
@as_json
@click.pass_context
def command(ctx: click.Context, push: bool, complete: bool, reviews: bool, as_json: bool) -> int:
    """Append an entry for every step of the source branch that the log does not have yet.

    It may be run at any time and as often as one likes: what is there already is not written again. Killed at any point, it leaves
    the log as it was, or with some of the entries.
    """
    run = session(ctx)
    told = asking(run) if reviews else Told()
    found = supplement(run, told, push=push) if complete else record(run, told, push=push)
    for warning in found.warnings:
        ui.say(f"warning: {warning}")
    if as_json:
        ui.document(_document(found))
    else:
        ui.out(found.summary)
    return 0


def _document(found: Recording) -> dict[str, object]:
    return {
        "schema": "envgit.record/1",
        "recorded": found.recorded,
        "first": found.first,
        "entries": found.entries,
        "audit_commit": found.tip,
        "pushed": found.pushed,
        "warnings": list(found.warnings),
    }
