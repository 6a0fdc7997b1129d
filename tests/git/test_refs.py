"""Refs and revisions: full names, git's syntax, and a move that happens from where it was read or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from envgit.audit.objects import blob_id
from envgit.errors import RepositoryError, UsageError
from envgit.git import refs
from envgit.git.repository import RefMoved, Repository
from tests.kit.repo import Repo

Opened = Callable[[], Repository]
LOG = "refs/heads/envgit-audit"


@pytest.fixture
def merged(repo: Repo) -> Repo:
    """Two commits, a side branch, a merge, a tag."""
    repo.commit("One")
    repo.commit("Two")
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    repo.commit("Side")
    repo.git("checkout", "-q", "main")
    repo.merge("side")
    repo.git("tag", "-a", "-m", "x", "v1")
    return repo


@pytest.mark.parametrize(
    "revision",
    [
        "HEAD",
        "@",
        "main",
        "v1",
        "v1^{}",
        "v1~2",
        "HEAD^2",
        "HEAD^^",
        "HEAD~1^0",
        "HEAD^2~1",
        "refs/heads/side",
        ":/Two",
        "@{0}",
        "main@{1}",
        "HEAD^{/Side}",
    ],
)
def test_a_revision_is_what_git_says(merged: Repo, opened: Opened, revision: str) -> None:
    """Every form of a revision names the commit that git names."""
    assert opened().resolve(revision) == merged.git("log", "-1", "--format=%H", revision)


@pytest.mark.parametrize(
    "revision",
    [
        "nope",
        "HEAD~9",
        "HEAD^3",
        "side^2",
        "",
        "-x",
        "a..b",
        "HEAD:env",
        "HEAD^{tree}",
        "\x1b[31m",
        "a\0b",
        "~",
        "9" * 40,
    ],
)
def test_what_is_no_revision_is_wrong_usage(merged: Repo, opened: Opened, revision: str) -> None:
    """What names no commit is an error of one line that shows it escaped; a bare `~` means HEAD's parent, as to git."""
    if revision == "~":
        assert opened().resolve(revision) == opened().resolve("HEAD~1")
        return
    with pytest.raises(UsageError, match="is no revision here") as caught:
        opened().resolve(revision)
    assert str(caught.value).isprintable()
    assert not opened().is_revision(revision)


def test_a_short_id_that_fits_several_objects_says_so(repo: Repo, opened: Opened) -> None:
    """An ambiguous short id asks for more digits."""
    repo.commit()
    seen: dict[str, int] = {}
    for number in range(2_000):
        oid = blob_id(str(number).encode())
        if oid[:4] in seen:
            for text in (seen[oid[:4]], number):
                repo.git("hash-object", "-w", "--stdin", data=str(text).encode())
            with pytest.raises(UsageError, match="fits several objects here; write more digits"):
                opened().resolve(oid[:4])
            return
        seen[oid[:4]] = number
    pytest.fail("no two of them begin alike")


def test_full_names_are_not_confused_by_lookalikes(merged: Repo, opened: Opened) -> None:
    """A tag, a remote branch or a branch of a longer name that look like the log are not the log."""
    for lookalike in (
        "refs/tags/envgit-audit",
        "refs/remotes/origin/envgit-audit",
        f"{LOG}-old",
        "refs/heads/heads/envgit-audit",
    ):
        merged.git("update-ref", lookalike, "HEAD")
    assert opened().ref(LOG) is None
    merged.git("update-ref", LOG, "HEAD~1")
    assert opened().ref(LOG) == merged.git("rev-parse", "HEAD~1")
    assert [opened().ref(name) for name in ("envgit-audit", "not a name", "refs/heads/")] == [None] * 3


def test_packed_and_symbolic_refs_are_followed(merged: Repo, opened: Opened) -> None:
    """A packed ref and one that points to another are read as git reads them."""
    merged.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    merged.git("pack-refs", "--all")
    assert opened().ref("refs/heads/alias") == opened().ref("refs/heads/main") == merged.head


