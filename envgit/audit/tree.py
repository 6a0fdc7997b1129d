"""Own a directory tree of git, changed in memory: read lazily where it exists, and only what changed is written.

The recorder begins from the tip's tree and the verifier from nothing; both then go through the same code.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import pairwise

from envgit.audit.canonical import FormatError
from envgit.audit.objects import (
    BLOB_MODE,
    TREE_MODE,
    ObjectWrite,
    find_in_tree,
    is_plain_tree,
    tree_row,
    tree_rows,
    written,
)
from envgit.model import ObjectId

Loader = Callable[[ObjectId], bytes]
Path = tuple[str, ...]


class Directory:
    """One directory: its rows as git has them, in git's order, and the subdirectories looked into.

    The rows stay apart and are joined once a flush: a change replaces one, a new name goes between two.
    """

    __slots__ = (
        "_changed",
        "_children",
        "_id",
        "_keys",
        "_load",
        "_parts",
        "_raw",
        "_rows",
        "_whole",
        "blobs",
        "name",
    )

    def __init__(self, load: Loader, tree: ObjectId | None, own: bytes = b"") -> None:
        self._load = load
        self._id = tree
        self.name = own
        self._children: dict[bytes, Directory] = {}
        self._changed: dict[bytes, Directory] = {}  # those of them that a flush has to write
        self._rows: dict[bytes, tuple[bytes, ObjectId]] = {}
        self._keys: list[bytes] = []  # what the rows are sorted by
        self._parts: list[bytes] = []  # and the rows, in that order
        self.blobs: dict[bytes, bytes] = {}
        # To find one name costs no taking apart of the others.
        self._raw: bytes | None = load(tree) if tree is not None else None
        self._whole = tree is not None
        if self._raw is not None and not is_plain_tree(self._raw):
            self._take_apart()

    def row(self, name: bytes) -> tuple[bytes, ObjectId] | None:
        """Return mode and id of a name; the id of a directory that was changed is true after a flush."""
        return self._rows.get(name) if self._raw is None else find_in_tree(self._raw, name)

    def like(self, name: bytes) -> ObjectId | None:
        """Return the blob that one under a name is most like: what stands there, or else just before it."""
        self._take_apart()
        place = bisect_right(self._keys, name) - 1
        row = self._rows.get(self._keys[place]) if place >= 0 else None
        return row[1] if row is not None and row[0] == BLOB_MODE else None

    def child(self, name: bytes) -> Directory | None:
        """Return a subdirectory, None where there is none."""
        found = self._children.get(name)
        if found is None and (row := self.row(name)) is not None and row[0] == TREE_MODE:
            found = self._children[name] = Directory(self._load, row[1], name)
        return found

    def made(self, name: bytes) -> Directory:
        """Return a subdirectory, a new one where there is none; raise FormatError where something else is."""
        found = self.child(name)
        if found is None:
            self._take_apart()
            if name in self._rows:
                raise FormatError("a tree with something else where a directory belongs")
            found = self._children[name] = Directory(self._load, None, name)
        return found

    def put(self, name: bytes, oid: ObjectId) -> None:
        """Set the blob that stands under a name; raise FormatError where something else does."""
        self._take_apart()
        known = self._rows.get(name)
        if known is not None and known[0] != BLOB_MODE:
            raise FormatError("a tree with something else where a file belongs")
        self._set(BLOB_MODE, name, oid)

    def changes(self, child: Directory) -> None:
        """Let the next flush write a subdirectory."""
        self._changed[child.name] = child

    def names(self) -> list[bytes]:
        """Return the names in it, sorted."""
        self._take_apart()
        return sorted({*self._rows, *self._children})

    def forget(self) -> None:
        """Let go of the subdirectories that did not change since the last flush."""
        self._children = dict(self._changed)
        for child in self._changed.values():
            child.forget()

    def flush(self, out: list[ObjectWrite]) -> ObjectId:
        """Write what changed, children first, and return the tree's id."""
        if self._changed:
            self._take_apart()
        for name, child in self._changed.items():
            self._set(TREE_MODE, name, child.flush(out))
        self._changed.clear()
        if self._id is None or not self._whole:
            made = written("tree", b"".join(self._parts), self._id)
            self._id, self._whole = made.id, True
            out.append(made)
        return self._id

    def _take_apart(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            for mode, name, oid in tree_rows(raw):
                self._set(mode, name, oid)
            self._whole = True

    def _set(self, mode: bytes, name: bytes, oid: ObjectId) -> None:
        self._whole = False
        self._rows[name] = (mode, oid)
        # git sorts a directory as if its name ended in a slash.
        key = name + b"/" if mode == TREE_MODE else name
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            self._parts[place] = tree_row(mode, name, oid)
        else:
            self._keys.insert(place, key)
            self._parts.insert(place, tree_row(mode, name, oid))


class Tree:
    """A tree of directories and blobs; `load` returns the bytes of an object, asked only for what existed before.

    What is put stays in memory, since it may be in no store yet, but for folders named in `forget`: there it is written
    and not read again, and would only grow.
    """

    __slots__ = ("_folders", "_forget", "_fresh", "_load", "_root")

    def __init__(self, load: Loader | None = None, root: ObjectId | None = None, forget: tuple[str, ...] = ()) -> None:
        self._load = load or _nothing
        self._root = Directory(self._load, root)
        self._fresh: list[ObjectWrite] = []
        # By their paths, those that are not forgotten, each behind the ones above it. None knows what lies above: what is let go is gone.
        self._folders: dict[Path, tuple[Directory, ...]] = {}
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
        kept = path[0] not in self._forget
        chain = self._folders.get(path[:-1])
        if chain is None:
            chain = (self._root,)
            for part in path[:-1]:
                chain = (*chain, chain[-1].made(part.encode()))
            if kept:
                self._folders[path[:-1]] = chain
        for above, below in pairwise(chain):
            above.changes(below)
        directory = chain[-1]
        name = path[-1].encode()
        made = written("blob", data, directory.like(name))
        directory.put(name, made.id)
        if kept:
            directory.blobs[name] = data
        self._fresh.append(made)

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, none where there is none."""
        directory = self._walk(path)
        return [name.decode("utf-8", "replace") for name in directory.names()] if directory else []

    def flush(self) -> tuple[ObjectId, list[ObjectWrite]]:
        """Return the id of the tree as it is now, and every object that is new since the last flush."""
        out, self._fresh = self._fresh, []
        for name in self._forget:
            folder = self._root.child(name.encode())
            if folder is not None:
                folder.forget()
        return self._root.flush(out), out

    def _walk(self, path: Path) -> Directory | None:
        chain = self._folders.get(path)
        if chain is not None:
            return chain[-1]
        directory: Directory | None = self._root
        for part in path:
            directory = directory.child(part.encode()) if directory else None
        return directory


def _nothing(oid: ObjectId) -> bytes:
    raise FormatError(f"object {oid[:12]} is not in memory")
