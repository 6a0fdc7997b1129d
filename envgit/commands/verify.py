"""Own `envgit verify`: is the log as it was signed, is nothing missing from it, and what does that rest on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from envgit import ui
from envgit.commands.options import as_json, session
from envgit.log.verdict import Wanted
from envgit.log.verification import verification
from envgit.views import verify as view
from envgit.words import moment

LEVELS = ("A", "B", "C")


@click.command("verify", short_help="check the log, and that nothing is missing from it")
@click.option(
    "--all", "everything", is_flag=True, help="Check every entry, not only those since this machine last did."
)
@click.option("--deep", is_flag=True, help="Compare what the entries say of values with the values; needs an identity.")
@click.option("--trust-root", metavar="HASH", default="", help="The genesis hash, as envgit init printed it.")
@click.option("--policy", metavar="FILE", default="", help="The witnesses that you trust, as C2SP's tlog-policy.")
@click.option("--tsa-roots", metavar="FILE", default="", help="Certificates of time-stamp authorities, PEM.")
@click.option(
    "--evidence",
    metavar="FILE",
    multiple=True,
    help="A witness's note or a time-stamp token that you have of this log.",
)
@click.option("--max-age", metavar="SPAN", default="", help="Exit with 4 where the log's newest sign of life is older.")
@click.option("--require", type=click.Choice(LEVELS), help="Exit with 4 where this level is not reached.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing where all is well.")
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    max_age: str,
    require: str | None,
    quiet: bool,
    as_json: bool,
    evidence: tuple[str, ...],
    **wanted: Any,
) -> int:
    """Check every entry and signature of the log, the source branch against it, what this machine saw before, and what outsiders say.

    Exit status: 0 all is well; 1 something is wrong; 3 it cannot be told; 4 entries are pending, --require or --max-age is not met.
    """
    oldest = moment(max_age, datetime.now(UTC))
    found = verification(session(ctx), Wanted(evidence=evidence, **wanted))
    if as_json:
        ui.document(view.document(found))
    elif not found.ok:
        for line in view.errors(found):
            ui.say(line)
    elif not quiet:
        ui.out(view.lines(found))
    if not found.ok:
        return 1
    status, said = view.incomplete(found, require, oldest.timestamp() if oldest else None)
    if status:
        ui.error(said)
    return status
