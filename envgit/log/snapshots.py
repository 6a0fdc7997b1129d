"""Own the way from a file at a commit to its snapshot: what git has there, read once for each distinct blob, as a file or as what is none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from envgit.fingerprint import digest
from envgit.git.repository import Repository, TreeEntry
from envgit.model import CommitId, Digest, ObjectId, Reason, Snapshot
from envgit.sops.reader import MAX_BYTES, Reader, holds_sops_block

REGULAR = (0o100644, 0o100755, 0o100664)
SYMLINK = 0o120000

Watch = Callable[[Snapshot], None]

# One step needs both sides of every environment; a merge, some side commits more.
CACHED = 512


class Snapshots:
    """Read env files of a repository through one reader."""

    __slots__ = ("_cache", "_watch", "reader", "repo")

    def __init__(self, repo: Repository, reader: Reader, watch: Watch | None = None) -> None:
        """Begin; `watch` is told of every snapshot before anybody else sees it."""
        self.repo = repo
        self.reader = reader
        self._watch = watch
        self._cache: OrderedDict[tuple[bool, ObjectId], Snapshot] = OrderedDict()

    def at(self, where: CommitId | ObjectId, path: str) -> Snapshot | None:
        """Return what `path` holds at a commit or tree, None where it is not there."""
        return self.of(self.repo.entry_at(where, path))

    def of(self, entry: TreeEntry | None) -> Snapshot | None:
        """Return what a tree's entry holds; a directory is no file, so None."""
        if entry is None or entry.mode == 0o040000:
            return None
        key = entry.mode in REGULAR, entry.id  # a symbolic link may lead where the bytes of a file say
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        found = self._read(entry)
        if self._watch is not None:
            self._watch(found)
        self._cache[key] = found
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return found

    def is_env_file(self, entry: TreeEntry | None) -> bool:
        """Tell whether a blob holds a `sops` block."""
        if entry is None or entry.mode not in REGULAR or self.repo.size(entry.id) > MAX_BYTES:
            return False
        return holds_sops_block(self.repo.blob(entry.id))

    def _read(self, entry: TreeEntry) -> Snapshot:
        if entry.mode not in REGULAR:
            what = "a symbolic link" if entry.mode == SYMLINK else "a submodule"
            # A submodule has no bytes here: the id of its commit stands for them.
            data = self.repo.blob(entry.id) if entry.mode == SYMLINK else entry.id.encode()
            return Snapshot(digest(data), reason=Reason.NOT_SOPS, detail=f"it is {what}")
        if self.repo.size(entry.id) > MAX_BYTES:
            return Snapshot(
                Digest(self.repo.digest(entry.id)),
                reason=Reason.TOO_LARGE,
                detail=f"it is larger than {MAX_BYTES >> 20} MiB",
            )
        return self.reader.read(self.repo.blob(entry.id))
