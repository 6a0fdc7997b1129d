"""Own `envgit diff`: two revisions, the index or the work tree, compared in plaintext and shown redacted."""

from __future__ import annotations

import click

from envgit import ui
from envgit.commands.options import WithPaths, as_json, environment, paths, session
from envgit.log.difference import difference
from envgit.log.sides import Request
from envgit.views import diff as view


@click.command("diff", cls=WithPaths, short_help="show what changed between two revisions, redacted")
@click.argument("revisions", nargs=-1, metavar="[BASE [HEAD]] [-- PATH...]", type=click.UNPROCESSED)
@environment
@click.option("--cached", "--staged", "cached", is_flag=True, help="Compare the index, not the work tree, with BASE.")
@click.option("--keyless", is_flag=True, help="Use no identity: show what the ciphertext tells, as a pull request may.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something differs.")
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    revisions: tuple[str, ...],
    environment: str,
    cached: bool,
    keyless: bool,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Show what changed, redacted: the work tree against HEAD, or BASE against the work tree or HEAD.

    BASE and HEAD are git's revisions, also as A..B, and A...B for what B did since they parted. It needs neither a log nor an
    identity: without one it shows what the ciphertext tells.
    """
    run = session(ctx)
    words = (*revisions, "--", *paths(ctx)) if paths(ctx) else revisions
    found = difference(run, Request.parse(run, words, environment, cached=cached, keyless=keyless))
    for warning in found.warnings:
        ui.say(f"warning: {warning}")
    if as_json:
        ui.document(view.document(found))
    elif found.files:
        ui.out(view.lines(found))
    else:
        ui.advise(found.nothing)
    return 1 if exit_code and found.files else 0
