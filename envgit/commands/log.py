"""Own `envgit log`: the entries, newest first, filtered."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import click

from envgit import ui
from envgit.audit.entry import Entry, EntryKind
from envgit.commands.options import WithCount, as_json, environment, session
from envgit.errors import UsageError
from envgit.log import asked
from envgit.log.branch import Log
from envgit.log.difference import recipient_names
from envgit.log.listing import Filter, listed
from envgit.log.reach import freshness, source_of_answers
from envgit.log.sources import UNSIGNED, subjects
from envgit.model import ChangeKind, EventKind
from envgit.views import log as view
from envgit.words import moment

KINDS = frozenset(str(kind) for kinds in (EntryKind, ChangeKind, EventKind) for kind in kinds)


@click.command("log", cls=WithCount, short_help="list entries")
@click.argument("variable", required=False)
@environment
@click.option(
    "-n", "--max-count", "most", type=click.IntRange(1), metavar="N", help="Show at most N entries; also as -N."
)
@click.option("--oneline", is_flag=True, help="One line an entry.")
@click.option(
    "--author", "actor", metavar="TEXT", default="", help="Only by an author whose name or e-mail holds TEXT."
)
@click.option("--kind", multiple=True, metavar="KIND", help="Only entries with this kind: of entry, change or event.")
@click.option("--since", metavar="TIME", default="", help="Only what landed since, as 2026-11-20 or 1.week.")
@click.option("--until", metavar="TIME", default="", help="Only what landed until.")
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    variable: str | None,
    environment: str,
    most: int | None,
    oneline: bool,
    actor: str,
    kind: tuple[str, ...],
    since: str,
    until: str,
    as_json: bool,
) -> int:
    """List entries, newest first: those that touch VARIABLE where one is named, all of them else.

    Re-encryptions and changes of access are here as what they were. Without a log the answer comes from git history, unsigned.
    """
    run = session(ctx)
    log, signed, reached = source_of_answers(run)
    _check(log, kind, variable or "", environment, signed=signed)
    now = datetime.now(UTC)
    wanted = Filter(variable or "", environment, actor, frozenset(kind), moment(since, now), moment(until, now))
    entries = _entries(log, wanted, most, signed=signed)
    shown = view.LogView(
        entries,
        log.ref if signed else "",
        subjects={} if as_json else subjects(run.repo, view.commits(entries)),
        names=recipient_names(run),
        environment=environment,
        pending=reached.pending,
    )
    if as_json:
        ui.document(view.document(shown))
        return 0
    ui.out(view.oneline(shown, ui.width()) if oneline else view.lines(shown))
    if not signed:
        ui.say(UNSIGNED)
    elif ui.advises():
        ui.advise(freshness(run, reached))
    return 0


def _entries(log: Log, wanted: Filter, most: int | None, *, signed: bool) -> tuple[Entry, ...]:
    """Return what is asked for, and say where that is nothing."""
    found = tuple(islice(listed(log, wanted, first=0 if signed else 1), most))
    if not found:
        ui.say("no entry matches")
    return found


def _check(log: Log, kinds: tuple[str, ...], variable: str, environment: str, *, signed: bool) -> None:
    """Raise UsageError for a kind, a variable or an environment that there is none of: an empty answer would look like an answer."""
    unknown = [word for word in kinds if word not in KINDS]
    if unknown:
        raise UsageError(f"no kind is called {unknown[0]!r}; there are: {', '.join(sorted(KINDS))}")
    if variable or environment or not signed:
        units = asked.environments(log, environment, signed=signed)
        if variable:
            asked.check_variable(log, units, variable)
