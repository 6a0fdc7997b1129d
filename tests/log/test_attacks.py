"""Attacks on a log, its recorder and its reader: each was once possible, and each now fails as it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envgit.audit.entry import ChangeBody, Event
from envgit.log.record import Planned, Recorder
from envgit.model import EventKind, Reason
from tests.kit.cli import Cli
from tests.kit.repo import Repo
from tests.kit.values import replace

PATH = "envs/production.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token-1", "DEBUG": False})
    repo.commit("Begin")
    cli.ok("init")
    repo.commit("Audit the environments")
    cli.ok("record")
    return repo


def _change(repo: Repo, number: int, **more: object) -> str:
    repo.env(PATH, {"TOKEN": f"token-number-{number}", "DEBUG": False, **more})
    return repo.commit(f"Change {number}", author="bob")


def _codes(cli: Cli, *words: str) -> list[str]:
    ran = cli.run("verify", "--json", *words)
    assert ran.exit == 1, ran.out + ran.err
    return [problem["code"] for problem in ran.json["problems"]]


def test_a_log_that_was_rolled_back_is_not_built_on(made: Repo, cli: Cli) -> None:
    """record refuses a log shorter than this machine saw, so that it cannot hide the rollback from verify."""
    for number in range(3):
        _change(made, number)
    cli.ok("record")
    made.git("branch", "-f", "envgit-audit", "envgit-audit~2")
    assert "[rolled-back]" in cli.fails(3, "record")
    assert "rolled-back" in _codes(cli)


def test_a_forked_log_is_not_built_on_and_both_checkpoints_are_kept(made: Repo, cli: Cli) -> None:
    """The holder of the signing key rewrites the log: this machine saw the other one, and says so."""
    _change(made, 1)
    base = made.ref("envgit-audit")
    cli.ok("record")
    cli.ok("verify")
    made.git("branch", "-f", "envgit-audit", base)
    home = Path(__import__("os").environ["HOME"]) / ".local" / "state"
    home.rename(home.with_name("elsewhere"))
    cli.identity()
    cli.ok("record")
    home.with_name("elsewhere").rename(home)
    assert "forked" in _codes(cli)
    _change(made, 2)
    assert "[forked]" in cli.fails(3, "record")
    assert list(home.glob("envgit/*/fork-*.txt"))


def test_an_entry_by_a_stranger_is_not_built_on(made: Repo, cli: Cli) -> None:
    """A tip signed by a key that genesis does not name stops record, whatever its own log.json says of signers."""
    _change(made, 1)
    before = made.ref("envgit-audit")
    made.git("config", "envgit.signingKey", str(_other_key(made)))
    assert "not one that this log names" in cli.fails(3, "record")
    assert made.ref("envgit-audit") == before


def _other_key(repo: Repo) -> Path:
    from envgit.signing import SigningKey

    path = repo.path.parent / "other-key"
    path.write_text(SigningKey.generate().to_openssh())
    path.chmod(0o600)
    return path


def test_a_pull_request_cannot_reveal_by_its_own_configuration(made: Repo, cli: Cli) -> None:
    """The older side says what may be shown: a head that reveals everything reveals nothing in diff, nor in show."""
    made.git("switch", "-q", "-c", "pr")
    made.write("envs/copy.yaml", (made.path / PATH).read_bytes())
    made.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\nreveal: ['*']\n")
    _change(made, 7)
    for words in (
        ("diff", "main", "pr"),
        ("diff", "main", "pr", "--json"),
        ("show", "pr"),
        ("show", "pr", "--json"),
        ("show",),
    ):
        ran = cli.ok(*words)
        assert "token" not in (ran.out + ran.err).replace("TOKEN", "")


LIES: dict[str, tuple[Callable[[ChangeBody], ChangeBody], str]] = {
    "says nothing of the file": (lambda body: replace(body, files=()), "false-change"),
    "says that it was deleted": (
        lambda body: replace(body, files=(replace(body.files[0], after=None, state=None, events=(Event(EventKind.DELETED),), changes=()),)),
        "false-digest",
    ),
    "names another author": (
        lambda body: replace(body, source=replace(body.source, author=replace(body.source.author, name="mallory"))),
        "false-source",
    ),
    "names another time": (lambda body: replace(body, source=replace(body.source, landed_at="2001-01-01T00:00:00Z")), "false-source"),
    "invents access": (
        lambda body: replace(body, files=(replace(body.files[0], events=(*body.files[0].events, Event(EventKind.ACCESS_GRANTED, recipient="age1evil"))),)),
        "false-change",
    ),
    "calls it unreadable": (
        lambda body: replace(body, files=(replace(body.files[0], state=None, changes=(), events=(Event(EventKind.UNREADABLE, reason=Reason.MALFORMED),)),)),
        "false-state",
    ),
    "blames a commit that it does not bring in": (
        lambda body: replace(body, files=(replace(body.files[0], changes=tuple(replace(c, by="a" * 40) for c in body.files[0].changes)),)),
        "false-source",
    ),
    "hides a variable": (lambda body: replace(body, files=(replace(body.files[0], changes=()),)), "false-change"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_recorder_that_lies_is_caught_by_deep(
    lie: str, made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is well signed and says something untrue: verify --deep compares it with the commit and the files."""
    tell, code = LIES[lie]
    honest = Recorder.describe

    def describe(self: Recorder, step: Any) -> Iterator[Planned]:
        for planned in honest(self, step):
            body = planned.body
            yield Planned(planned.kind, tell(body) if isinstance(body, ChangeBody) else body)

    monkeypatch.setattr(Recorder, "describe", describe)
    _change(made, 1)
    cli.ok("record")
    assert code in _codes(cli, "--deep")


