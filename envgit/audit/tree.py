"""Own a directory tree of git, changed in memory: read lazily where it exists, and only what changed is written.

The recorder begins from the tip's tree and the verifier from nothing; both then go through the same code.
"""

from __future__ import annotations

from collections.abc import Callable

from envgit.audit.canonical import FormatError
from envgit.audit.objects import (
    BLOB_MODE,
    ID_BYTES,
    TREE_MODE,
    ObjectWrite,
    object_id,
    tree_row,
    tree_rows,
    written,
)
from envgit.model import ObjectId

Loader = Callable[[ObjectId], bytes]
Path = tuple[str, ...]


class Directory:
    """One directory: the bytes that git has of it, kept true under changes, and the subdirectories looked into.

    A new id for a known name is a splice of 20 bytes, a name behind the last one is appended; only one in between makes
    all rows be sorted and joined again, once a flush.
    """

    __slots__ = ("_children", "_id", "_last", "_load", "_places", "_raw", "_rows", "blobs")

    def __init__(self, load: Loader, tree: ObjectId | None) -> None:
        self._load = load
        self._id = tree
        self._children: dict[bytes, Directory] = {}
        self._rows: dict[bytes, tuple[bytes, ObjectId]] = {}
        self._places: dict[bytes, int] = {}  # where the id of a name stands in the bytes
        self._raw: bytearray | None = bytearray()  # None while the rows have to be joined again
        self._last = b""
        self.blobs: dict[bytes, bytes] = {}
        for mode, name, oid in tree_rows(load(tree)) if tree is not None else ():
            self._rows[name] = (mode, oid)
            self._append(mode, name, oid)

    def row(self, name: bytes) -> tuple[bytes, ObjectId] | None:
        """Return mode and id of a name; the id of a directory that was changed is true after a flush."""
        return self._rows.get(name)

    def child(self, name: bytes) -> Directory | None:
        """Return a subdirectory, None where there is none."""
        row = self._rows.get(name)
        if name not in self._children and row is not None and row[0] == TREE_MODE:
            self._children[name] = Directory(self._load, row[1])
        return self._children.get(name)

    def made(self, name: bytes) -> Directory:
        """Return a subdirectory, a new one where there is none; raise FormatError where something else is."""
        found = self.child(name)
        if found is None:
            if name in self._rows:
                raise FormatError("a tree with something else where a directory belongs")
            found = self._children[name] = Directory(self._load, None)
        return found

    def put(self, mode: bytes, name: bytes, oid: ObjectId) -> None:
        """Set what stands under a name."""
        known = self._rows.get(name)
        self._rows[name] = (mode, oid)
        self._id = None
        if self._raw is None:
            return
        if known is None and _key(mode, name) > self._last:
            self._append(mode, name, oid)
        elif known is not None and known[0] == mode:
            place = self._places[name]
            self._raw[place : place + ID_BYTES] = bytes.fromhex(oid)
        else:
            self._raw = None

    def names(self) -> list[bytes]:
        """Return the names in it, sorted."""
        return sorted({*self._rows, *self._children})

    def flush(self, out: list[ObjectWrite], changed: set[Directory]) -> ObjectId:
        """Write what changed, children first, and return the tree's id."""
        for name, child in self._children.items():
            if child in changed:
                self.put(TREE_MODE, name, child.flush(out, changed))
        if self._id is None:
            raw = self._joined()
            self._id = object_id("tree", raw)
            out.append(ObjectWrite(self._id, "tree", bytes(raw)))
        return self._id

    def _append(self, mode: bytes, name: bytes, oid: ObjectId) -> None:
        if self._raw is not None:
            self._raw += tree_row(mode, name, oid)
            self._places[name] = len(self._raw) - ID_BYTES
        self._last = _key(mode, name)

    def _joined(self) -> bytearray:
        if self._raw is None:
            self._raw = bytearray()
            for name, (mode, oid) in sorted(self._rows.items(), key=lambda row: _key(row[1][0], row[0])):
                self._append(mode, name, oid)
        return self._raw


class Tree:
    """A tree of directories and blobs; `load` returns the bytes of an object, asked only for what existed before.

    What is put stays in memory, since it may be in no store yet, but for folders named in `forget`: there it is written
    and not read again, and would only grow.
    """

    __slots__ = ("_changed", "_forget", "_fresh", "_load", "_root")

    def __init__(self, load: Loader | None = None, root: ObjectId | None = None, forget: tuple[str, ...] = ()) -> None:
        self._load = load or _nothing
        self._root = Directory(self._load, root)
        self._fresh: list[ObjectWrite] = []
        self._changed: set[Directory] = {self._root}
        self._forget = forget

    def get(self, path: Path) -> bytes | None:
        """Return the bytes of a blob, None where there is none."""
        directory = self._walk(path[:-1])
        name = path[-1].encode()
        row = directory.row(name) if directory else None
        if directory is None or row is None or row[0] != BLOB_MODE:
            return None
        known = directory.blobs.get(name)
        return known if known is not None else self._load(row[1])

    def put(self, path: Path, data: bytes) -> None:
        """Set a blob; directories on the way are made. Raise FormatError where something else stands in the way."""
        directory = self._root
        for part in path[:-1]:
            directory = directory.made(part.encode())
            self._changed.add(directory)
        name = path[-1].encode()
        made = written("blob", data)
        directory.put(BLOB_MODE, name, made.id)
        if path[0] not in self._forget:
            directory.blobs[name] = data
        self._fresh.append(made)

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, none where there is none."""
        directory = self._walk(path)
        return [name.decode("utf-8", "replace") for name in directory.names()] if directory else []

    def flush(self) -> tuple[ObjectId, list[ObjectWrite]]:
        """Return the id of the tree as it is now, and every object that is new since the last flush."""
        out, self._fresh = self._fresh, []
        root = self._root.flush(out, self._changed)
        self._changed = {self._root}
        return root, out

    def _walk(self, path: Path) -> Directory | None:
        directory: Directory | None = self._root
        for part in path:
            directory = directory.child(part.encode()) if directory else None
        return directory


def _key(mode: bytes, name: bytes) -> bytes:
    """Return what git sorts a row by: a directory as if its name ended in a slash."""
    return name + b"/" if mode == TREE_MODE else name


def _nothing(oid: ObjectId) -> bytes:
    raise FormatError(f"object {oid[:12]} is not in memory")
