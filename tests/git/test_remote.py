"""Fetch and push against a real server: what arrived, who was first, and who was refused, in words that are safe to show."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envgit.errors import CannotTell, RepositoryError
from envgit.git import program
from envgit.git.remote import PushStatus, fetch, push, remote_ref
from envgit.git.repository import Repository
from envgit.model import CommitId
from tests.kit.repo import Repo
from tests.kit.server import Server

LOG = "refs/heads/envgit-audit"


@pytest.fixture
def clone(repo: Repo, server: Server) -> Repo:
    """A repository with one commit, and the server's copy of it as its remote."""
    repo.commit("One")
    server.create(source=repo.path)
    repo.git("remote", "add", "origin", server.url())
    return repo


def _push(repo: Repo, tip: str = "HEAD", ref: str = LOG) -> tuple[PushStatus, str]:
    found = Repository.open(repo.path)
    result = push(found, "origin", found.resolve(tip), ref)
    return result.status, result.reason


def test_a_push_arrives_once(clone: Repo) -> None:
    """A new branch arrives where it was sent, and a second push of it says that it is there."""
    assert _push(clone) == (PushStatus.PUSHED, "")
    assert remote_ref(Repository.open(clone.path), "origin", LOG) == clone.head
    assert _push(clone) == (PushStatus.UP_TO_DATE, "")
    clone.commit("Two")
    assert _push(clone) == (PushStatus.PUSHED, "")
    assert clone.ref("refs/remotes/origin/envgit-audit") in ("", clone.head)


def test_who_comes_second_is_told_so_and_overwrites_nothing(clone: Repo, server: Server, tmp_path: Path) -> None:
    """Where the remote has what we do not contain, known here or not, the push is stale and the remote keeps it."""
    other = Repo.clone(server.url(), tmp_path / "other")
    theirs = other.commit("Theirs")
    assert _push(other)[0] is PushStatus.PUSHED
    clone.commit("Ours")
    assert _push(clone)[0] is PushStatus.STALE
    clone.git("fetch", "-q", "origin", "envgit-audit")
    assert _push(clone)[0] is PushStatus.STALE
    assert remote_ref(Repository.open(clone.path), "origin", LOG) == theirs


def test_a_push_from_a_shallow_clone_arrives(clone: Repo, server: Server, tmp_path: Path) -> None:
    """One commit on top of a depth-1 clone is taken."""
    clone.commit("Two")
    assert _push(clone)[0] is PushStatus.PUSHED
    shallow = Repo.clone(server.url(), tmp_path / "shallow", "--depth=1", "-b", "envgit-audit")
    shallow.commit("Three")
    assert _push(shallow) == (PushStatus.PUSHED, "")


def test_a_refusal_by_the_server_is_told_in_its_words(clone: Repo, server: Server) -> None:
    """A hook's text is the reason, on one line, without control characters or credentials; the branch is not there."""
    server.refuse(LOG, "GH006: Protected branch\x1b[31m, see https://bot:hunter2@git.acme.example/rules")
    assert _push(clone) == (PushStatus.REFUSED, "GH006: Protected branch\\x1b[31m, see https://git.acme.example/rules")
    assert remote_ref(Repository.open(clone.path), "origin", LOG) is None
    assert _push(clone, ref="refs/heads/other")[0] is PushStatus.PUSHED


def test_a_refusal_without_words_has_git_s_reason(clone: Repo, server: Server) -> None:
    """A silent hook is told by what git calls it."""
    server.hook("update", "exit 1")
    assert _push(clone) == (PushStatus.REFUSED, f"hook declined to update {LOG}")


def test_a_race_at_the_server_is_stale(clone: Repo, server: Server) -> None:
    """Where another push holds the ref's lock at that moment, the push was too late, not refused."""
    path = server.folder / "origin.git" / f"{LOG}.lock"
    path.touch()
    assert _push(clone)[0] is PushStatus.STALE
    path.unlink()
    assert _push(clone)[0] is PushStatus.PUSHED