def test_a_pull_merge_that_is_not_recorded_yet_is_pending(made: Repo, cli: Cli) -> None:
    """An ordinary `git pull` merge is no tampering: its commits wait for their entry, exit 4."""
    first = made.head
    _change(made, 1)
    cli.ok("record")
    made.git("switch", "-q", "-c", "local", first)
    made.env("envs/staging.yaml", {"TOKEN": "staging-token"})
    made.commit("Local", author="bob")
    pulled = made.merge("main")
    made.git("branch", "-f", "main", pulled)
    made.git("switch", "-q", "main")
    assert "no entry yet" in cli.run("verify").err
    assert cli.run("verify").exit == 4
    cli.ok("record")
    cli.ok("verify", "--deep")


def test_unpushed_entries_are_built_again_on_what_another_writer_pushed(
    made: Repo, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a plain git fetch the two logs differ; record --push takes the remote's and adds what it lacks, without a false alarm."""
    remote = Repo(tmp_path / "remote.git", "--bare")
    made.git("remote", "add", "origin", str(remote.path))
    made.git("push", "-q", "origin", "main")
    cli.ok("record", "--push")
    _change(made, 1)
    made.git("push", "-q", "origin", "main")
    shared = made.ref("envgit-audit")
    cli.identity()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-machine"))
    cli.ok("record", "--push")
    monkeypatch.delenv("XDG_STATE_HOME")
    theirs = made.ref("envgit-audit")
    cli.identity(made.key.identity)
    made.git("update-ref", "refs/heads/envgit-audit", shared)
    made.git("update-ref", "refs/remotes/origin/envgit-audit", shared)
    cli.ok("record")
    assert made.ref("envgit-audit") != theirs
    made.git("fetch", "-q", "origin", "+refs/heads/envgit-audit:refs/remotes/origin/envgit-audit")
    assert "two logs" in cli.fails(3, "log")
    cli.ok("record", "--push")
    assert made.ref("envgit-audit") == theirs
    assert cli.ok("verify", "--json").json["ok"]


def test_a_supplement_follows_a_renamed_variable(made: Repo, cli: Cli) -> None:
    """Recorded keyless, a rename looks like one removed and one added; completed, blame goes on under the old name."""
    cli.identity()
    made.env(PATH, {"TOKEN_NEW": "first-token-1", "DEBUG": False})
    made.commit("Rename", author="bob")
    cli.ok("record")
    cli.identity(made.key.identity)
    cli.ok("record", "--supplement")
    lines = cli.ok("blame", "--all", "TOKEN_NEW", "--json").json["changes"]
    assert [line["kind"] for line in lines] == ["renamed", "added"]


@pytest.mark.parametrize("keyless", [True, False])
def test_a_rotation_within_a_merge_takes_nobodys_change(made: Repo, cli: Cli, keyless: bool) -> None:
    """Whoever rotates last writes every ciphertext: completed, each value is its author's, as if recorded with the identity."""
    values = {"TOKEN": "first-token-1", "DEBUG": False}
    made.git("switch", "-q", "-c", "side")
    given = {}
    for author, name, value in (("carol", "TOKEN", "token-number-2"), ("dave", "DEBUG", True)):
        made.env(PATH, values := {**values, name: value})
        given[name] = author, made.commit(f"Change {name}", author=author)
    made.env(PATH, {**values, "ADDED": "token-number-3"}, data_key=b"r" * 32)
    given["ADDED"] = "erin", made.commit("Add, and rotate", author="erin")
    made.git("switch", "-q", "main")
    made.merge("side", "--no-ff")
    if keyless:
        cli.identity()
    cli.ok("record")
    if keyless:
        cli.identity(made.key.identity)
        cli.ok("record", "--supplement")
    for name, (author, commit) in given.items():
        last = cli.ok("blame", name, "--json").json["changes"][0]
        assert (last["author"]["name"], last["commit"], "completed_by" in last) == (author, commit, keyless)
    cli.ok("verify", "--deep")


def test_a_supplement_bridges_a_plaintext_gap(made: Repo, cli: Cli) -> None:
    """Recorded keyless after a plaintext revision everything is unknown; completed, only what changed is blamed."""
    made.write(PATH, "TOKEN: in-the-clear\nDEBUG: false\n")
    made.commit("Oops")
    cli.identity()
    _change(made, 3)
    cli.ok("record")
    cli.identity(made.key.identity)
    cli.ok("record", "--supplement")
    assert [line["kind"] for line in cli.ok("blame", "--all", "DEBUG", "--json").json["changes"]] == ["added"]
    assert [line["kind"] for line in cli.ok("blame", "--all", "TOKEN", "--json").json["changes"]] == [
        "changed",
        "added",
    ]
    cli.ok("verify", "--deep")


def test_a_source_branch_that_cannot_be_held_against_the_log_reaches_no_level(made: Repo, cli: Cli) -> None:
    """Level A promises coverage: where the branch is not here verify cannot tell, and does not say OK."""
    made.git("checkout", "-q", "--detach")
    made.git("branch", "-D", "main")
    ran = cli.run("verify")
    assert ran.exit == 3
    assert "OK" not in ran.out


def test_a_full_state_directory_loses_no_entry_and_still_prints_the_trust_root(
    repo: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the pin cannot be written, init still prints the trust root, and record says that it is not remembered."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token-1"})
    repo.commit()
    assert "trust root  sha256:" in cli.ok("init").out
    assert "1 entry" in cli.ok("record").out
    assert "not remembered" in cli.ok("verify").out


