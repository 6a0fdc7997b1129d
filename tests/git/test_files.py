"""What may lie where git keeps files: it is looked at before libgit2 opens it, and nothing else is refused."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from envgit.errors import RepositoryError
from envgit.git.files import MAX_CONFIG, MAX_STORES, check_files, check_ref, stores
from envgit.git.repository import Repository
from tests.kit.repo import Repo


@pytest.fixture
def git_dir(repo: Repo) -> Path:
    repo.write("env", "one\n")
    repo.commit()
    return repo.path / ".git"


def _sparse(path: Path, size: int = 1 << 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)


def _included(path: Path, name: str, section: str = "[include]") -> None:
    with path.open("a") as file:
        file.write(f"{section}\n\tpath = {name}\n")


@pytest.mark.parametrize("name", ["HEAD", "commondir", "config", "config.worktree", "packed-refs", "shallow", "info/grafts",
                                  "objects/info/alternates"])  # fmt: skip
def test_a_gigabyte_where_git_has_a_small_file_is_refused(name: str, git_dir: Path) -> None:
    """A file that libgit2 would read whole is refused by its size, and the line names it."""
    _sparse(git_dir / name)
    with pytest.raises(RepositoryError, match=f"{name} is larger than .*; envgit reads no such repository"):
        Repository.open(git_dir.parent)


def test_a_git_file_of_a_gigabyte_is_not_read(git_dir: Path, tmp_path: Path) -> None:
    """`.git` may be a file that leads elsewhere: a path, and no gigabyte."""
    (tmp_path / "linked" / "below").mkdir(parents=True)
    (tmp_path / "linked" / ".git").write_text(f"gitdir: {git_dir}\n")
    assert Repository.open(tmp_path / "linked" / "below").git_dir == git_dir
    _sparse(tmp_path / "linked" / ".git")
    with pytest.raises(RepositoryError, match=r"\.git is larger than 64 KiB"):
        Repository.open(tmp_path / "linked" / "below")


SECTIONS = ("[include]", "[INCLUDE]", '[includeIf "gitdir:**"]', '[includeIf "onbranch:none"]', "[core][include]")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_pipe_that_is_included_is_refused(section: str, git_dir: Path, tmp_path: Path) -> None:
    """On whatever condition a configuration includes a pipe, from another included one too: it is named, and not opened."""
    os.mkfifo(tmp_path / "a pipe")
    _included(tmp_path / "more", '"a pipe" # no file', section)
    _included(git_dir / "config", f"{tmp_path}/mo\\\nre", section)
    with pytest.raises(RepositoryError, match=r"a pipe, which .* includes, is a pipe"):
        check_files(git_dir)


def test_a_pipe_that_is_included_before_garbage_is_refused(git_dir: Path, tmp_path: Path) -> None:
    """libgit2 follows what is included up to where it cannot read on: such a configuration is refused unread."""
    os.mkfifo(tmp_path / "pipe")
    _included(git_dir / "config", str(tmp_path / "pipe"))
    with (git_dir / "config").open("a") as file:
        file.write("[[[")
    with pytest.raises(RepositoryError, match="cannot be read as a git configuration"):
        check_files(git_dir)


def test_what_is_included_counts_as_often_as_it_is(git_dir: Path, tmp_path: Path) -> None:
    """Files that include each other twice each make much of little: more than a MiB in all is refused, less is read."""
    for number in range(7):
        for _twice in range(2):
            _included(tmp_path / f"{number}", f"{number + 1}")
    (tmp_path / "7").write_text("[a]\n" + "b=c\n" * 50)
    _included(git_dir / "config", str(tmp_path / "0"))
    assert Repository.open(git_dir.parent).config("a.b") == "c"
    (tmp_path / "7").write_text("[a]\n" + "b=c\n" * 5_000)
    with pytest.raises(RepositoryError, match="config is larger than 1 MiB"):
        check_files(git_dir)


def test_a_configuration_that_includes_itself_comes_to_an_end(git_dir: Path) -> None:
    """A configuration in a circle is looked through as deep as libgit2 would, which then refuses it."""
    _included(git_dir / "config", "config")
    check_files(git_dir)
    assert (git_dir / "config").stat().st_size * 11 < MAX_CONFIG


def test_included_paths_are_those_that_libgit2_follows(git_dir: Path, tmp_path: Path) -> None:
    """Of configurations by chance each file that libgit2 includes is found: a pipe in its place is refused."""
    chance, target, met = random.Random(7), tmp_path / "x", 0
    junk = [" ", "\t", "\n", "\\\n", '"', "#", ";", "x", "\\\\", "[core]", "[include]", "path", "=", "]"]
    for _case in range(2_000):
        parts = chance.choice(["[include]", "[INCLUDE]", "[ include]", "[core] [include]"]), "path", "=", "x"
        text = "".join(part + "".join(chance.choices(junk, k=chance.randrange(3))) for part in parts)
        (tmp_path / "config").write_text(text)
        target.write_text("[found]\nhere = yes\n")
        try:
            follows = "found.here" in pygit2.Config(str(tmp_path / "config"))
        except (pygit2.GitError, OSError):
            follows = False
        target.unlink()
        os.mkfifo(target)
        if follows:
            met += 1
            with pytest.raises(RepositoryError):
                check_files(tmp_path)
        target.unlink()
    assert met > 20


def _borrowing(objects: Path, text: str) -> Path:
    (objects / "info").mkdir(parents=True, exist_ok=True)
    (objects / "info" / "alternates").write_text(text)
    return objects


def test_stores_are_found_where_libgit2_finds_them(git_dir: Path, tmp_path: Path) -> None:
    """Alternates of alternates, relative ones, circles and comments: each store once, and what is none not at all."""
    own = git_dir / "objects"
    far = _borrowing(tmp_path / "far", "")
    near = _borrowing(tmp_path / "near", f"{far}\n{own}\n")
    _borrowing(own, f"# {tmp_path}\n\n{os.path.relpath(near, own)}\r\n/dev/zero\n/nowhere\n\0{tmp_path}\n")
    assert {store.resolve() for store in stores(own)} == {own.resolve(), near.resolve(), far.resolve()}


def test_more_stores_than_anybody_has_are_refused(git_dir: Path, tmp_path: Path) -> None:
    """Every object is looked for in each store: a repository that borrows from very many is not read."""
    made = [tmp_path / f"{number}" for number in range(MAX_STORES)]
    for folder in made:
        folder.mkdir()
    _borrowing(git_dir / "objects", "".join(f"{folder}\n" for folder in made[1:]))
    check_files(git_dir)
    _borrowing(git_dir / "objects", "".join(f"{folder}\n" for folder in made))
    with pytest.raises(RepositoryError, match="borrows from more than 64 stores"):
        check_files(git_dir)


@pytest.mark.parametrize("place", ["info/alternates", "pack/pack-1.idx", "pack/multi-pack-index", "info/commit-graph"])
def test_a_pipe_in_a_borrowed_store_is_refused(place: str, git_dir: Path, tmp_path: Path) -> None:
    """What libgit2 opens in a store that alternates lead to is looked at as what it opens in the repository's own."""
    (tmp_path / "lender" / place).parent.mkdir(parents=True)
    _borrowing(git_dir / "objects", f"{tmp_path / 'lender'}\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "lender" / place).symlink_to(tmp_path / "pipe")
    with pytest.raises(RepositoryError, match=f"{place} is a pipe"):
        check_files(git_dir)


REFS: dict[str, Callable[[Path], object]] = {
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a gigabyte": _sparse,
}


@pytest.mark.parametrize("name", REFS)
@pytest.mark.parametrize("behind", [0, 1, 4])
def test_a_ref_without_end_is_refused_wherever_it_stands(name: str, behind: int, git_dir: Path) -> None:
    """Symbolic refs are followed as libgit2 follows them, and what they end in is refused where it has no end."""
    heads = git_dir / "refs" / "heads"
    REFS[name](heads / f"at-{behind}")
    for number in range(behind):
        (heads / f"at-{number}").write_text(f"ref: refs/heads/at-{number + 1}\n")
    with pytest.raises(RepositoryError, match=f"at-{behind} is"):
        check_ref((git_dir,), "refs/heads/at-0")
    with pytest.raises(RepositoryError, match=f"at-{behind} is"):
        Repository.open(git_dir.parent).ref("refs/heads/at-0")


@pytest.mark.parametrize(
    "text", ["ref: ../../../etc/passwd\n", "ref: /dev/zero\n", "ref: refs/heads/at-0\n", "garbage\0", ""]
)
def test_a_ref_that_leads_nowhere_is_libgit2_s_to_judge(text: str, git_dir: Path) -> None:
    """What is no ref, or leads in a circle, is left to libgit2; nothing outside is looked at."""
    (git_dir / "refs" / "heads" / "at-0").write_text(text)
    check_ref((git_dir,), "refs/heads/at-0")
