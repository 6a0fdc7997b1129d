"""Own `envgit verify`: is the log as it was signed, is nothing missing from it, and what does that rest on."""

from __future__ import annotations

import click

from envgit import ui
from envgit.commands.options import as_json, session
from envgit.log.verification import verification
from envgit.views import verify as view

LEVELS = ("A", "B")


@click.command("verify", short_help="check the log, and that nothing is missing from it")
@click.option("--deep", is_flag=True, help="Compare what the entries say of values with the values; needs an identity.")
@click.option("--trust-root", metavar="HASH", default="", help="The genesis hash, as envgit init printed it.")
@click.option("--require", type=click.Choice(LEVELS), help="Exit with 4 where this level is not reached.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing where all is well.")
@as_json
@click.pass_context
def command(ctx: click.Context, deep: bool, trust_root: str, require: str | None, quiet: bool, as_json: bool) -> int:
    """Check every entry and signature of the log, the source branch against it, and what this machine saw before.

    Exit status: 0 all is well; 1 something is wrong; 3 it cannot be told; 4 entries are pending, or --require is not met.
    """
    found = verification(session(ctx), trust_root=trust_root, deep=deep)
    if as_json:
        ui.document(view.document(found))
    elif not found.ok:
        for line in view.errors(found):
            ui.say(line)
    elif not quiet:
        ui.out(view.lines(found))
    if not found.ok:
        return 1
    status, said = view.incomplete(found, require)
    if status:
        ui.error(said)
    return status
