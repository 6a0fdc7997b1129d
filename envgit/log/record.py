"""Own the recorder: the steps of the source branch that the log does not have yet become entries, in order.

What is missing is told by the log alone, never by an event. Nothing here signs or writes: the entries go to whatever appends them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envgit.audit.entry import (
    Body,
    ChangeBody,
    ConfigBody,
    Event,
    FileChange,
    Merged,
    Review,
    RewriteBody,
    Source,
)
from envgit.audit.keyset import narrows
from envgit.diff import VariableChange
from envgit.errors import ConfigError, LogError
from envgit.git.history import Advance, Side, Step, steps
from envgit.git.repository import Repository
from envgit.log.branch import Log
from envgit.log.files import FileStep, Giver, Keys, describe
from envgit.log.selection import Selection, config_at, config_touched
from envgit.log.snapshots import Snapshots
from envgit.model import CommitId, Config, EnvFile, EventKind, ObjectId, Reason, Unit, Value


@dataclass(frozen=True, slots=True)
class Planned:
    """An entry that is to be appended: its kind and its body."""

    kind: str
    body: Body


def _nothing(_commit: CommitId) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Told:
    """What a run was told that git does not know: who runs it and where, and of a commit who pushed it and how it was reviewed."""

    actor: str = ""
    run: str = ""
    pushed_by: Callable[[CommitId], str | None] = _nothing
    review: Callable[[CommitId], Review | None] = _nothing


class Recorder:
    """Describe the steps that a log lacks; `warnings` collects what a person should hear of them."""

    def __init__(self, repo: Repository, snapshots: Snapshots, keys: Keys, log: Log, told: Told | None = None) -> None:
        self.told = told or Told()
        self.repo = repo
        self.snapshots = snapshots
        self.keys = keys
        self.log = log
        self.warnings: list[str] = []
        self.unopened = 0  # files that no identity opened
        self.selection = Selection(repo, snapshots, log.state.config)

    def distance(self, head: CommitId) -> int:
        """Return about how many commits lie between where the log stands and `head`."""
        return self.repo.count_first_parents(head, self.log.state.source_commit, None) or 0

    def missing(self, head: CommitId, advance: Advance | None = None) -> Iterator[Step]:
        """Return the steps from where the log stands to `head`, one at a time: each is judged under the configuration by then.

        `advance` is told of every commit that was looked at.
        """
        state = self.log.state

        def touches(old: ObjectId | None, new: ObjectId) -> bool:
            return self.selection.touches(old, new)

        previous = state.source_commit
        if previous is None and state.start is not None:
            yield Step(None, state.start, rewrite=False)
            previous = state.start
        yield from steps(self.repo, previous, head, touches, advance or (lambda _units: None))

    def describe(self, step: Step) -> Iterator[Planned]:
        """Return the entries that a step becomes: what it did, and the configuration that it brings."""
        if step.rewrite and step.previous is not None:
            yield self._rewrite(step.previous, step.commit)
        else:
            change = self._change(step)
            self._warn_of(change, step.commit)
            if change.files or not self._brings_config(step):
                yield Planned("change", change)
        if self._brings_config(step):
            yield self._config(step)

    def _warn_of(self, change: ChangeBody, commit: CommitId) -> None:
        for file in change.files:
            for event in file.events:
                if event.kind is EventKind.UNREADABLE and event.reason is Reason.NO_IDENTITY:
                    self.unopened += 1
                elif event.kind is EventKind.UNREADABLE:
                    self.warnings.append(
                        f"{file.path} at {commit[:7]} cannot be read ({event.reason}): recorded without values"
                    )

    def _change(self, step: Step) -> ChangeBody:
        old, new = self._tree(step.previous), self.repo.commit(step.commit).tree
        side = self.side(step.previous, step.commit)
        units: dict[Unit, list[EnvFile]] = {}
        found = list(self.selection.touched(old, new))
        self.repo.prefetch(side.id for touched in found for side in (touched.old, touched.new) if side)
        for touched in found:
            units.setdefault((touched.file.environment, touched.file.unit), [])
            if touched.new is not None:
                units[touched.file.environment, touched.file.unit].append(touched.file)
        files = (self._file(unit, arrived, old, new, side) for unit, arrived in sorted(units.items()))
        described = tuple(file for file in files if file is not None)
        return ChangeBody(self._source(step, side), described, self.told.review(step.commit))

    def _file(
        self, unit: Unit, arrived: list[EnvFile], old: ObjectId | None, new: ObjectId, side: Side | None
    ) -> FileChange | None:
        record = self.log.file(unit)
        known = record.path if record else None
        file = self._placed(unit, known, arrived, new)
        before = self.snapshots.at(old, known) if known and old else None
        after = self.snapshots.at(new, file.path) if file else None
        if file is None and known is None:
            return None
        step = FileStep(
            file=file or EnvFile(*unit, known or ""),
            record=record,
            variables=lambda name: self.log.variable(unit, name),
            names=lambda: self.log.names(unit) if known else (),
            before=before,
            after=after,
        )
        return describe(step, self.keys, self.selection.config, self.giver(step, known, side))

    def _placed(self, unit: Unit, known: str | None, arrived: list[EnvFile], tree: ObjectId) -> EnvFile | None:
        """Return where an environment's file is now: where it was, else where it came, else wherever the tree has it."""
        if (
            known
            and self.repo.entry_at(tree, known)
            and self.selection.environments.file(known) == EnvFile(*unit, known)
        ):
            others = [file.path for file in arrived if file.path != known]
            chosen: EnvFile | None = EnvFile(*unit, known)
        else:
            candidates = arrived or self.selection.files(tree).get(unit, [])
            chosen = min(candidates, key=lambda file: file.path) if candidates else None
            others = [file.path for file in candidates if file != chosen]
        if others and chosen:
            self.warnings.append(
                f"two files are {'+'.join(filter(None, unit))!r}: {chosen.path} is recorded, {others[0]} is not; "
                "name the part in which they differ by a placeholder in .envgit.yaml"
            )
        return chosen

    def side(self, previous: CommitId | None, commit: CommitId) -> Side | None:
        """Return what a merge brought in, None for a commit that is none."""
        return Side(self.repo, previous, commit) if len(self.repo.commit(commit).parents) > 1 else None

    def giver(self, step: FileStep, known: str | None, side: Side | None) -> Giver:
        """Return who gave a value of a file, which was at path `known` before: the side commit that git blame would come to."""
        if side is None:
            return lambda _change: None
        paths = list(dict.fromkeys(path for path in (step.file.path, known) if path))

        def value_at(commit: CommitId, name: str) -> Value | None:
            for path in paths:
                snapshot = self.snapshots.at(commit, path)
                if snapshot is not None:
                    return next((value for value in snapshot.values if value.name == name), None)
            return None

        def giver(change: VariableChange) -> CommitId | None:
            return side.giver(lambda commit: _same(value_at(commit, change.name), change.after))

        return giver

    def _source(self, step: Step, side: Side | None) -> Source:
        commit = self.repo.commit(step.commit)
        touching = side.touching(self.selection.touches) if side else ()
        return Source(
            branch=self.log.state.config.branch,
            commit=commit.id,
            previous=step.previous,
            author=commit.author,
            landed_at=commit.committer.time,
            pushed_by=self.told.pushed_by(step.commit) or "",
            merged=tuple(Merged(found, self.repo.commit(found).author) for found in touching),
        )

    def _rewrite(self, old: CommitId, new: CommitId) -> Planned:
        """Describe the net difference from the recorded state to `new`; what was recorded need not exist any more."""
        tree = self.repo.commit(new).tree
        old_tree = self._tree(old)
        now = self.selection.files(tree)
        units = sorted({*now, *(unit for unit, record in self.log.files() if record.path is not None)})
        files = (self._file(unit, now.get(unit, []), old_tree, tree, None) for unit in units)
        changed = tuple(file for file in files if file is not None)
        landed_at = self.repo.commit(new).committer.time
        return Planned("rewrite", RewriteBody(self.log.state.config.branch, old, new, landed_at, changed))

    def _tree(self, commit: CommitId | None) -> ObjectId | None:
        return self.repo.commit(commit).tree if commit is not None and self.repo.has(commit) else None

    def _brings_config(self, step: Step) -> bool:
        new = self.repo.commit(step.commit).tree
        old = self._tree(step.previous)
        if old is not None or step.previous is None:
            return config_touched(self.repo, old, new)
        try:
            return config_at(self.repo, new, self.selection.config.branch) != self.selection.config
        except ConfigError:
            return True

    def _config(self, step: Step) -> Planned:
        source, review = self._source(step, None), self.told.review(step.commit)
        problem = ""
        asked: Config | None = None
        try:
            asked = config_at(self.repo, step.commit, self.selection.config.branch)
        except ConfigError as error:
            self.warnings.append(f"the configuration of {step.commit[:7]} is wrong and changes nothing: {error}")
            problem = "invalid"
        if asked is None:
            return Planned(
                "config", ConfigBody(source, None, in_force=False, problem=problem or "missing", review=review)
            )
        tree = self.repo.commit(step.commit).tree
        coming, going = self._turnover(asked, tree)
        if (going or narrows(self.selection.config, asked)) and self.log.state.signers.threshold:
            return Planned("config", ConfigBody(source, asked, in_force=False, review=review))
        files = self._turned(asked, tree, coming, going)
        return Planned("config", ConfigBody(source, asked, in_force=True, files=files, review=review))

    def approved(self, of: int, config: Config, approvals: tuple[str, ...]) -> Planned:
        """Return the entry by which the configuration that entry `of` asks for comes into force, after the last recorded commit."""
        last = self.log.state.source_commit
        if last is None or not self.repo.has(last):
            raise LogError("the commit that was recorded last is not here; git fetch brings it")
        tree = self.repo.commit(last).tree
        source = self._source(Step(last, last, rewrite=False), None)
        files = self._turned(config, tree, *self._turnover(config, tree))
        return Planned("config", ConfigBody(source, config, in_force=True, files=files, of=of, approvals=approvals))

    def _turned(
        self, asked: Config, tree: ObjectId, coming: list[tuple[Unit, EnvFile]], going: list[Unit]
    ) -> tuple[FileChange, ...]:
        """Go over to another configuration, and return the files that it lets go and those that it brings in."""
        self.selection = Selection(self.repo, self.snapshots, asked)
        released = tuple(self._released(unit) for unit in going)
        created = (self._file(unit, [file], None, tree, None) for unit, file in coming)
        return (*released, *(file for file in created if file is not None))

    def _turnover(self, asked: Config, tree: ObjectId) -> tuple[list[tuple[Unit, EnvFile]], list[Unit]]:
        """Return the files that a configuration brings in, and the environments that it lets go."""
        now = Selection(self.repo, self.snapshots, asked).files(tree)
        recorded = {unit: record.path for unit, record in self.log.files() if record.path is not None}
        coming = [(unit, min(files, key=lambda file: file.path)) for unit, files in now.items() if unit not in recorded]
        return sorted(coming), sorted(unit for unit in recorded if unit not in now)

    def _released(self, unit: Unit) -> FileChange:
        record = self.log.file(unit)
        if record is None or record.path is None:
            raise ValueError("only what is recorded can be released")
        return FileChange(
            environment=unit[0],
            unit=unit[1],
            path=record.path,
            before=record.digest,
            after=None,
            state=None,
            events=(Event(EventKind.RELEASED),),
        )


def _same(value: Value | None, other: Value | None) -> bool:
    if value is None or other is None:
        return value is other
    if value.secret is not None and other.secret is not None:
        return value.secret == other.secret and value.type == other.type and value.clear == other.clear
    return value.token == other.token
