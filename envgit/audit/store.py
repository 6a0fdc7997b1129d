"""Own what the verifier reads a log from: raw commits, and files in trees, whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from envgit.audit.canonical import MAX_BYTES
from envgit.audit.objects import BLOB_MODE, TREE_MODE, find_in_tree
from envgit.audit.tree import Path
from envgit.errors import CannotTell
from envgit.model import ObjectId

MAX_COMMIT = 64 * 1024  # an entry's has some 2 KiB


class Objects(Protocol):
    """What the verifier reads; each raises CannotTell where an object is not here."""

    def commit(self, oid: ObjectId) -> bytes:
        """Return a commit's raw bytes."""

    def blob(self, tree: ObjectId, path: Path) -> bytes | None:
        """Return a blob of a tree, None where the tree has none there or it is larger than an entry may be."""

    def object(self, oid: ObjectId) -> bytes:
        """Return the bytes of an object, whatever its kind."""


class StoredObjects:
    """A git object store for the verifier, by its `raw` (kind and bytes of an object) and its `size`."""

    __slots__ = ("_folder", "_raw", "_size")

    def __init__(self, raw: Callable[[ObjectId], tuple[str, bytes]], size: Callable[[ObjectId], int]) -> None:
        self._raw = raw
        self._size = size
        # The verifier looks for a hundred entries in a row in the same folder.
        self._folder: Callable[[ObjectId, Path], bytes] = lru_cache(maxsize=16)(self._folder_bytes)

    def commit(self, oid: ObjectId) -> bytes:
        """Return a commit's raw bytes, none for an object of another kind, or one that is too large to be an entry's."""
        if self._size(oid) > MAX_COMMIT:
            return b""
        kind, data = self._raw(oid)
        return data if kind == "commit" else b""

    def blob(self, tree: ObjectId, path: Path) -> bytes | None:
        """Return a blob of a tree, None where the tree has none there or it is larger than an entry may be."""
        row = find_in_tree(self._folder(tree, path[:-1]), path[-1].encode())
        if row is None:
            return None
        mode, oid = row
        size = self._size(oid) if mode == BLOB_MODE else 0
        if size > 2 * MAX_BYTES:
            raise CannotTell(f"object {oid[:12]} is too large to be looked at")
        if mode != BLOB_MODE or size > MAX_BYTES:
            return None
        kind, data = self._raw(oid)
        return data if kind == "blob" else None

    def object(self, oid: ObjectId) -> bytes:
        """Return the bytes of an object, whatever its kind."""
        return self._raw(oid)[1]

    def _folder_bytes(self, tree: ObjectId, path: Path) -> bytes:
        """Return the bytes of a tree in a tree, none where there is none."""
        oid = tree
        if path:
            row = find_in_tree(self._folder(tree, path[:-1]), path[-1].encode())
            if row is None or row[0] != TREE_MODE:
                return b""
            oid = row[1]
        kind, data = self._raw(oid)
        return data if kind == "tree" else b""