def test_a_server_that_denies_what_is_no_fast_forward_keeps_its_branch(clone: Repo, server: Server) -> None:
    """`denyNonFastForwards` is never even needed: an unrelated root is not sent over a branch."""
    subprocess.run(
        ["git", "-C", str(server.folder / "origin.git"), "config", "receive.denyNonFastForwards", "true"], check=True
    )
    assert _push(clone)[0] is PushStatus.PUSHED
    clone.git("checkout", "-q", "--orphan", "root")
    clone.commit("Unrelated")
    assert _push(clone)[0] is PushStatus.STALE


def test_a_server_that_says_yes_and_does_not_keep_it_is_found_out(clone: Repo, server: Server) -> None:
    """A push counts when the remote has the commit, not when it says so."""
    server.hook("post-receive", f"git update-ref -d {LOG}")
    status, reason = _push(clone)
    assert status is PushStatus.REFUSED
    assert reason == f"origin said that it took the push, and its {LOG} is not there"


def test_a_branch_that_went_on_meanwhile_counts_as_pushed(clone: Repo, server: Server) -> None:
    """Where another builds on our push before we look again, it has arrived."""
    server.hook(
        "post-receive",
        f"export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
        f"git update-ref {LOG} $(git commit-tree -p {LOG} -m next {LOG}^{{tree}})",
    )
    assert _push(clone)[0] is PushStatus.PUSHED
    assert remote_ref(Repository.open(clone.path), "origin", LOG) != clone.head


def test_local_hooks_and_settings_have_no_part(clone: Repo) -> None:
    """A repository's own hooks are not run by a push or a fetch, and its settings push nothing else and nothing by force."""
    clone.git("config", "push.followTags", "true")
    clone.git("config", "remote.origin.push", "+refs/heads/*:refs/heads/*")
    clone.git("tag", "-a", "-m", "x", "v1")
    for name in ("pre-push", "reference-transaction"):
        hook = clone.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {clone.path}/ran\nexit 1\n")
        hook.chmod(0o755)
    found = Repository.open(clone.path)
    assert _push(clone)[0] is PushStatus.PUSHED
    assert fetch(found, "origin", [f"+{LOG}:refs/remotes/origin/envgit-audit"])
    assert not (clone.path / "ran").exists()
    assert remote_ref(found, "origin", "refs/tags/v1") is None


def test_credentials_in_an_address_are_never_shown(clone: Repo, server: Server) -> None:
    """A token in the remote's address lets in, and where it does not, no message holds it."""
    server.token = "hunter2"
    clone.git("remote", "set-url", "origin", server.url(user="bot:hunter2"))
    assert _push(clone)[0] is PushStatus.PUSHED
    server.token = "another"
    found = Repository.open(clone.path)
    for attempt in (
        lambda: push(found, "origin", found.resolve("HEAD"), LOG),
        lambda: fetch(found, "origin", ["refs/heads/main"]),
        lambda: remote_ref(found, "origin", LOG),
    ):
        with pytest.raises(CannotTell) as caught:
            attempt()
        assert "hunter2" not in str(caught.value)
        assert "origin: fatal: Authentication failed" in str(caught.value)


def test_credentials_by_extra_header_work(clone: Repo, server: Server) -> None:
    """The header that CI puts into the repository's configuration is used."""
    server.token = "hunter2"
    clone.git("config", f"http.{server.url()}.extraheader", "Authorization: basic Ym90Omh1bnRlcjI=")
    assert _push(clone)[0] is PushStatus.PUSHED


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://u:p@h/x", "https://h/x"),
        ("'https://u:p@ss@h/x'", "'https://h/x'"),
        ("https://tok/en@h/x y@z", "https://h/x y@z"),
        ("ssh://git@h/x", "ssh://h/x"),
        ("a@b.example \x07\u202e", "a@b.example \\x07\\u202e"),
    ],
)
def test_what_others_say_is_made_harmless(said: str, shown: str) -> None:
    """Text of git and servers loses credentials and control characters, and nothing else."""
    assert program.harmless(said) == shown


