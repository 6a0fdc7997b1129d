"""Own what may lie where git keeps files, looked at before libgit2 opens it: that waits for a pipe's writer, and reads files whole.

Links count as what they lead to. Nothing is read here but what leads on to other files, and of that no more than has a bound.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path

import pygit2

from envgit.errors import RepositoryError

KIB, MIB = 1 << 10, 1 << 20
# libgit2 takes some 90 bytes of memory for each byte of configuration; what is included counts as often as it is.
MAX_CONFIG = MIB
MAX_REF = 64 * KIB
MAX_STORES = 64
# As deep as libgit2 follows them.
_INCLUDES_DEEP = 10
_REFS_DEEP = 10

# What libgit2 opens by a fixed name, and how large it may be; it does not read all of those without a number.
_FILES = {
    "HEAD": MAX_REF,
    "commondir": MAX_REF,
    "config": None,
    "config.worktree": None,
    "index": None,
    "info/grafts": 8 * MIB,
    "packed-refs": 64 * MIB,
    "shallow": 8 * MIB,
}
_STORE = {"info/alternates": MIB, "info/commit-graph": None, "pack/multi-pack-index": None}
_INCLUDE = re.compile(rb"\[(?=\s*include)", re.IGNORECASE)


def check_files(git_dir: Path) -> None:
    """Refuse a repository where a file of git's is a pipe, or larger than anybody has; raise RepositoryError."""
    _check(git_dir, _FILES)
    common = common_of(git_dir)
    if common != git_dir:
        _check(common, _FILES)
    for config in {git_dir / "config", common / "config", git_dir / "config.worktree"}:
        _check_includes(config)
    for store in stores(common / "objects"):
        for path in _indexes(store / "pack"):
            _check_file(path)


def check_way(start: Path) -> None:
    """Refuse what is read on the way to a repository, from `start` upwards, where it is larger than a path can be."""
    for folder in (start, *start.parents):
        git = folder / ".git"
        if not is_pipe(git):  # libgit2 opens none here
            _check_file(git, MAX_REF)
        led = _start_of(git, MAX_REF).removeprefix(b"gitdir:").partition(b"\0")[0].strip()
        for git_dir in (folder, folder / os.fsdecode(led) if led else git):
            _check_file(git_dir / "commondir", MIB)
        if _stat(git) is not None:
            return


def check_ref(folders: Iterable[Path], name: str) -> None:
    """Refuse a ref that is a pipe or endless, or leads to such a one; raise RepositoryError."""
    places = tuple(folders)
    for _step in range(_REFS_DEEP):
        if name.startswith("/") or ".." in name:  # no ref, to libgit2 neither
            return
        if any(is_pipe(folder / name) for folder in places):
            raise RepositoryError(f"{name} is a pipe, where git keeps a file")
        texts = [_start_of(folder / name, MAX_REF + 1) for folder in places]
        if any(len(text) > MAX_REF for text in texts):
            raise RepositoryError(f"{name} is larger than a ref; git fsck says more")
        target = next((text[4:] for text in texts if text.startswith(b"ref:")), None)
        if target is None:
            return
        name = os.fsdecode(target.strip())


def is_pipe(path: Path) -> bool:
    """Tell whether something lies at a path that may be waited for without end."""
    return _waits(_stat(path))


def common_of(git_dir: Path) -> Path:
    """Return the directory that all work trees of a repository share."""
    text = _start_of(git_dir / "commondir", MAX_REF).partition(b"\0")[0]
    return git_dir / os.fsdecode(text.rstrip())


def stores(objects: Path) -> tuple[Path, ...]:
    """Return the folders that objects are read from: `objects`, and what alternates lead to; raise RepositoryError for too many."""
    found: dict[tuple[int, int], Path] = {}
    waiting = [objects]
    while waiting:
        store = waiting.pop()
        at = _stat(store)
        if at is None or not stat.S_ISDIR(at.st_mode) or (at.st_dev, at.st_ino) in found:
            continue
        if len(found) == MAX_STORES:
            raise RepositoryError(
                f"{objects} borrows from more than {MAX_STORES} stores; envgit reads no such repository"
            )
        found[at.st_dev, at.st_ino] = store
        _check(store, _STORE)
        # One that begins with a dot is relative in the repository's own store alone; a byte 0 ends the file.
        text = os.fsdecode(_start_of(store / "info" / "alternates", MIB).partition(b"\0")[0])
        lines = (line for line in text.replace("\r", "\n").split("\n") if line and line[0] != "#")
        waiting += (store / line if line[0] == "." and store == objects else Path(line) for line in lines)
    return tuple(found.values())


def _check(folder: Path, files: dict[str, int | None]) -> None:
    for name, most in files.items():
        _check_file(folder / name, most)


def _check_file(path: Path, most: int | None = None) -> None:
    found = _stat(path)
    if _waits(found):
        raise RepositoryError(f"{path} is a pipe, where git keeps a file; envgit reads no such repository")
    if found is not None and most is not None and stat.S_ISREG(found.st_mode) and found.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> RepositoryError:
    size = f"{most // MIB} MiB" if most >= MIB else f"{most // KIB} KiB"
    return RepositoryError(f"{path} is larger than {size}; envgit reads no such repository")


def _check_includes(config: Path) -> None:
    """Refuse a configuration that includes a pipe, or with all that it includes is too large."""
    left, waiting = MAX_CONFIG, [(config, 0)]
    while waiting:
        path, depth = waiting.pop()
        found = _stat(path)
        if found is not None and stat.S_ISFIFO(found.st_mode):
            raise RepositoryError(f"{path}, which {config} includes, is a pipe; envgit reads no such repository")
        data = _start_of(path, left + 1)
        left -= len(data)
        if left < 0:
            raise _too_large(config, MAX_CONFIG)
        names = _included(data)
        if names is None:  # libgit2 would follow what it has included up to where it cannot read on
            raise RepositoryError(f"{path} cannot be read as a git configuration; git config --list says more")
        if depth < _INCLUDES_DEEP:
            waiting += ((_beside(path, name), depth + 1) for name in names)


def _beside(config: Path, name: str) -> Path:
    return Path.home() / name[2:] if name.startswith("~/") else config.parent / name


@lru_cache(maxsize=64)
def _included(data: bytes) -> tuple[str, ...] | None:
    """Return the paths that a configuration includes on whatever condition, as libgit2 reads them; None where it cannot.

    It is given a copy in which their sections have another name, so that it follows none.
    """
    if not _INCLUDE.search(data):
        return ()
    from tempfile import NamedTemporaryFile

    mark = next(mark for number in count() if (mark := b"x%d" % number) not in data.lower())
    with NamedTemporaryFile(prefix="envgit-") as copy:
        copy.write(_INCLUDE.sub(b"[" + mark, data))
        copy.flush()
        try:
            entries = [(entry.raw_name, entry.raw_value) for entry in pygit2.Config(copy.name)]
        except (pygit2.GitError, ValueError, OSError):
            return None
    return tuple(
        os.fsdecode(value.replace(mark, b""))
        for name, value in entries
        if value and name.startswith(mark + b"include") and name.endswith(b".path")
    )


def _indexes(packs: Path) -> Iterator[Path]:
    """Return what may be a pipe among the indexes of packs."""
    try:
        with os.scandir(packs) as found:
            yield from (Path(entry.path) for entry in found if entry.name.endswith(".idx") and not entry.is_file())
    except OSError:
        return


def _start_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a regular file, none where there is none."""
    found = _stat(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return b""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def _waits(found: os.stat_result | None) -> bool:
    return found is not None and not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
