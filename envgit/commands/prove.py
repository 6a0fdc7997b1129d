"""Own `envgit prove`: the proof that one entry is in the log, for whoever has the log's key."""

from __future__ import annotations

import re
from pathlib import Path

import click

from envgit import ui
from envgit.commands.options import session
from envgit.errors import UsageError
from envgit.log.proofs import proof


@click.command("prove", short_help="write a proof that an entry is in the log")
@click.argument("entry")
@click.option("-o", "--output", metavar="FILE", default="", help="Where to write it; else to stdout.")
@click.pass_context
def command(ctx: click.Context, entry: str, output: str) -> int:
    """Write a C2SP tlog-proof for ENTRY, a number or entry:NUMBER: its place, its path to the root, and a signed checkpoint.

    The entry's own bytes are those at entries/ on the branch: git show envgit-audit:entries/00/00/42.json.
    """
    found = re.fullmatch(r"(?:entry:)?([0-9]{1,9})", entry)
    if found is None:
        raise UsageError(f"{entry[:60]!r} is no entry; write it as entry:42")
    run = session(ctx)
    text = proof(run, run.require_log(), int(found[1]))
    if not output:
        ui.out(text.rstrip("\n"))
        return 0
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    return 0