def test_a_fetch_brings_a_branch_and_nothing_else(clone: Repo, server: Server, tmp_path: Path) -> None:
    """A fetched branch is where it was asked to be; tags, FETCH_HEAD and other branches are as before."""
    other = Repo.clone(server.url(), tmp_path / "other")
    theirs = other.commit("Theirs")
    other.git("tag", "v1")
    other.git("push", "-q", "origin", "main", f"HEAD:{LOG}", "v1")
    found = Repository.open(clone.path)
    assert fetch(found, "origin", [f"+{LOG}:refs/remotes/origin/envgit-audit"])
    assert found.ref("refs/remotes/origin/envgit-audit") == theirs
    assert found.commit(CommitId(theirs)).subject == "Theirs"
    assert [clone.ref(name) for name in ("refs/tags/v1", "refs/remotes/origin/main")] == ["", ""]
    assert not (clone.path / ".git" / "FETCH_HEAD").exists()


def test_a_branch_that_the_remote_lacks_is_told_from_a_remote_that_is_not_there(clone: Repo, server: Server) -> None:
    """A missing branch is an answer; a missing server is an error that names the remote."""
    found = Repository.open(clone.path)
    assert not fetch(found, "origin", [f"+{LOG}:refs/remotes/origin/envgit-audit"])
    assert remote_ref(found, "origin", LOG) is None
    (server.folder / "origin.git").rename(server.folder / "gone.git")
    with pytest.raises(CannotTell, match="cannot reach origin: fatal: "):
        fetch(found, "origin", [LOG])
    with pytest.raises(CannotTell, match="cannot push to origin: fatal: "):
        push(found, "origin", found.resolve("HEAD"), LOG)


def test_a_remote_that_is_no_remote_is_one_line(clone: Repo) -> None:
    """An unknown name, and one that looks like an option, are errors of git's, on one line."""
    found = Repository.open(clone.path)
    for name in ("nowhere", "--upload-pack=touch ran"):
        with pytest.raises(CannotTell, match="cannot reach") as caught:
            remote_ref(found, name, LOG)
        assert "\n" not in str(caught.value)
    assert not list(clone.path.rglob("ran"))


def test_a_branch_of_a_longer_name_is_not_taken_for_the_log(clone: Repo) -> None:
    """`git ls-remote` matches by the end of a name; only the whole name counts."""
    clone.git("push", "-q", "origin", f"HEAD:refs/x/{LOG}")
    assert remote_ref(Repository.open(clone.path), "origin", LOG) is None


def test_without_git_the_message_says_so(clone: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no git program, reading works and pushing says what is missing."""
    found = Repository.open(clone.path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found.commit(found.resolve("HEAD")).subject == "One"
    with pytest.raises(RepositoryError, match="the git program is not on PATH"):
        push(found, "origin", found.resolve("HEAD"), LOG)


def test_a_git_that_does_not_end_is_ended(clone: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A git that hangs is an error after the time that it was given."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(CannotTell, match=r"git fetch did not end within 0\.3 seconds"):
        program.git(clone.path / ".git", ["fetch"], seconds=0.3)


def test_git_is_not_led_elsewhere_by_the_environment(
    clone: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`GIT_DIR` and its like have no say in where is fetched from and pushed to."""
    other = Repo(tmp_path / "other")
    for name in (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_INDEX_FILE",
    ):
        monkeypatch.setenv(name, str(other.path / ".git"))
    found = Repository.open(clone.path)
    assert push(found, "origin", found.resolve("HEAD"), LOG).status is PushStatus.PUSHED
    assert remote_ref(found, "origin", LOG) == found.resolve("HEAD")
