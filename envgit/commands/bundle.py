"""Own `envgit bundle`: entries with all that proves them, in one file, and the program that checks it beside it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from envgit import outside, ui
from envgit.commands.options import session
from envgit.errors import UsageError
from envgit.log.proofs import bundle, span
from envgit.words import count, moment

_ENTRY = re.compile(r"entry:([0-9]{1,9})")


@click.command("bundle", short_help="write entries and their proofs into one file, for an outsider")
@click.option("--since", default="", metavar="TIME|entry:N", help="Begin here; else with the first entry.")
@click.option("--until", default="", metavar="TIME|entry:N", help="End here, with it; else with the newest entry.")
@click.option(
    "-o", "--output", metavar="FILE", default="envgit-bundle.json", show_default=True, help="Where to write it."
)
@click.pass_context
def command(ctx: click.Context, since: str, until: str, output: str) -> int:
    """Write entries, signatures, approvals, proofs and the covered commits of a time into FILE, and beside it verify_bundle.py.

    That program needs Python alone: no repository, no envgit, no secret. What it needs besides is the trust root, by another way.
    """
    run = session(ctx)
    log = run.require_log()
    now = datetime.now(UTC)
    numbers = (_number(since), _number(until, 1))
    times = (
        None if numbers[0] is not None else moment(since, now),
        None if numbers[1] is not None else moment(until, now),
    )
    first, end = span(log, *times, numbers)
    text = json.dumps(bundle(run, log, first, end), indent=1, ensure_ascii=False) + "\n"
    path = Path(output)
    checker = path.with_name("verify_bundle.py")
    try:
        path.write_text(text, encoding="utf-8")
        checker.write_text(Path(outside.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or output}: {error.strerror}") from None
    ui.out(f"{count(end - first, 'entry')}, {first} to {end - 1}, in {path}")
    ui.out(f"to check it: python3 {checker} {path} --trust-root HASH, with the hash that envgit init printed")
    return 0


def _number(text: str, more: int = 0) -> int | None:
    found = _ENTRY.fullmatch(text)
    return int(found[1]) + more if found else None