def test_a_server_that_refuses_is_quoted_and_nothing_is_lost(made: Repo, cli: Cli, tmp_path: Path) -> None:
    """A pre-receive hook's words are shown, what waits is counted, and the next push delivers it."""
    remote = Repo(tmp_path / "remote.git", "--bare")
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nread old new ref\ncase $ref in *audit) echo 'Commits must have verified signatures'; exit 1;; esac\n"
    )
    hook.chmod(0o755)
    made.git("remote", "add", "origin", str(remote.path))
    made.git("push", "-q", "origin", "main")
    line = cli.fails(4, "record", "--push")
    assert "Commits must have verified signatures" in line
    assert "3 entries wait" in line
    hook.unlink()
    cli.ok("record", "--push")
    assert remote.ref("refs/heads/envgit-audit") == made.ref("envgit-audit")


def test_an_unapproved_reveal_shows_nothing_in_diff_nor_show(made: Repo, cli: Cli) -> None:
    """With roots a wider reveal waits: until they approve it, the log's configuration says what may be shown."""
    from envgit.signing import SigningKey

    made.git("branch", "-D", "envgit-audit")
    ssh = Path(__import__("os").environ["HOME"]) / ".ssh"
    ssh.mkdir()
    (ssh / "id_ed25519.pub").write_text(SigningKey.generate().public_line + " alice\n")
    cli.ok("init")
    cli.ok("record")
    made.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\nreveal: ['*']\n")
    made.commit("Reveal everything", author="mallory")
    cli.ok("record")
    _change(made, 5)
    cli.ok("record")
    assert any("config-pending" in line for line in cli.ok("verify").lines)
    for words in (
        ("diff", "HEAD~1", "HEAD"),
        ("diff", "HEAD~1", "HEAD", "--json"),
        ("show",),
        ("log",),
        ("blame", "TOKEN"),
    ):
        assert "token-" not in cli.ok(*words).out


