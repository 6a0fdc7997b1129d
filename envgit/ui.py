"""Own the terminal: data to stdout, everything else to stderr, colour and progress only where a person looks.

Lines are printed as they come: the views have escaped what needs it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envgit.errors import CannotTell
from envgit.escape import terminal

_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


Advance = Callable[[int], None]
"""Report that so many more units of work are done."""


class ReaderGone(Exception):
    """Whoever read our output closed the pipe; click would make its own exit status of the real error."""


def prepare() -> None:
    """Make the standard streams take any text: what the terminal's encoding lacks is escaped, never an error."""
    if sys.stdout is None or sys.stderr is None:  # somebody closed them: there is nobody to tell
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def out(lines: Iterable[str] | str) -> None:
    """Print data."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    if text:
        _write(text + "\n")


def document(value: object) -> None:
    """Print one JSON document."""
    _write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as problem:
        raise CannotTell(f"cannot write the answer: {problem.strerror}") from None


def say(line: str) -> None:
    """Print a message that is no data."""
    sys.stderr.write(line + "\n")


def advises() -> bool:
    """Tell whether advice would reach a person: finding out what to advise may cost something."""
    return sys.stderr.isatty()


def advise(line: str) -> None:
    """Print advice, freshness or a count of what was left out: for a person only."""
    if sys.stderr.isatty():
        say(styled(line, "dim", stream_is_terminal=True))


def error(line: str) -> None:
    """Print the one line that an error is."""
    say(f"envgit: {terminal(line)}")


def width() -> int:
    """Return the columns of the terminal; a pipe is as wide as it takes."""
    if not sys.stdout.isatty():
        return 10_000
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 80


def styled(text: str, style: str, *, stream_is_terminal: bool | None = None) -> str:
    """Return `text` in a style where stdout (or the stream that is meant) is a terminal that wants colour."""
    terminal = sys.stdout.isatty() if stream_is_terminal is None else stream_is_terminal
    if not terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


@contextmanager
def progress(label: str, total: int) -> Iterator[Advance]:
    """Show a bar on stderr while work of `total` units goes on; on anything but a terminal, nothing."""
    # A runner may give a step a terminal. A bar leaves its line unfinished, and the runner heeds a command at a line's start alone.
    if not sys.stderr.isatty() or not total or os.environ.get("CI") or os.environ.get("GITHUB_ACTIONS"):
        yield lambda _units: None
        return
    # rich costs 34 ms to import: only a person who waits pays for it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda units: bar.advance(task, units)
