"""Own the two sides of a comparison: commits, the index or the work tree, each with its listing and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from envgit import config as configuration
from envgit.audit.objects import blob_id
from envgit.environments import Environments
from envgit.errors import ConfigError, UsageError
from envgit.log.asked import matching
from envgit.log.selection import Selection, config_at
from envgit.log.session import Session
from envgit.log.snapshots import Snapshots
from envgit.model import CommitId, Config, ObjectId, Snapshot, Unit
from envgit.sops.reader import holds_sops_block

WORK_TREE = "work tree"
INDEX = "index"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compared: `base` None is an empty tree, `head` None the work tree, or the index where `cached`.

    Where neither side's configuration counts, `ruling` says which files are environments, and `shows` what may be shown.
    """

    base: CommitId | None
    head: CommitId | None
    base_text: str
    head_text: str
    paths: tuple[str, ...] = ()
    environment: str = ""
    cached: bool = False
    keyless: bool = False
    ruling: Config | None = None
    shows: Config | None = None

    @classmethod
    def parse(
        cls, run: Session, words: tuple[str, ...], environment: str, *, cached: bool = False, keyless: bool = False
    ) -> Request:
        """Resolve revisions and paths as git does; raise UsageError where a word is neither."""
        revisions, paths = _split(run, words)
        repo = run.repo
        if cached and (len(revisions) > 1 or any(".." in text for text in revisions)):
            raise UsageError("--cached compares the index with one revision, and two are named")
        if len(revisions) == 1 and "..." in revisions[0]:
            left, right = (part or "HEAD" for part in revisions[0].split("...", 1))
            head = repo.resolve(right)
            base = repo.merge_base(repo.resolve(left), head)
            if base is None:
                raise UsageError(f"{left} and {right} have no common ancestor; name two revisions instead")
            return cls(base, head, left, right, paths, environment, keyless=keyless)
        if len(revisions) == 1 and ".." in revisions[0]:
            revisions = [part or "HEAD" for part in revisions[0].split("..", 1)]
        if len(revisions) > 2:
            raise UsageError("more than two revisions; paths come after --")
        base_text = revisions[0] if revisions else "HEAD"
        older = None if repo.is_empty and not revisions else repo.resolve(base_text)
        newer = repo.resolve(revisions[1]) if len(revisions) == 2 else None
        if newer is None and repo.work_dir is None:
            raise UsageError("a bare repository has no work tree; name two revisions: envgit diff HEAD~1 HEAD")
        head_text = revisions[1] if len(revisions) == 2 else INDEX if cached else WORK_TREE
        return cls(older, newer, base_text, head_text, paths, environment, cached, keyless)

    def within(self, *paths: str | None) -> bool:
        """Tell whether one of a file's paths is asked for: itself, or a directory above it."""
        return not self.paths or any(_below(path, wanted) for path in paths if path for wanted in self.paths)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: `listing` maps each path that may be an env file to what names its content.

    Of the paths in `unmerged` there is no one file, so no snapshot either.
    """

    config: Config
    environments: Environments
    listing: Mapping[str, str]
    snapshot: Callable[[str], Snapshot | None]
    is_env_file: Callable[[str], bool]
    warnings: tuple[str, ...] = ()
    unmerged: frozenset[str] = frozenset()

    def objects(self, paths: Iterable[str | None]) -> Iterator[ObjectId]:
        """Return the blobs that hold files of this side; those of a work tree may be in no repository."""
        here = (path for path in paths if path and path in self.listing and path not in self.unmerged)
        return (ObjectId(self.listing[path].partition(" ")[2]) for path in here)


def check_asked(run: Session, snapshots: Snapshots, request: Request, base: Side, head: Side) -> None:
    """Raise UsageError where a path, or the environments that are asked for, are on neither side: no difference there is no answer."""
    for path in request.paths:
        if not _is_there(run, request, path):
            where = "what git tracks here" if request.head is None else request.head_text
            raise UsageError(f"nothing is at {path!r} in {request.base_text} or in {where}; git ls-files lists what is")
    if request.environment:
        matching(_known(run, snapshots, request, base, head), request.environment)


def _is_there(run: Session, request: Request, path: str) -> bool:
    commits = [commit for commit in (request.base, request.head) if commit is not None]
    if not path or any(run.repo.entry_at(commit, path) for commit in commits):
        return True
    return request.head is None and any(_below(tracked, path) for tracked, _mode in run.repo.index_paths())


def _known(run: Session, snapshots: Snapshots, request: Request, base: Side, head: Side) -> Iterator[Unit]:
    """Return the environments of both sides: what is compared, and what each side's own configuration selects."""
    for commit, side in ((request.base, base), (request.head, head)):
        for path in side.listing:
            file = side.environments.file(path)
            if file and (not side.environments.by_content or side.is_env_file(path)):
                yield file.environment, file.unit
        if not side.config.environments:
            continue
        if commit is not None:
            yield from Selection(run.repo, snapshots, side.config).files(run.repo.commit(commit).tree)
        elif side is head:
            own = Environments(side.config)
            files = (own.file(path) for path, _mode in run.repo.index_paths())
            yield from ((file.environment, file.unit) for file in files if file)


