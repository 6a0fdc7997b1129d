"""Own every way out of a job: texts and documents pass the gate, which knows every value that the job has decrypted until then."""

from __future__ import annotations

import json
from collections.abc import Mapping

from envgit import ui
from envgit.config import revealed
from envgit.errors import EnvgitError
from envgit.escape import terminal
from envgit.gate import Gate
from envgit.github.runner import Annotation, Runner
from envgit.model import Config, Snapshot, ValueType
from envgit.render import Draft, vocabulary


class Outlet:
    """What leaves a job; `config` says which values are no secret."""

    def __init__(self, runner: Runner, config: Config | None = None) -> None:
        self.config = config or Config()
        self._runner = runner
        self._values: dict[bytes, str] = {}
        self._gate: Gate | None = None
        self._annotations: list[Annotation] = []

    def watch(self, snapshot: Snapshot) -> None:
        """Take note of what a file that was opened holds, and have the runner blacken it, before anything can be said of it."""
        fresh = {}
        for value in snapshot.values:
            if value.secret is not None and value.token and not revealed(self.config, value.name):
                data = value.secret.reveal()
                if data and data not in self._values:
                    fresh[data] = value
        if fresh:
            self._values |= {data: value.name for data, value in fresh.items()}
            self._gate = None
            # `true` would be blackened all over the log, and by its blackness be known.
            self._runner.mask(data for data, value in fresh.items() if value.type is not ValueType.BOOL)

    @property
    def gate(self) -> Gate:
        """The gate, knowing all values so far."""
        if self._gate is None:
            self._gate = Gate(((name, data) for data, name in self._values.items()), vocabulary())
        return self._gate

    def holds(self, text: str) -> bool:
        """Tell whether a text holds a value that is not revealed."""
        return self.gate.found(text) is not None

    def holds_value(self, value: bytes) -> bool:
        """Tell whether a value of a revealed name is, or holds, one that a hidden name has."""
        return self.holds(value.decode("utf-8", "surrogateescape"))

    def cleared(self, what: str, draft: Draft) -> str:
        """Return a document that may be sent; raise Leak where it would show a value."""
        return self.gate.check(what, draft.text, draft.fields)

    def summary(self, draft: Draft) -> None:
        """Add to the job's summary; raise Leak where it would show a value."""
        self._runner.summary(self.cleared("the job's summary", draft))

    def log(self, line: str) -> None:
        """Print a line; one that would show a value is withheld, and says so: to stop here would lose what was done."""
        shown = terminal(line)
        ui.out("(a line is withheld: it would show a value)" if self.holds(shown) else shown)

    def withheld(self, error: EnvgitError) -> EnvgitError:
        """Return an error that may be printed: itself, or one of its kind that says less."""
        return type(error)("something failed, and to say what would show a value") if self.holds(str(error)) else error

    def annotate(self, annotation: Annotation) -> None:
        """Keep an annotation for the end, when the gravest are shown."""
        if self.holds(f"{annotation.title} {annotation.message}"):
            annotation = Annotation(annotation.level, "envgit", "an annotation is withheld: it would show a value")
        self._annotations.append(annotation)

    def file(self, name: str, draft: Draft) -> str:
        """Write a file for later steps, and return its path; raise Leak where it would show a value."""
        return str(self._runner.file(name, self.cleared(name, draft)))

    def document(
        self, name: str, document: Mapping[str, object], typed: frozenset[str], shown: frozenset[str] = frozenset()
    ) -> str:
        """Write a JSON document for later steps, and return its path; `typed` and `shown` are the gate's."""
        self.gate.check_document(name, document, typed, shown)
        return str(self._runner.file(name, json.dumps(document, indent=1) + "\n"))

    def output(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step; these alone pass no gate: they are numbers, ids, states, names of environments and paths of ours."""
        self._runner.output(values)

    def finish(self) -> None:
        """Show the annotations."""
        self._runner.annotate(self._annotations)
        self._annotations.clear()
