"""Own the comparison of two sides that a person names: which files differ between them, and what may be shown of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envgit.audit.entry import Event
from envgit.diff import FileDiff, VariableChange, compare, readable
from envgit.fingerprint import FingerprintKey
from envgit.log.blame import selected
from envgit.log.files import Keys
from envgit.log.session import Session
from envgit.log.sides import Request, Side, check_asked, sides
from envgit.log.snapshots import Snapshots
from envgit.model import ChangeKind, Config, Digest, EnvFile, Fingerprint, Mac, Reason, Snapshot, Unit
from envgit.redact import NOTHING_SHOWN, Redacted, redact
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """One change with what may be said of it, and fingerprints where the log has a key."""

    change: VariableChange
    shown: Redacted = NOTHING_SHOWN
    before: Fingerprint | None = None
    after: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class FileDifference:
    """What happened to one file; `keyless` says why its values were not compared, empty where they were.

    `unmerged`: a merge left it in conflict, so that there is no newer side. `state` names what the file holds now, under the log's
    key; None where there is no key here, or a value is unknown.
    """

    file: EnvFile
    events: tuple[Event, ...]
    changes: tuple[ChangeShown, ...]
    before: Snapshot | None
    after: Snapshot | None
    unchanged: int = 0
    keyless: str = ""
    problem: str = ""
    state: Digest | None = None
    unmerged: bool = False

    @property
    def unread(self) -> bool:
        """Whether a side is there of which no variable is known, so that the two could not be compared."""
        return self.unmerged or self.unread_before or (self.after is not None and not readable(self.after))

    @property
    def unread_before(self) -> bool:
        """Whether the older side is there and no variable of it is known."""
        return self.before is not None and not readable(self.before)


@dataclass(frozen=True, slots=True)
class Difference:
    """Every file that differs between `base` and `head`.

    `names` are what `.sops.yaml` calls recipients, so claims. `nothing` is what to say where no file differs, `same` are the other
    environments of the newer side.
    """

    base: str
    head: str
    files: tuple[FileDifference, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    nothing: str = ""
    same: tuple[str, ...] = ()


def difference(run: Session, request: Request) -> Difference:
    """Compare the two sides of a request: plaintext first, redaction second."""
    keyring = None if request.keyless else Keyring.discover(run.environ, run.home)
    snapshots = Snapshots(run.repo, Reader(keyring), run.watch)
    base, head = sides(run, snapshots, request)
    told = _Told(run, keyring, request.shows)
    units = _units(base, head)
    # In a partial clone one request for all, not one for each.
    run.repo.prefetch(base.objects(old for old, _new in units.values()))
    run.repo.prefetch(head.objects(new for _old, new in units.values()))
    wanted = set(selected(units, request.environment))
    if request.paths or not wanted:
        check_asked(run, snapshots, request, base, head)
    found = [
        file
        for unit, (old, new) in sorted(units.items())
        if unit in wanted and request.within(old, new) and (file := _file(unit, old, new, base, head, told)) is not None
    ]
    return Difference(
        request.base_text,
        request.head_text,
        tuple(found),
        recipient_names(run),
        (*base.warnings, *head.warnings),
        _nothing(request, units),
        _same(head, found),
    )


def recipient_names(run: Session) -> dict[str, str]:
    """Return the names that `.sops.yaml` gives recipients, as far as it can be read."""
    if run.ruling is not None:
        data = run.file_at(run.ruling, ".sops.yaml")
    else:
        data = run.repo.work_file(".sops.yaml") if run.repo.work_dir else None
    if not data:
        return {}
    from envgit.sops.creation_rules import names_of_recipients

    return dict(names_of_recipients(data))


class _Told:
    """What the log, where there is one, adds to a difference: fingerprints under its keys."""

    def __init__(self, run: Session, keyring: Keyring | None, shows: Config | None) -> None:
        self.log = run.log
        self.shows = shows
        self.keys = Keys(keyring)

    def config(self, base: Side) -> Config:
        """Return the configuration that says what may be shown: the one in force, without a log that of the older side.

        Whoever proposes the newer side could reveal everything with it.
        """
        if self.shows is not None:
            return self.shows
        return self.log.state.config if self.log is not None else base.config

    def key(self, unit: Unit) -> FingerprintKey | None:
        record = self.log.file(unit) if self.log is not None else None
        return self.keys.open(record.key) if record is not None else None


def _units(base: Side, head: Side) -> dict[Unit, tuple[str | None, str | None]]:
    """Pair the paths of both sides by environment and unit, as far as their content differs."""
    if not head.environments.by_content:
        head.environments.assign(
            sorted(head.listing)
        )  # two files that are one environment are an error that names both
    paths: dict[Unit, list[str | None]] = {}
    for number, (side, other) in enumerate(((base, head), (head, base))):
        for path in side.listing:
            if side.listing.get(path) == other.listing.get(path):
                continue
            file = side.environments.file(path)
            if file is None or (
                side.environments.by_content and not side.is_env_file(path) and not other.is_env_file(path)
            ):
                continue
            pair = paths.setdefault((file.environment, file.unit), [None, None])
            if pair[number] is None:
                pair[number] = path
    return {unit: (pair[0], pair[1]) for unit, pair in paths.items()}


def _file(unit: Unit, old: str | None, new: str | None, base: Side, head: Side, told: _Told) -> FileDifference | None:
    before = base.snapshot(old) if old else None
    after = head.snapshot(new) if new else None
    moved = old if old and new and old != new else ""
    if new in head.unmerged:
        return FileDifference(EnvFile(*unit, new or ""), (), (), before, None, unmerged=True)
    diff = compare(before, after, moved or "")
    if not diff.events and not diff.changes and (before is None or readable(before)):
        return None
    key = told.key(unit)
    newest = after or before
    return FileDifference(
        EnvFile(*unit, new or old or ""),
        diff.events,
        tuple(_change(change, told.config(base), key) for change in diff.changes),
        before,
        after,
        unchanged=_unchanged(diff, after) if before and readable(before) else 0,
        keyless=_keyless(before, after),
        problem=newest.detail if newest and (newest.mac is Mac.INVALID or not readable(newest)) else "",
        state=key.state(after.values) if key and after and after.reason is None else None,
    )


def _change(change: VariableChange, config: Config, key: FingerprintKey | None) -> ChangeShown:
    before = key.of_value(change.before) if key and change.before else None
    after = key.of_value(change.after) if key and change.after else None
    return ChangeShown(change, redact(change, config), before, after)


def _unchanged(diff: FileDiff, after: Snapshot | None) -> int:
    changed = {change.name for change in diff.changes if change.kind is not ChangeKind.REMOVED}
    return sum(value.name not in changed for value in after.values) if after else 0


def _keyless(before: Snapshot | None, after: Snapshot | None) -> str:
    for snapshot in (after, before):
        if snapshot is not None and snapshot.reason is Reason.NO_IDENTITY:
            return snapshot.detail
    return ""


def _same(head: Side, found: list[FileDifference]) -> tuple[str, ...]:
    """Return the environments of the newer side to which nothing happened."""
    if head.environments.by_content:  # to tell which files hold a sops block, all would have to be read
        return ()
    there = {file.environment for path in head.listing if (file := head.environments.file(path)) is not None}
    return tuple(sorted(there - {file.file.environment for file in found}))


def _nothing(request: Request, units: Mapping[Unit, tuple[str | None, str | None]]) -> str:
    if units:
        return "no environment that you asked for differs"
    if request.head is None:
        return f"no environment differs between {request.base_text} and the {request.head_text}; try envgit diff HEAD~1, or main..."
    return f"no environment differs between {request.base_text} and {request.head_text}"
