"""Own pygit2: every read of a repository, and the writes of objects and refs. The index, the work tree and HEAD are never touched.

Commits are read from their raw bytes: libgit2 lets `.git/shallow` and grafts rewrite parents, and strangers can forge both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pygit2

from envgit.audit.objects import ObjectWrite, tree_rows
from envgit.errors import CannotTell, RepositoryError, UsageError
from envgit.git.rawcommit import parse
from envgit.model import Commit, CommitId, Digest, ObjectId

TREE = 0o040000
GITLINK = 0o160000

# Beyond so many objects one pack is written instead of as many files.
LOOSE_AT_MOST = 400

_KINDS = {"blob": pygit2.GIT_OBJECT_BLOB, "tree": pygit2.GIT_OBJECT_TREE, "commit": pygit2.GIT_OBJECT_COMMIT}
_NAMES = {number: name for name, number in _KINDS.items()} | {pygit2.GIT_OBJECT_TAG: "tag"}

Enter = Callable[[str], bool]


class TreeEntry(NamedTuple):
    """A blob, symbolic link or submodule of a tree: its whole path, mode and id."""

    path: str
    mode: int
    id: ObjectId


class RefMoved(RepositoryError):
    """A ref is no longer where it was read: somebody else wrote."""


class Repository:
    """A git repository, found as git finds it from `start`."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self._repo = repo
        self.git_dir = Path(repo.path)
        self.work_dir = Path(repo.workdir) if repo.workdir else None
        self.commit: Callable[[CommitId], Commit] = lru_cache(maxsize=50_000)(self._commit)
        self._rows: Callable[[ObjectId], tuple[tuple[bytes, bytes, ObjectId], ...]] = lru_cache(maxsize=4_096)(
            lambda tree: tuple(tree_rows(self.raw(tree)[1]))
        )

    @classmethod
    def open(cls, start: Path) -> Repository:
        """Open the repository that `start` lies in; raise RepositoryError, saying what to do, where it cannot be read."""
        if not start.is_dir():
            raise UsageError(f"{str(start)!r} is no directory")
        for name in [name for name in os.environ if name.startswith("GIT_") and name not in _HARMLESS]:
            # libgit2 reads them too, and a hook's environment would redirect us into another repository.
            os.environ.pop(name)
        try:
            found = pygit2.discover_repository(str(start.absolute()))
        except (KeyError, pygit2.GitError):
            found = None
        if found is None:
            raise RepositoryError(f"{start.absolute()} is in no git repository; run envgit inside one, or name it with -C")
        try:
            return cls(pygit2.Repository(found, pygit2.enums.RepositoryOpenFlag.NO_SEARCH))
        except (pygit2.GitError, ValueError) as error:
            raise RepositoryError(_unsupported(Path(found), str(error))) from None

    @property
    def common_dir(self) -> Path:
        """The directory that all work trees of the repository share."""
        marker = self.git_dir / "commondir"
        try:
            return (self.git_dir / marker.read_text().strip()).resolve()
        except OSError:
            return self.git_dir.resolve()

    @property
    def is_empty(self) -> bool:
        """Whether HEAD names no commit yet."""
        return self._repo.head_is_unborn

    @property
    def is_shallow(self) -> bool:
        """Whether history was cut off at some depth."""
        return self._repo.is_shallow

    def has(self, oid: str) -> bool:
        """Tell whether an object is here."""
        return pygit2.Oid(hex=oid) in self._repo.odb

    def raw(self, oid: ObjectId | CommitId) -> tuple[str, bytes]:
        """Return kind and bytes of an object; raise CannotTell, with the command that fetches it, where it is not here."""
        try:
            number, data = self._repo.odb.read(pygit2.Oid(hex=oid))
        except KeyError:
            if self._lazily_fetched(oid):
                number, data = self._repo.odb.read(pygit2.Oid(hex=oid))
            else:
                raise CannotTell(self._absent(oid)) from None
        except (pygit2.GitError, ValueError):
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None
        return _NAMES[number], data

    def blob(self, oid: ObjectId) -> bytes:
        """Return a blob's bytes, whatever their number: ask `size` first."""
        return self.raw(oid)[1]

    def size(self, oid: ObjectId) -> int:
        """Return an object's size in bytes without reading it whole."""
        try:
            return int(self._repo.odb.read_header(pygit2.Oid(hex=oid))[1])
        except KeyError:
            return len(self.raw(oid)[1])
        except pygit2.GitError:
            raise CannotTell(f"object {oid[:12]} is damaged; git fsck says more") from None

    def digest(self, oid: ObjectId) -> Digest:
        """Return the SHA-256 of a blob that may be large, read in pieces."""
        total = sha256()
        with pygit2.BlobIO(self._repo[oid]) as stream:
            while piece := stream.read(1 << 20):
                total.update(piece)
        return Digest(f"sha256:{total.hexdigest()}")

    def _commit(self, oid: CommitId) -> Commit:
        kind, data = self.raw(oid)
        if kind != "commit":
            raise RepositoryError(f"{oid[:12]} is a {kind}, not a commit")
        return parse(oid, data)

    def entry_at(self, where: CommitId | ObjectId, path: str) -> TreeEntry | None:
        """Return what a commit or tree has at `path`: a blob, link, submodule or directory, None where it has nothing."""
        tree = self._tree_of(where)
        parts = path.encode("utf-8", "surrogateescape").split(b"/")
        for number, part in enumerate(parts):
            row = next((row for row in self._rows(tree) if row[1] == part), None)
            if row is None:
                return None
            mode = int(row[0], 8)
            if number == len(parts) - 1:
                return TreeEntry(path, mode, row[2])
            if mode != TREE:
                return None
            tree = row[2]
        return None

    def files(self, tree: ObjectId, enter: Enter) -> Iterator[TreeEntry]:
        """Return every entry below a tree that is no directory, in git's order; directories that `enter` refuses are left out."""
        return self._files(tree, "", enter)

    def _files(self, tree: ObjectId, prefix: str, enter: Enter) -> Iterator[TreeEntry]:
        for mode, name, oid in self._rows(tree):
            path = prefix + os.fsdecode(name)
            if int(mode, 8) == TREE:
                if enter(path):
                    yield from self._files(oid, path + "/", enter)
            else:
                yield TreeEntry(path, int(mode, 8), oid)

    def changed(
        self, old: ObjectId | None, new: ObjectId | None, enter: Enter
    ) -> Iterator[tuple[str, TreeEntry | None, TreeEntry | None]]:
        """Return (path, old, new) for every entry that differs between two trees; equal subtrees are not looked into."""
        return self._changed(old, new, "", enter)

    def _changed(
        self, old: ObjectId | None, new: ObjectId | None, prefix: str, enter: Enter
    ) -> Iterator[tuple[str, TreeEntry | None, TreeEntry | None]]:
        if old == new:
            return
        before = {row[1]: row for row in self._rows(old)} if old else {}
        after = {row[1]: row for row in self._rows(new)} if new else {}
        for name in sorted(before.keys() | after.keys()):
            left, right = before.get(name), after.get(name)
            if left == right:
                continue
            path = prefix + os.fsdecode(name)
            left_tree, right_tree = _subtree(left), _subtree(right)
            if (left_tree or right_tree) and enter(path):
                yield from self._changed(left_tree, right_tree, path + "/", enter)
            pair = _leaf(path, left), _leaf(path, right)
            if pair != (None, None):
                yield path, *pair

    def _tree_of(self, where: CommitId | ObjectId) -> ObjectId:
        kind, _data = self.raw(where)
        return self.commit(CommitId(where)).tree if kind == "commit" else ObjectId(where)

    def resolve(self, revision: str) -> CommitId:
        """Return the commit that a revision names, as git's revision syntax has it; raise UsageError where none is."""
        try:
            found = self._repo.revparse_single(revision).peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError):
            raise UsageError(f"{revision!r} is no revision here; git log shows which there are") from None
        return CommitId(str(found.id))

    def is_revision(self, text: str) -> bool:
        """Tell whether a word names a commit, or a range of them."""
        parts = [part or "HEAD" for part in text.replace("...", "..").split("..")] if ".." in text else [text]
        try:
            return all(self.resolve(part) for part in parts)
        except UsageError:
            return False

    def ref(self, name: str) -> ObjectId | None:
        """Return the object that a full ref name points to, None where there is no such ref."""
        try:
            found = self._repo.references[name].resolve()
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return ObjectId(str(found.target))

    def head_branch(self) -> str | None:
        """Return the branch that HEAD is on, None where it is detached."""
        target = self._repo.references["HEAD"].target if "HEAD" in self._repo.references else None
        if not isinstance(target, str):
            try:
                target = (self.git_dir / "HEAD").read_text().removeprefix("ref: ").strip()
            except OSError:
                return None
        return target.removeprefix("refs/heads/") if target.startswith("refs/heads/") else None

    def update_ref(self, name: str, new: CommitId, old: CommitId | None, message: str) -> None:
        """Move a ref from `old` (None: it must not exist) to `new`; raise RefMoved where it was not there any more."""
        try:
            if old is None:
                self._repo.create_reference(name, new, message=message)
                return
            reference = self._repo.references[name]
            if str(reference.target) != old:
                raise RefMoved(f"{name} moved while this ran; run it again")
            # libgit2 compares the value that was read with the one on disk, under the ref's own lock.
            reference.set_target(new, message)
        except (pygit2.AlreadyExistsError, pygit2.InvalidSpecError, KeyError):
            raise RefMoved(f"{name} moved while this ran; run it again") from None
        except (pygit2.GitError, OSError) as error:
            if "does not match" in str(error) or "modified" in str(error):
                raise RefMoved(f"{name} moved while this ran; run it again") from None
            raise RepositoryError(f"cannot move {name}: {_reason(error)}; nothing was recorded") from None

    def write(self, objects: Iterable[ObjectWrite]) -> None:
        """Write objects; nothing points to them yet, so that being killed here leaves only what git gc sweeps up."""
        found = [item for item in objects if not self.has(item.id)]
        try:
            if len(found) > LOOSE_AT_MOST:
                from envgit.git.pack import write_pack

                write_pack(self.common_dir, found)
                self._repo.odb.refresh() if hasattr(self._repo.odb, "refresh") else None
                return
            for item in found:
                self._repo.odb.write(_KINDS[item.kind], item.data)
        except (pygit2.GitError, OSError) as error:
            raise RepositoryError(f"cannot write to {self.git_dir}: {_reason(error)}; nothing was recorded") from None

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether `old` is `new` or lies behind it."""
        if old == new:
            return True
        if not self.has(old) or not self.has(new):
            return False
        return bool(self._repo.descendant_of(new, old))

    def merge_base(self, one: CommitId, other: CommitId) -> CommitId | None:
        """Return the best common ancestor of two commits, None where they have none."""
        found = self._repo.merge_base(one, other)
        return CommitId(str(found)) if found is not None else None

    def between(self, old: CommitId | None, new: CommitId) -> list[CommitId]:
        """Return the commits reachable from `new` and not from `old`, oldest first in a fixed order."""
        sort = pygit2.enums.SortMode.TOPOLOGICAL | pygit2.enums.SortMode.REVERSE
        walker = self._repo.walk(new, sort)
        if old is not None:
            walker.hide(old)
        return [CommitId(str(commit.id)) for commit in walker]

    def count_first_parents(self, head: CommitId, stop: CommitId | None, most: int | None) -> int | None:
        """Return how many commits of the first-parent line lie above `stop`, at most one more than `most`.

        None where the line ends without meeting `stop`.
        """
        number = 0
        commit: CommitId | None = head
        while commit is not None and commit != stop:
            number += 1
            if most is not None and number > most:
                return number
            parents = self.commit(commit).parents
            commit = parents[0] if parents else None
        return number if commit == stop else None

    def is_path(self, path: str) -> bool:
        """Tell whether a word names a file or directory here."""
        return self.work_dir is not None and (Path.cwd() / path).exists()

    def config(self, key: str) -> str | None:
        """Return a setting as git would have it here."""
        return _setting(self._repo.config, key)

    def global_config(self, key: str) -> str | None:
        """Return a setting of the user's own configuration: what the repository sets is not asked."""
        try:
            return _setting(pygit2.Config.get_global_config(), key)
        except OSError:
            return None

    def set_config(self, key: str, value: str) -> None:
        """Write a setting to the repository's own configuration."""
        try:
            self._repo.config[key] = value
        except (pygit2.GitError, OSError) as error:
            raise RepositoryError(f"cannot write {key} to {self.git_dir}config: {_reason(error)}") from None

    @property
    def remotes(self) -> list[str]:
        """The names of the remotes."""
        return [name for name in self._repo.remotes.names() if name]

    def remote_url(self, name: str) -> str | None:
        """Return a remote's address."""
        try:
            return self._repo.remotes[name].url
        except KeyError:
            return None

    def default_branch(self, remote: str) -> str | None:
        """Return the branch that a remote calls its default, as far as this clone knows."""
        prefix = f"refs/remotes/{remote}/"
        try:
            target = self._repo.references[prefix + "HEAD"].target
        except (KeyError, pygit2.GitError):
            return None
        return target.removeprefix(prefix) if isinstance(target, str) and target.startswith(prefix) else None

    def work_file(self, path: str) -> bytes | None:
        """Return a regular file's bytes in the work tree, None where there is none; symbolic links are not followed."""
        if self.work_dir is None:
            return None
        full = self.work_dir / path
        try:
            if full.is_symlink() or not full.is_file():
                return None
            return full.read_bytes()
        except OSError as error:
            raise RepositoryError(f"cannot read {path}: {error.strerror}") from None

    def index_file(self, path: str) -> bytes | None:
        """Return a file's staged bytes, None where the index has none."""
        try:
            return self.blob(ObjectId(str(self._repo.index[path].id)))
        except KeyError:
            return None

    def index_paths(self) -> Iterator[tuple[str, int]]:
        """Return (path, mode) of every tracked file."""
        for entry in self._repo.index:
            yield entry.path, int(entry.mode)

    def relative(self, path: str) -> str:
        """Return a path as the repository has it, from one that a person wrote in the current directory."""
        if self.work_dir is None:
            return path
        full = Path(os.path.normpath(Path.cwd() / path))
        try:
            return "" if full == self.work_dir else str(full.relative_to(self.work_dir))
        except ValueError:
            return path

    def _absent(self, oid: str) -> str:
        if self.is_shallow:
            return f"object {oid[:12]} is not here, in a shallow clone; git fetch --unshallow"
        return f"object {oid[:12]} is not here; git fsck says what else is missing"

    def _lazily_fetched(self, oid: str) -> bool:
        """In a partial clone, have git fetch an object; libgit2 cannot."""
        if not any("promisor" in name for name in self._config_names()):
            return False
        from envgit.git.remote import fetch_object

        return fetch_object(self.git_dir, oid)

    def _config_names(self) -> Iterator[str]:
        return (entry.name for entry in self._repo.config if entry.name.startswith(("remote.", "extensions.")))