def test_a_corrupted_ref_is_not_an_absent_one(merged: Repo, opened: Opened) -> None:
    """A ref file of garbage is an error: to take it for absent would begin a second log."""
    (merged.path / ".git" / LOG).write_text("garbage\n")
    with pytest.raises(RepositoryError, match=f"{LOG} cannot be read; git fsck says more"):
        opened().ref(LOG)


def test_a_ref_moves_from_where_it_was(merged: Repo, opened: Opened) -> None:
    """A ref is made where there is none, and moved from the value that is named; git finds it there, with a reflog."""
    found = opened()
    one, two = found.resolve("HEAD~1"), found.resolve("HEAD")
    found.update_ref(LOG, one, None, "envgit: 1 entry")
    merged.git("pack-refs", "--all")
    found.update_ref(LOG, two, one, "envgit: 2 entries")
    assert merged.ref(LOG) == two == found.ref(LOG)
    assert "envgit: 2 entries" in merged.git("reflog", "show", "envgit-audit")
    assert merged.git("status", "--porcelain") == ""


def test_a_ref_that_moved_meanwhile_stays(merged: Repo, opened: Opened) -> None:
    """Whoever read an older value, or none, does not overwrite a newer one."""
    found = opened()
    one, two = found.resolve("HEAD~1"), found.resolve("HEAD")
    merged.git("update-ref", LOG, two)
    for old in (one, None):
        with pytest.raises(RefMoved, match="moved while this ran; run it again"):
            found.update_ref(LOG, found.resolve("side"), old, "x")
    merged.git("update-ref", "-d", LOG)
    with pytest.raises(RefMoved):
        found.update_ref(LOG, one, two, "x")
    assert merged.ref(LOG) == ""


def test_of_many_writers_one_wins_each_round(merged: Repo) -> None:
    """Four processes that count up one ref by compare-and-swap lose no step."""
    script = (
        "import sys; from pathlib import Path; from envgit.git.repository import RefMoved, Repository\n"
        "from envgit.audit.objects import written\n"
        "repo = Repository.open(Path(sys.argv[1])); done = 0\n"
        "while done < 10:\n"
        f"    old = repo.ref('{LOG}')\n"
        "    who = f'A <a@b> 1 +0000'\n"
        "    head = f'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\\nparent {old}\\nauthor {who}\\ncommitter {who}\\n\\n'\n"
        "    new = written('commit', f'{head}{sys.argv[2]}.{done}\\n'.encode())\n"
        "    repo.write([new])\n"
        "    try:\n"
        f"        repo.update_ref('{LOG}', new.id, old, 'x'); done += 1\n"
        "    except RefMoved: pass\n"
    )
    merged.git("update-ref", LOG, "HEAD~1")
    before = int(merged.git("rev-list", "--count", LOG))
    running = [subprocess.Popen([sys.executable, "-c", script, str(merged.path), str(n)]) for n in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    assert int(merged.git("rev-list", "--count", LOG)) - before == 40


def test_a_lock_that_was_left_behind_is_named(merged: Repo, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another git's lock stays, the message names the file to remove, and the ref has not moved."""
    monkeypatch.setattr(refs, "LOCK_ATTEMPTS", 2)
    found = opened()
    one, two = found.resolve("HEAD~1"), found.resolve("HEAD")
    found.update_ref(LOG, one, None, "x")
    lock = merged.path / ".git" / f"{LOG}.lock"
    lock.touch()
    with pytest.raises(RepositoryError, match=rf"{lock.resolve()} is there; remove it if no git is running"):
        found.update_ref(LOG, two, one, "x")
    lock.unlink()
    assert found.ref(LOG) == one


def test_a_branch_in_the_way_is_one_line(merged: Repo, opened: Opened) -> None:
    """Where a branch below the log's name exists, the ref cannot be made, and the message is one line."""
    merged.git("branch", "envgit-audit/x")
    with pytest.raises(RepositoryError, match=f"cannot move {LOG}: .*") as caught:
        opened().update_ref(LOG, opened().resolve("HEAD"), None, "x")
    assert "\n" not in str(caught.value)
