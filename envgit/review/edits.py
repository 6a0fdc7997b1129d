"""Own what a proposal does to the rules themselves: envgit's configuration, sops's, and the workflow that runs this very review."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.audit.keyset import wider_reveal
from envgit.errors import ConfigError
from envgit.log.selection import Selection, config_at
from envgit.log.session import Session
from envgit.log.snapshots import REGULAR, Snapshots
from envgit.log.workflows import FOLDER as WORKFLOWS
from envgit.model import CONFIG_PATHS, CommitId, Config, ObjectId, Unit
from envgit.review.report import Code, Gravity, Note
from envgit.sops.reader import Reader
from envgit.words import label

RULES = ".sops.yaml"
MAX_WORKFLOW_BYTES = 1024 * 1024


def edits(run: Session, base: CommitId, head: CommitId, ruling: Config | None) -> Iterator[Note]:
    """Return what is to be said of files that are no environment and yet decide about them."""
    touched = [path for path in CONFIG_PATHS if _differs(run, base, head, path)]
    if touched:
        yield from _config(run, head, ruling, touched[0])
    if _differs(run, base, head, RULES):
        yield Note(Code.EDITS_RULES, Gravity.NOTE, (RULES,))
    for path in _workflows(run, base, head):
        yield Note(Code.EDITS_WORKFLOW, Gravity.WARNING, (path,))


def _differs(run: Session, base: CommitId, head: CommitId, path: str) -> bool:
    old, new = run.repo.entry_at(base, path), run.repo.entry_at(head, path)
    return (old and (old.id, old.mode)) != (new and (new.id, new.mode))


def _config(run: Session, head: CommitId, ruling: Config | None, path: str) -> Iterator[Note]:
    """Say what the configuration that is proposed would do, once it is on the base branch."""
    try:
        asked = config_at(run.repo, head, run.default_branch)
    except ConfigError as error:
        yield Note(Code.WRONG_CONFIG, Gravity.ERROR, (path,), detail=str(error))
        return
    snapshots = Snapshots(run.repo, Reader(None))
    tree = run.repo.commit(head).tree
    now = _units(run, snapshots, tree, ruling or Config())
    then = _units(run, snapshots, tree, asked or Config())
    if ruling is None and asked is not None:
        yield Note(Code.BRINGS_ENVGIT, Gravity.NOTE, tuple(sorted(set(map(label, then)))))
        return
    old, new = ruling or Config(), asked or Config()
    going = tuple(sorted(map(label, now - then)))
    yield Note(
        Code.EDITS_CONFIG,
        Gravity.WARNING if going or wider_reveal(old, new) else Gravity.NOTE,
        (path,),
        coming=tuple(sorted(map(label, then - now))),
        going=going,
        reveals=tuple(name for name in new.reveal if name not in old.reveal),
    )


def _units(run: Session, snapshots: Snapshots, tree: ObjectId, config: Config) -> set[Unit]:
    return set(Selection(run.repo, snapshots, config).files(tree))


def _workflows(run: Session, base: CommitId, head: CommitId) -> Iterator[str]:
    """Return the workflows that differ and that speak of envgit, in either version."""
    for path, old, new in run.repo.changed(run.repo.commit(base).tree, run.repo.commit(head).tree, _enters):
        if path.startswith(f"{WORKFLOWS}/"):
            files = [entry for entry in (old, new) if entry and entry.mode in REGULAR]
            small = [entry for entry in files if run.repo.size(entry.id) <= MAX_WORKFLOW_BYTES]
            if any(b"envgit" in run.repo.blob(entry.id) for entry in small):
                yield path


def _enters(directory: str) -> bool:
    return directory in (".github", WORKFLOWS)