# Variables that choose what is read must not come from a hook's environment; those of people and transports may.
_HARMLESS = frozenset({
    "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_SSH", "GIT_SSH_COMMAND",
    "GIT_ASKPASS", "GIT_TERMINAL_PROMPT", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_TRACE",
    "GIT_PROXY_SSL_CERT", "GIT_SSL_NO_VERIFY", "GIT_SSL_CAINFO", "GIT_HTTP_USER_AGENT", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE",
})  # fmt: skip


def _subtree(row: tuple[bytes, bytes, ObjectId] | None) -> ObjectId | None:
    return row[2] if row is not None and int(row[0], 8) == TREE else None


def _leaf(path: str, row: tuple[bytes, bytes, ObjectId] | None) -> TreeEntry | None:
    return TreeEntry(path, int(row[0], 8), row[2]) if row is not None and int(row[0], 8) != TREE else None


def _setting(config: pygit2.Config, key: str) -> str | None:
    try:
        return config[key]
    except (KeyError, ValueError, pygit2.GitError):
        return None


def _reason(error: Exception) -> str:
    text = str(error.strerror if isinstance(error, OSError) and error.strerror else error)
    return text.splitlines()[0][:200] if text else type(error).__name__


def _unsupported(git_dir: Path, text: str) -> str:
    try:
        config = (git_dir / "config").read_text(errors="replace").lower()
    except OSError:
        config = ""
    if "objectformat" in config and "sha256" in config:
        return f"{git_dir} is a SHA-256 repository, which libgit2 cannot read yet; envgit needs one in SHA-1"
    if "refstorage" in config:
        return f"{git_dir} keeps its refs as reftable, which libgit2 cannot read yet; git refs migrate --ref-format=files"
    if "owner" in text:
        return f"{git_dir} belongs to somebody else; git config --global --add safe.directory {git_dir.parent} if you trust it"
    return f"{git_dir} cannot be read as a git repository; git fsck says more"