def test_a_first_look_reaches_no_level_however_often_it_is_repeated(
    made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--require A and B fail on a machine that was never given the genesis, the second time too; given it, they pass."""
    root = cli.ok("verify", "--json").json["genesis"]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "colleague"))
    for _time in range(2):
        ran = cli.run("verify", "--require", "A")
        assert ran.exit == 4
        assert "no level" in ran.out
    assert cli.ok("verify", "--require", "A", "--trust-root", root).exit == 0
    assert "wrong-genesis" in _codes(cli, "--trust-root", "sha256:" + "0" * 64)


def test_init_replaces_no_log_whose_name_only_a_commit_knows(repo: Repo, cli: Cli) -> None:
    """A configuration that is committed and not in the work tree still says where the log is."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token-1"})
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\naudit_branch: audit-log\n")
    repo.commit("Begin")
    cli.ok("init")
    cli.ok("record")
    before = repo.ref("audit-log")
    (repo.path / ".envgit.yaml").unlink()
    assert "holds a log of" in cli.fails(3, "init")
    assert repo.ref("audit-log") == before
    cli.ok("verify")


def test_unpushed_supplements_are_pushed_and_not_thrown_away(made: Repo, cli: Cli, tmp_path: Path) -> None:
    """Where the local log continues the remote's, record --push sends what it has."""
    remote = Repo(tmp_path / "remote.git", "--bare")
    made.git("remote", "add", "origin", str(remote.path))
    cli.identity()
    _change(made, 1)
    made.git("push", "-q", "origin", "main")
    cli.ok("record", "--push")
    cli.identity(made.key.identity)
    cli.ok("record", "--supplement")
    mine = made.ref("envgit-audit")
    cli.ok("record", "--push")
    assert made.ref("envgit-audit") == mine == remote.ref("refs/heads/envgit-audit")


def test_a_value_recalled_from_fingerprints_is_never_shown(made: Repo, cli: Cli) -> None:
    """After a gap the older side is only known to differ: what stands in its place is nobody's value and reaches no entry."""
    from envgit.model import Rules

    rules = Rules("unencrypted_suffix", "_clear")
    made.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\nreveal: ['*_clear']\n")
    made.env(PATH, {"TOKEN": "first-token-1", "LEVEL_clear": "info"}, rules=rules)
    made.commit("In clear")
    made.write(PATH, "TOKEN: [\n")
    made.commit("Broken")
    made.env(PATH, {"TOKEN": "first-token-1", "LEVEL_clear": "debug"}, rules=rules)
    made.commit("Mended")
    cli.ok("record")
    change = next(
        c
        for c in cli.ok("log", "-1", "--json").json["entries"][0]["files"][0]["changes"]
        if c["variable"] == "LEVEL_clear"
    )
    assert change["shown"] == {"after": "debug"}
    cli.ok("verify", "--deep")


def test_a_record_that_points_forward_ends_blame_with_a_line(
    made: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not verify: an entry that names a later one as its past must not make blame run for ever."""
    honest = Recorder.describe

    def describe(self: Recorder, step: Any) -> Iterator[Planned]:
        for planned in honest(self, step):
            body = planned.body
            if isinstance(body, ChangeBody):
                files = tuple(replace(f, changes=tuple(replace(c, previous=99) for c in f.changes)) for f in body.files)
                planned = Planned(planned.kind, replace(body, files=files))
            yield planned

    monkeypatch.setattr(Recorder, "describe", describe)
    _change(made, 1)
    cli.ok("record")
    assert "verify" in cli.fails(3, "blame", "--all", "TOKEN")
    assert "wrong-previous" in _codes(cli)


@pytest.mark.parametrize(
    "words",
    [
        ("log", "--since", "3000.years"),
        ("show", "0001-01-01"),
        ("log", "--kind", "typo"),
        ("log", "-e", "nosuch"),
        ("diff", "--cached", "main..."),
    ],
)
def test_odd_words_are_refused_and_never_a_defect(words: tuple[str, ...], made: Repo, cli: Cli) -> None:
    """Times beyond all calendars, kinds and environments that do not exist, a range where one revision belongs: exit 2."""
    cli.fails(2, *words)


def test_a_session_shows_no_key_in_its_repr(made: Repo) -> None:
    """The environment of a run may hold identities and signing keys: no repr shows it."""
    from envgit.log.session import Session

    assert "AGE-SECRET" not in repr(Session(made.path, {"SOPS_AGE_KEY": made.key.identity}))
