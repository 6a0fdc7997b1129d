"""Own the reading and writing of git objects by their ids: whole, checked against their hash, fetched where git can fetch them."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pygit2
from pygit2.enums import ObjectType

from envgit.audit.objects import ObjectWrite
from envgit.errors import CannotTell, RepositoryError
from envgit.git.files import check_ref, common_of, stores
from envgit.model import CommitId, Digest, ObjectId

# Beyond so many objects one pack is written instead of as many files.
LOOSE_AT_MOST = 400
# No object that is asked for is larger: entries and env files have 16 MiB at most, a tree of half a million rows less.
MAX_OBJECT = 32 * 1024 * 1024
HEADER = 32
PIECE = 1024 * 1024

_KINDS = {"blob": ObjectType.BLOB, "tree": ObjectType.TREE, "commit": ObjectType.COMMIT}
_NAMES = {int(number): name for name, number in _KINDS.items()} | {int(ObjectType.TAG): "tag"}


class Absent(CannotTell):
    """An object is not here; the message names the command that fetches it."""


class Objects:
    """The objects of a repository; `start` is where the person stands.

    libgit2 compares every object with its hash as it reads it; git itself does not.
    """

    def __init__(self, repo: pygit2.Repository, start: Path) -> None:
        self.start = start
        self._repo = repo
        self._odb = repo.odb
        self.git_dir = Path(repo.path)
        # Whether git may be asked for what a partial clone lacks: it goes where the repository's settings say.
        self.fetches = True
        # Whether it may run what they name, too: they are the user's own where he has just made the clone.
        self.trusted = False
        self._sized = ""  # the object that was measured last

    @cached_property
    def common_dir(self) -> Path:
        """The directory that all work trees of the repository share."""
        return common_of(self.git_dir).resolve()

    @property
    def is_shallow(self) -> bool:
        """Whether a mark says that history was cut off at some depth; anybody can forge it, so nothing is concluded from it."""
        return self._repo.is_shallow

    @cached_property
    def is_partial(self) -> bool:
        """Whether objects were left out that a remote promised to give."""
        return any(
            name == b"extensions.partialclone"
            or (name.startswith(b"remote.") and name.endswith((b".promisor", b".partialclonefilter")))
            for name in (entry.raw_name for entry in self._repo.config)
        )

    def has(self, oid: str) -> bool:
        """Tell whether an object is here, without fetching it."""
        try:
            return self._odb.exists(pygit2.Oid(hex=oid))
        except ValueError:
            return False

    def raw(self, oid: ObjectId | CommitId, *, fetch: bool = True) -> tuple[str, bytes]:
        """Return kind and bytes of an object; raise Absent where it is not here, CannotTell where it is damaged.

        In a partial clone git is asked to fetch it first, unless `fetch` is false.
        """
        try:
            self._bounded(oid)
            number, data = self._read(oid)
        except KeyError:
            if fetch and self._fetched(oid):
                return self.raw(oid, fetch=False)
            raise Absent(self._absent(oid)) from None
        except (pygit2.GitError, ValueError, OSError):
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None
        return _NAMES[number], data

    def _read(self, oid: str) -> tuple[int, bytes]:
        found: tuple[int, bytes] = self._odb.read(pygit2.Oid(hex=oid))
        return found

    def _bounded(self, oid: str) -> None:
        """Raise CannotTell where an object is too large to be read, or cut off: libgit2 would read on, the latter without end."""
        if oid != self._sized and self._found_size(oid) > MAX_OBJECT:
            raise CannotTell(f"object {oid[:12]} is larger than {MAX_OBJECT >> 20} MiB")

    def _found_size(self, oid: str) -> int:
        """Return an object's size: of a loose one by its bytes, since its header may say anything."""
        loose = self._loose_size(oid) if oid[:2] in self._fans else None
        size = int(self._odb.read_header(pygit2.Oid(hex=oid))[1])
        if loose is not None and size <= MAX_OBJECT:  # else a pack has another under this name
            size = loose
        if size <= MAX_OBJECT:
            self._sized = oid
        return size

    def _loose_size(self, oid: str) -> int | None:
        try:
            sizes = [_measured(f"{fan}/{oid[2:]}") for fan in self._fans[oid[:2]]]
        except (OSError, zlib.error):
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None
        return max((size for size in sizes if size is not None), default=None)

    @cached_property
    def _fans(self) -> dict[str, tuple[Path, ...]]:
        """The folders in which loose objects lie, borrowed ones too; what is written later is our own, or read all the same."""
        found: dict[str, tuple[Path, ...]] = {}
        for store in stores(self.common_dir / "objects"):
            try:
                names = [fan.name for fan in store.iterdir() if len(fan.name) == 2]
            except OSError:  # what cannot be listed can be opened all the same
                names = [f"{number:02x}" for number in range(256)]
            for name in names:
                found[name.lower()] = (*found.get(name.lower(), ()), store / name)
        return found

    def _check_ref(self, name: str) -> None:
        """Raise RepositoryError where a ref, or what it leads to, is no file that has an end."""
        check_ref(dict.fromkeys((self.git_dir, self.common_dir)), name)

    def blob(self, oid: ObjectId) -> bytes:
        """Return a blob's bytes, whatever their number: ask `size` first."""
        return self.raw(oid)[1]

    def size(self, oid: ObjectId) -> int:
        """Return an object's size in bytes without reading it whole."""
        try:
            return self._found_size(oid)
        except KeyError:
            return len(self.raw(oid)[1])
        except (pygit2.GitError, ValueError, OSError):
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None

    def digest(self, oid: ObjectId) -> Digest:
        """Return the SHA-256 of a blob."""
        # Of a file that is too large to be looked into, this is what is recorded.
        try:
            return Digest(f"sha256:{sha256(self._read(oid)[1]).hexdigest()}")
        except (KeyError, pygit2.GitError, ValueError, OSError):
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None

    def prefetch(self, oids: Iterable[ObjectId]) -> None:
        """Have git fetch what a partial clone lacks of these objects, all at once; where it cannot, reading one will say so."""
        lacking = [oid for oid in dict.fromkeys(oids) if self.fetches and self.is_partial and not self.has(oid)]
        if lacking and not self.objection:
            from envgit.git.promisor import fetch_objects

            fetch_objects(self.git_dir, self._promisor, lacking)

    def write(self, objects: Iterable[ObjectWrite]) -> None:
        """Write objects; raise RepositoryError where that cannot be done.

        Nothing points to them yet, so that being killed here leaves only what git gc sweeps up.
        """
        found = list(objects)
        if len(found) > LOOSE_AT_MOST:
            # To ask for each whether it is here already would cost more than to write the few that are once more.
            from envgit.git.pack import write_pack

            write_pack(self.common_dir, found)
            return
        for item in found:
            if not self.has(item.id):
                self._write_loose(item)

    def _write_loose(self, item: ObjectWrite) -> None:
        try:
            found = str(self._odb.write(_KINDS[item.kind], item.data))
        except (pygit2.GitError, OSError) as error:
            raise RepositoryError(f"cannot write to {self.common_dir}: {reason(error)}") from None
        if found != item.id:
            raise RepositoryError(f"object {item.id[:12]} was written as {found[:12]}")

    def _fetched(self, oid: ObjectId | CommitId) -> bool:
        # Fetching the parent of a commit that a shallow clone ends with would bring the whole history with it.
        if not self.fetches or not self.is_partial or oid in self._cut_off:
            return False
        self.prefetch([ObjectId(oid)])
        return self.has(oid)

    @cached_property
    def objection(self) -> str:
        """The setting for whose sake git is not asked for what is missing, empty where there is none."""
        from envgit.git.promisor import objection

        return "" if self.trusted else objection(self.git_dir)

    @cached_property
    def _cut_off(self) -> frozenset[str]:
        return frozenset(self._beyond_shallow()) if self.is_shallow else frozenset()

    def _beyond_shallow(self) -> Iterator[str]:
        from envgit.git.rawcommit import links

        for word in (self.common_dir / "shallow").read_text(errors="replace").split():
            kind, data = self.raw(ObjectId(word), fetch=False) if self.has(word) else ("", b"")
            if kind == "commit":
                yield from links(CommitId(word), data).parents

    @property
    def _promisor(self) -> str:
        names = [name for name in self._repo.remotes.names() if name]
        promised = [name for name in names if f"remote.{name}.promisor" in self._repo.config]
        return (promised or names or ["origin"])[0]

    def _absent(self, oid: str) -> str:
        remote = self._promisor
        if oid in self._cut_off:
            return f"{oid[:12]} is not here, where this shallow clone ends; git fetch --unshallow {remote}"
        if self.is_partial and not self.fetches:
            return (
                f"{oid[:12]} is not in this partial clone; git cat-file -t {oid[:12]} fetches it, a whole clone has all"
            )
        if self.is_partial and self.objection:
            return (
                f"{oid[:12]} is not in this partial clone, and its own {self.objection} may name a program to fetch it by; "
                f"git cat-file -t {oid[:12]} if you trust that"
            )
        if self.is_partial:
            return f"{oid[:12]} is not in this partial clone and {remote} did not give it; git cat-file -t {oid[:12]} says why"
        if self.is_shallow:
            return f"{oid[:12]} is not in this shallow clone; git fetch --unshallow {remote}"
        return f"{oid[:12]} is not in this repository; git fetch {remote}, or git fsck, which says what else is missing"


def _measured(path: str) -> int | None:
    """Return the size of a loose object, None where there is none; raise zlib.error where the file is not one alone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise zlib.error("no file")
        return _inflated(opened)


def _inflated(file: BinaryIO) -> int:
    """Return the size of a loose object, or so much that it is too large; raise zlib.error where it is cut off, or the file goes on."""
    stream, size, head = zlib.decompressobj(), 0, 0
    while size <= MAX_OBJECT + HEADER and not stream.eof:
        data = stream.unconsumed_tail or file.read(PIECE)
        if not data or file.tell() > MAX_OBJECT + PIECE:
            raise zlib.error("cut off, or without end")
        piece = stream.decompress(data, PIECE)
        head = head or piece[:HEADER].find(b"\0") + 1
        size += len(piece)
    if stream.unused_data or (stream.eof and file.read(1)):
        raise zlib.error("goes on")
    return size - head


def reason(error: Exception) -> str:
    """Return why the file system refused something, on one line."""
    text = str(error.strerror if isinstance(error, OSError) and error.strerror else error)
    return text.splitlines()[0][:200] if text else type(error).__name__
