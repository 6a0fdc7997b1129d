"""Own refs and revisions: what a name points to, and the one way in which a ref is moved. Full names only, but in `resolve`."""

from __future__ import annotations

import re
import time

import pygit2
from pygit2.enums import ReferenceType

from envgit.errors import CannotTell, RepositoryError, UsageError
from envgit.git.ancestry import Commits
from envgit.git.files import is_pipe
from envgit.git.objects import Absent, reason
from envgit.model import CommitId, ObjectId

# Another git holds a ref's lock for milliseconds.
LOCK_ATTEMPTS = 20
LOCK_PAUSE = 0.05

_DESCENT = re.compile(r"(.*?)((?:~[0-9]{0,6}|\^[0-9]{0,2})+)", re.DOTALL)
_STEP = re.compile(r"([~^])([0-9]*)")
_FULL_ID = re.compile(r"[0-9a-f]{40}")
_SHORT_ID = re.compile(r"[0-9a-f]{4,39}")
_TOP = re.compile(r"refs/.*|[A-Z_]+", re.DOTALL)
_RULES = ("refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD")
_TAGS_DEEP = 10


class RefMoved(RepositoryError):
    """A ref is no longer where it was read: somebody else wrote."""


class Refs(Commits):
    """The refs of a repository."""

    @property
    def is_empty(self) -> bool:
        """Whether HEAD names no commit yet."""
        self._check_ref("HEAD")
        return self._repo.head_is_unborn

    def resolve(self, revision: str) -> CommitId:
        """Return the commit that a revision names, as git's revision syntax has it.

        Raise UsageError where there is none, CannotTell where only this clone lacks it.
        """
        # libgit2 would follow grafted parents, and call what a shallow clone lacks a wrong name.
        if "\0" in revision:  # to libgit2 it ends the name
            raise UsageError(f"{revision!r} is no revision here")
        found = _DESCENT.fullmatch(revision)
        if found is None:
            return self._named(revision)
        commit = self._named(found[1] or "HEAD")
        for kind, digits in _STEP.findall(found[2]):
            number = int(digits or 1)
            for _generation in range(number if kind == "~" else 1):
                commit = self._parent(commit, revision, 1 if kind == "~" else number)
        return commit

    def _parent(self, commit: CommitId, revision: str, number: int) -> CommitId:
        if number == 0:
            return commit
        parents = self.links(commit).parents
        if len(parents) < number:
            raise UsageError(f"{revision!r} is no revision here: {commit[:7]} has {len(parents)} parents")
        return parents[number - 1]

    def _named(self, revision: str) -> CommitId:
        try:
            oid = self._plainly(revision)
            if oid is None:
                self._check_ref(revision)
                oid = str(self._repo.revparse_single(revision).id)
            return self._peeled(oid)
        except (KeyError, ValueError, pygit2.GitError, OSError) as error:
            raise self._unresolved(revision, error) from None

    def _plainly(self, revision: str) -> str | None:
        """Return what an id or a ref's name stands for, in git's order, before anything is read of it: libgit2 would read it whole."""
        if _FULL_ID.fullmatch(revision):
            return revision
        name = "HEAD" if revision == "@" else revision
        for rule in (*(("%s",) if _TOP.fullmatch(name) else ()), *_RULES):
            self._check_ref(rule % name)
            try:
                return str(self._repo.lookup_reference(rule % name).resolve().target)
            except (KeyError, ValueError, pygit2.GitError):
                continue
        return str(self._repo.expand_id(revision)) if _SHORT_ID.fullmatch(revision) else None

    def _peeled(self, oid: str) -> CommitId:
        for _tag in range(_TAGS_DEEP):
            kind, data = self.raw(ObjectId(oid), fetch=False) if self.has(oid) else ("", b"")
            if kind == "commit":
                return CommitId(oid)
            if kind != "tag":
                break
            oid = data[len("object ") :][:40].decode("ascii")
        raise KeyError(oid)

    def _unresolved(self, revision: str, error: Exception) -> Exception:
        if revision in ("HEAD", "@") and not self.is_empty:
            return RepositoryError("HEAD names no commit here; git status says more")
        if revision in ("HEAD", "@"):
            return RepositoryError("this repository has no commit yet; commit an environment first")
        if _FULL_ID.fullmatch(revision) and not self.has(revision) and (self.is_shallow or self.is_partial):
            return Absent(self._absent(revision))
        if "ambiguous" in str(error):
            return UsageError(f"{revision!r} fits several objects here; write more digits")
        return UsageError(f"{revision!r} is no revision here; git log shows which there are")

    def is_revision(self, text: str) -> bool:
        """Tell whether a word names a commit, or a range of them."""
        parts = [part or "HEAD" for part in text.replace("...", "..").split("..")] if ".." in text else [text]
        try:
            return all(self.resolve(part) for part in parts)
        except (UsageError, CannotTell):
            return False

    def ref(self, name: str) -> ObjectId | None:
        """Return the object that a full ref name points to, None where there is no such ref; raise where it cannot be read."""
        self._check_ref(name)
        try:
            return ObjectId(str(self._repo.lookup_reference(name).resolve().target))
        except (KeyError, ValueError):
            return None
        except (pygit2.GitError, OSError):
            raise RepositoryError(f"{name} cannot be read; git fsck says more") from None

    def head_branch(self) -> str | None:
        """Return the branch that HEAD is on, whether it has a commit or not; None where HEAD is detached."""
        try:
            head = self._repo.lookup_reference("HEAD")
        except (KeyError, pygit2.GitError):
            return None
        name = str(head.target) if head.type == ReferenceType.SYMBOLIC else ""
        return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None

    def update_ref(self, name: str, new: CommitId, old: CommitId | None, message: str) -> None:
        """Move a ref from `old` (None: it must not exist) to `new`.

        Raise RefMoved where it was not there any more, RepositoryError where it cannot be written.
        """
        for log in (self.common_dir / "logs" / name, self.git_dir / "logs" / "HEAD"):
            if is_pipe(log):
                raise RepositoryError(f"cannot move {name}: {log} is a pipe, where git keeps a file")
        lock = self.common_dir / f"{name}.lock"
        why = ""
        for _attempt in range(LOCK_ATTEMPTS):
            try:
                self._move(name, new, old, message)
            except (pygit2.GitError, ValueError, KeyError, OSError) as error:
                if (self.ref(name) or "") != (old or ""):
                    raise RefMoved(f"{name} moved while this ran; run it again") from None
                why = reason(error)
                # Whose lock it was may have let go of it by now.
                if not lock.exists() and "lock" not in why:
                    raise RepositoryError(f"cannot move {name}: {why}") from None
            else:
                return
            time.sleep(LOCK_PAUSE)
        if not lock.exists():
            raise RepositoryError(f"cannot move {name}: {why}")
        raise RepositoryError(f"cannot move {name}: {lock} is there; remove it if no git is running")

    def _move(self, name: str, new: CommitId, old: CommitId | None, message: str) -> None:
        if old is None:
            self._repo.create_reference(name, new, message=message)
            return
        reference = self._repo.lookup_reference(name)
        if str(reference.target) != old:
            raise KeyError(name)
        # libgit2 compares the value that was read with the one on disk, under the ref's own lock.
        reference.set_target(new, message)
