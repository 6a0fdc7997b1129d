"""Own a directory tree of git, changed in memory: read lazily where it exists, and only what changed becomes new objects.

The recorder begins from the tip's tree and the verifier from nothing; both then go through the same code.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator

from envgit.audit.objects import BLOB_MODE, TREE_MODE, ObjectWrite, blob_id, tree_rows, written
from envgit.model import ObjectId

Loader = Callable[[ObjectId], bytes]
Path = tuple[str, ...]


class Directory:
    """One directory: rows by name as git stores them, and the subdirectories that were looked into."""

    __slots__ = ("_children", "_id", "_load", "_names", "_rows")

    def __init__(self, load: Loader, tree: ObjectId | None) -> None:
        self._load = load
        self._id = tree
        self._children: dict[bytes, Directory] = {}
        self._rows: dict[bytes, tuple[bytes, bytes]] = {}
        self._names: list[bytes] = []  # in git's order: a directory sorts as if its name ended in a slash
        if tree is not None:
            for mode, name, oid in tree_rows(load(tree)):
                self._rows[name] = (mode, bytes.fromhex(oid))
                self._names.append(_key(mode, name))

    def id_of(self, name: bytes) -> tuple[bytes, ObjectId] | None:
        """Return mode and id of an entry that is not dirty."""
        row = self._rows.get(name)
        return None if row is None else (row[0], ObjectId(row[1].hex()))

    def child(self, name: bytes, *, make: bool) -> Directory | None:
        """Return a subdirectory, made where it is asked for and not there."""
        if name in self._children:
            return self._children[name]
        row = self._rows.get(name)
        if row is not None and row[0] != TREE_MODE:
            return None
        if row is None and not make:
            return None
        found = Directory(self._load, ObjectId(row[1].hex()) if row else None)
        self._children[name] = found
        return found

    def put(self, mode: bytes, name: bytes, oid: ObjectId) -> None:
        """Set an entry."""
        if name not in self._rows:
            insort(self._names, _key(mode, name))
        self._rows[name] = (mode, bytes.fromhex(oid))
        self._id = None

    def names(self) -> list[bytes]:
        """Return the names in it."""
        return list(self._rows)

    def flush(self, out: list[ObjectWrite], dirty: set[Directory]) -> ObjectId:
        """Write what changed, children first, and return the tree's id."""
        for name, child in self._children.items():
            if child in dirty:
                self.put(TREE_MODE, name, child.flush(out, dirty))
        if self._id is None:
            made = written("tree", b"".join(self._encoded()))
            out.append(made)
            self._id = made.id
        return self._id

    def _encoded(self) -> Iterator[bytes]:
        for key in self._names:
            name = key.removesuffix(b"/")
            mode, oid = self._rows[name]
            yield b"%s %s\0%s" % (mode, name, oid)


class Tree:
    """A tree of directories and blobs; `load` returns the bytes of an object, and is asked only for what existed before."""

    __slots__ = ("_dirty", "_fresh", "_load", "_root", "_written")

    def __init__(self, load: Loader | None = None, root: ObjectId | None = None) -> None:
        self._load = load or _nothing
        self._root = Directory(self._load, root)
        self._fresh: dict[ObjectId, bytes] = {}  # blobs that no flush has handed out yet
        self._dirty: set[Directory] = {self._root}

    def get(self, path: Path) -> bytes | None:
        """Return the bytes of a blob, None where there is none."""
        directory = self._walk(path[:-1])
        row = directory.id_of(path[-1].encode()) if directory else None
        if row is None or row[0] != BLOB_MODE:
            return None
        return self._fresh[row[1]] if row[1] in self._fresh else self._load(row[1])

    def put(self, path: Path, data: bytes) -> None:
        """Set a blob; directories on the way are made."""
        directory = self._root
        for part in path[:-1]:
            found = directory.child(part.encode(), make=True)
            if found is None:
                raise ValueError("a blob stands where a directory should")
            directory = found
            self._dirty.add(directory)
        oid = blob_id(data)
        directory.put(BLOB_MODE, path[-1].encode(), oid)
        self._fresh[oid] = data

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, none where there is none."""
        directory = self._walk(path)
        return [name.decode("utf-8", "replace") for name in directory.names()] if directory else []

    def flush(self) -> tuple[ObjectId, list[ObjectWrite]]:
        """Return the id of the tree as it is now, and every object that is new since the last flush."""
        out = [ObjectWrite(oid, "blob", data) for oid, data in self._fresh.items()]
        root = self._root.flush(out, self._dirty)
        self._fresh.clear()
        self._dirty = {self._root}
        return root, out

    def _walk(self, path: Path) -> Directory | None:
        directory: Directory | None = self._root
        for part in path:
            directory = directory.child(part.encode(), make=False) if directory else None
        return directory


def _key(mode: bytes, name: bytes) -> bytes:
    return name + b"/" if mode == TREE_MODE else name


def _nothing(oid: ObjectId) -> bytes:
    raise KeyError(oid)