def _below(path: str, wanted: str) -> bool:
    """Tell whether a path is `wanted` or lies below it; the top is empty."""
    return not wanted or path == wanted or path.startswith(wanted + "/")


def sides(run: Session, snapshots: Snapshots, request: Request) -> tuple[Side, Side]:
    """Return both sides. Which files are env files is the older side's word; a first configuration speaks for itself."""
    old, told = _config_of(run, request.base) if request.base else (None, ())
    new, added = _config_of(run, request.head) if request.head else _config_of_files(run, request.cached)
    default = Config(branch=run.default_branch)
    chosen = Environments(request.ruling or old or new or default)
    base = _commit_side(run, snapshots, request.base, old or default, chosen, told)
    if request.head is not None:
        return base, _commit_side(run, snapshots, request.head, new or default, chosen, added)
    return base, _file_side(run, snapshots, request.cached, new or default, chosen, added)


def _config_of(run: Session, commit: CommitId) -> tuple[Config | None, tuple[str, ...]]:
    try:
        return config_at(run.repo, commit, run.default_branch), ()
    except ConfigError as error:
        return None, (f"{commit[:7]}: {error}",)


def _config_of_files(run: Session, cached: bool) -> tuple[Config | None, tuple[str, ...]]:
    read = run.repo.index_file if cached else run.repo.work_file
    for path in configuration.PATHS:
        if (data := read(path)) is not None:
            try:
                parsed = configuration.parse(data, path, run.default_branch)
            except ConfigError as error:
                return None, (str(error),)
            return parsed.config, parsed.warnings
    return None, ()


def _commit_side(
    run: Session,
    snapshots: Snapshots,
    commit: CommitId | None,
    config: Config,
    environments: Environments,
    warnings: tuple[str, ...],
) -> Side:
    entries = {}
    if commit is not None:
        tree = run.repo.commit(commit).tree
        entries = {
            entry.path: entry for entry in run.repo.files(tree, environments.enters) if environments.file(entry.path)
        }
    return Side(
        config,
        environments,
        {path: f"{entry.mode:o} {entry.id}" for path, entry in entries.items()},
        lambda path: snapshots.of(entries.get(path)),
        lambda path: snapshots.is_env_file(entries.get(path)),
        warnings,
    )


def _file_side(
    run: Session,
    snapshots: Snapshots,
    cached: bool,
    config: Config,
    environments: Environments,
    warnings: tuple[str, ...],
) -> Side:
    """List tracked files as git diff does: from the index, with the work tree's bytes unless `cached`."""
    read = run.repo.index_file if cached else run.repo.work_file
    parted = {path: ids for path, ids in run.repo.unmerged().items() if environments.file(path)} if cached else {}
    tracked = {path: mode for path, mode in run.repo.index_paths() if environments.file(path)}
    content = {path: data for path in tracked if (data := read(path)) is not None}

    def contents(path: str) -> Iterator[bytes]:
        yield from (content[path],) if path in content else map(run.repo.blob, parted.get(path, ()))

    return Side(
        config,
        environments,
        {path: f"{tracked[path]:o} {blob_id(data)}" for path, data in content.items()}
        | dict.fromkeys(parted, "unmerged"),
        lambda path: snapshots.reader.read(content[path]) if path in content else None,
        lambda path: any(map(holds_sops_block, contents(path))),
        warnings,
        frozenset(parted),
    )


def _split(run: Session, words: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Tell revisions from paths: what follows `--` is a path, and so is the first word that is no revision but a file."""
    if "--" in words:
        cut = words.index("--")
        return list(words[:cut]), tuple(run.repo.relative(path) for path in words[cut + 1 :])
    for number, word in enumerate(words):
        if not run.repo.is_revision(word) and run.repo.is_path(word):
            return list(words[:number]), tuple(run.repo.relative(path) for path in words[number:])
    return list(words), ()
