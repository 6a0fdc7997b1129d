"""Own `envgit blame`: the last change of a variable in every environment, its whole line of changes, or all of an environment."""

from __future__ import annotations

from collections.abc import Iterable

import click

from envgit import ui
from envgit.commands.options import as_json, environment, session
from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.log import asked, blame
from envgit.log.branch import Log
from envgit.log.reach import freshness, source_of_answers
from envgit.log.sources import UNSIGNED, subjects
from envgit.model import ChangeKind, Unit
from envgit.views import blame as view
from envgit.words import count, label


@click.command("blame", short_help="show who changed a variable last, and when")
@click.argument("variable", required=False)
@environment
@click.option("--all", "whole", is_flag=True, help="Show every change of the variable, newest first.")
@as_json
@click.pass_context
def command(ctx: click.Context, variable: str | None, environment: str, whole: bool, as_json: bool) -> int:
    """Show who changed VARIABLE last, in every environment; without one, every variable of the environments that -e selects.

    The columns are git blame's: commit, author, when it landed, and the entry's number; ^ marks where a file begins. Re-encryptions
    are no changes and blame nobody. Without a log the answer comes from git history, and is unsigned.
    """
    run = session(ctx)
    if variable is None and not environment:
        raise UsageError(
            "name a variable, or an environment with -e: envgit blame DATABASE_URL, envgit blame -e production"
        )
    if variable is None and whole:
        raise UsageError("--all shows the changes of one variable: name it")
    log, signed, reached = source_of_answers(run)
    units = asked.environments(log, environment, signed=signed)
    found = list(_found(log, units, variable, whole))
    if variable is not None and not found:
        raise asked.no_variable(log, units, variable)
    found.sort(key=lambda line: (-line.sequence, line.environment, line.unit))
    shown = view.BlameView(
        tuple(found),
        signed,
        environments=len(units) > 1,
        variables=variable is None,
        again=_again(found) if whole else {},
        backfilled_before=log.began_at if signed else "",
        subjects={} if as_json else subjects(run.repo, (line.commit for line in found)),
        pending=reached.pending,
    )
    if as_json:
        ui.document(view.document(shown))
        return 0
    ui.out(view.lines(shown, ui.width()))
    if not signed:
        ui.say(UNSIGNED)
    _advise(log, units, variable, found, whole)
    if signed and ui.advises():
        ui.advise(freshness(run, reached))
    return 0


def _found(log: Log, units: Iterable[Unit], variable: str | None, whole: bool) -> Iterable[blame.Blamed]:
    for unit in units:
        if variable is None:
            yield from blame.every(log, unit)
        elif whole:
            yield from blame.line(log, unit, variable)
        elif (last := blame.last(log, unit, variable)) is not None:
            yield last


def _again(found: list[blame.Blamed]) -> dict[tuple[str, str, int], int]:
    """Map an entry to the earlier one that gave the same value, where another value lay between."""
    seen: dict[tuple[str, str, str], int] = {}
    again = {}
    for line in reversed(found):
        mark = line.change.after
        if mark is None:
            continue
        key = (line.environment, line.unit, mark)
        if key in seen and line.change.kind in (ChangeKind.CHANGED, ChangeKind.ADDED):
            again[line.environment, line.unit, line.sequence] = seen[key]
        seen[key] = line.sequence
    return again


def _advise(
    log: Log,
    units: list[Unit],
    variable: str | None,
    found: list[blame.Blamed],
    whole: bool,
) -> None:
    if variable is not None:
        having = {(line.environment, line.unit) for line in found}
        lacking = [terminal(label(unit)) for unit in units if unit not in having]
        if lacking and len(units) > 1:
            ui.advise(f"never in: {', '.join(lacking)}")
    if whole and variable is not None:
        ui.advise(_left_out(log, units, variable))


def _left_out(log: Log, units: list[Unit], variable: str) -> str:
    records = [record for unit in units if (record := log.variable(unit, variable)) is not None]
    files = [file for unit in units if (file := log.file(unit)) is not None]
    encrypted, access = sum(known.reencrypted for known in records), sum(known.access for known in files)
    if not encrypted and not access:
        return "nothing left out"
    said = [
        count(encrypted, "re-encryption") if encrypted else "",
        count(access, "change of recipients", "changes of recipients") if access else "",
    ]
    return f"left out: {', '.join(filter(None, said))} (envgit log): no value changed"
