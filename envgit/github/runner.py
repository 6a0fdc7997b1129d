"""Own what is said to the runner: workflow commands on stdout, and its files of outputs and of the job's summary.

Nothing that others wrote may become a command: between the commands of ours the runner is told to heed none.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from envgit.errors import CannotTell
from envgit.escape import command_data, command_property, terminal

# A shorter one would blacken `1` and `true` all over the log.
MASKED_CHARACTERS = 4
# The runner shows no more of a step; what is beyond is dropped without a word.
MOST_ANNOTATIONS = 10
# A larger summary is dropped whole.
MAX_SUMMARY_BYTES = 1024 * 1024 - 1024


class Annotation(NamedTuple):
    """A note at a place: `level` is error, warning or notice; without a path it stands on the run's page alone."""

    level: str
    title: str
    message: str
    path: str = ""
    line: int = 0


class Runner:
    """The runner that this process is a step of; outside GitHub Actions nothing is written."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._present = environ.get("GITHUB_ACTIONS") == "true"
        self._output = environ.get("GITHUB_OUTPUT", "")
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self.folder = Path(environ.get("RUNNER_TEMP") or ".") / "envgit-report"
        self._stopped = ""
        self._masked: set[str] = set()

    def mask(self, values: Iterable[bytes]) -> None:
        """Have the runner blacken values, and each line of those that have several, in everything that any step logs from now on."""
        if not self._present:
            return
        wanted: dict[str, None] = {}
        for value in values:
            text = value.decode("utf-8", "replace")
            for part in (text, *text.splitlines()):
                if len(part.strip()) >= MASKED_CHARACTERS and part not in self._masked:
                    wanted[part] = None
        if wanted:
            self._masked.update(wanted)
            self._commands([f"::add-mask::{command_data(part)}" for part in wanted])

    def quiet(self) -> None:
        """Have the runner heed no command until one of ours: what is logged from now on may hold names that others chose."""
        if self._present and not self._stopped:
            self._stopped = secrets.token_hex(16)
            _write(f"\n::stop-commands::{self._stopped}\n")

    def resume(self) -> None:
        """Have the runner heed commands again: those of the steps to come."""
        if self._stopped:
            _write(f"\n::{self._stopped}::\n")
            self._stopped = ""

    def annotate(self, annotations: Iterable[Annotation]) -> None:
        """Show the gravest annotations, as many as the runner shows."""
        order = {"error": 0, "warning": 1, "notice": 2}
        chosen = sorted(annotations, key=lambda one: order[one.level])[:MOST_ANNOTATIONS]
        if self._present and chosen:
            self._commands([_annotation(one) for one in chosen])

    def output(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step; each value is one line."""
        if self._output:
            _append(
                self._output, "".join(f"{name}={terminal(value)}\n" for name, value in values.items()), "GITHUB_OUTPUT"
            )

    def summary(self, text: str) -> None:
        """Add to the job's summary."""
        if self._summary and len(text.encode()) <= MAX_SUMMARY_BYTES:
            _append(self._summary, text, "GITHUB_STEP_SUMMARY")

    def file(self, name: str, text: str) -> Path:
        """Write a file that later steps may use, and return where it is."""
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CannotTell(f"cannot write {path}: {error.strerror}") from None
        return path.absolute()

    def _commands(self, lines: list[str]) -> None:
        """Write commands, each at the start of a line whatever was written before: one that is not heeded would show a value."""
        stopped = self._stopped
        self.resume()
        _write("\n" + "\n".join(lines) + "\n")
        if stopped:
            self.quiet()


def _annotation(one: Annotation) -> str:
    place = f"file={command_property(terminal(one.path))},line={max(one.line, 1)}," if one.path else ""
    return f"::{one.level} {place}title={command_property(terminal(one.title))}::{command_data(terminal(one.message))}"


def _append(path: str, text: str, name: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CannotTell(f"cannot write to {name}: {error.strerror}") from None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
