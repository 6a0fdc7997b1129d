"""Roots, witnesses, time-stamp authorities and outsiders, by the commands that people give: each is real but for the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from envgit.audit import note
from envgit.audit.merkle import included, leaf_hash
from tests.kit.authority import Authority
from tests.kit.cli import Cli
from tests.kit.repo import Repo

PATH = "envs/production.yaml"


class Team:
    """A repository with a log whose root is Alice, and keys for everybody."""

    def __init__(self, repo: Repo, cli: Cli, folder: Path) -> None:
        self.repo = repo
        self.cli = cli
        self.folder = folder
        home = Path(os.environ["HOME"])
        (home / ".ssh").mkdir()
        self.key(home / ".ssh" / "id_ed25519", "alice")
        cli.directory = repo.path
        cli.identity(repo.key.identity)
        repo.git("config", "user.name", "alice")
        repo.env(PATH, {"TOKEN": "first-token-1", "DEBUG": False})
        repo.env("envs/staging.yaml", {"TOKEN": "first-token-2"})
        repo.commit("Begin")
        cli.ok("init")
        repo.commit("Audit the environments")
        cli.ok("record")
        self.genesis = cli.ok("verify", "--json").json["genesis"]

    def key(self, path: Path, comment: str) -> Path:
        """Make a key."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True)
        return path

    def change(self, number: int) -> None:
        """Change a value and record it."""
        self.repo.env(PATH, {"TOKEN": f"token-number-{number}", "DEBUG": False})
        self.repo.commit(f"Change {number}")
        self.cli.ok("record")

    def codes(self, *words: str) -> list[str]:
        """Return what verify finds wrong."""
        return [problem["code"] for problem in self.cli.run("verify", "--json", *words).json["problems"]]


@pytest.fixture
def team(repo: Repo, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    return Team(repo, cli, tmp_path)


def test_two_persons_decide_on_a_new_signer(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal goes from one root to the next as a file, and becomes an entry once both approved; the new key then records."""
    bob, ci = team.key(team.folder / "bob", "bob"), team.key(team.folder / "ci", "ci")
    said = team.cli.fails(4, "signers", "add", "--root", f"{bob}.pub", "--threshold", "2")
    assert "1 of the 2 persons" in said
    assert "version 1;" in team.cli.ok("signers").out
    ran = team.cli.ok("signers", "approve", "envgit-proposal.json", "--root-key", str(bob))
    assert "root bob" in ran.out
    team.cli.fails(4, "signers", "add", f"{ci}.pub", "-o", "next.json")
    team.cli.ok("signers", "approve", "next.json", "--root-key", str(bob))
    assert "propose it anew" in team.cli.fails(3, "signers", "approve", "next.json")
    team.cli.fails(4, "signers", "revoke", "envgit", "-o", "last.json")
    team.cli.ok("signers", "approve", "last.json", "--root-key", str(bob))
    team.repo.env(PATH, {"TOKEN": "token-number-9"})
    team.repo.commit("After the revocation")
    assert "revoked from entry" in team.cli.fails(3, "record")
    monkeypatch.setenv("ENVGIT_SIGNING_KEY_FILE", str(ci))
    team.cli.ok("record")
    document = team.cli.ok("signers", "--json").json
    assert [(one["name"], one["until"]) for one in document["signers"]] == [("envgit", 6), ("ci", None)]
    found = team.cli.ok("verify", "--all", "--json").json
    assert (found["ok"], found["entries"]) == (True, 7)
    assert "key set, version 4" in team.cli.ok("log", "--oneline").out


def test_a_lost_signing_key_is_replaced_by_the_roots(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that a root brings may sign the entry that brings it."""
    ci = team.key(team.folder / "ci", "ci")
    team.repo.git("config", "--unset", "envgit.signingKey")
    monkeypatch.setenv("ENVGIT_SIGNING_KEY_FILE", str(ci))
    assert "not one that this log names" in team.cli.fails(3, "anchor")
    team.cli.ok("signers", "add", f"{ci}.pub")
    team.change(1)
    assert team.codes("--all") == []


def test_a_key_that_goes_later_signs_until_then(team: Team) -> None:
    """A rotation that is planned ahead stops nobody before its entry."""
    team.cli.ok("signers", "revoke", "envgit", "--from", "6")
    team.change(1)
    team.cli.ok("anchor")
    assert team.codes("--all") == []
    assert "revoked from entry 6" in team.cli.fails(3, "anchor")


def test_a_stolen_key_is_revoked_in_the_past_and_true_entries_stand(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the thief signed is told until the roots reapprove what they looked at; what he signs later is no entry."""
    thief = team.repo.git("config", "envgit.signingKey")
    team.change(1)
    ci = team.key(team.folder / "ci", "ci")
    team.cli.ok("signers", "add", f"{ci}.pub")
    assert "add another first" in team.cli.fails(2, "signers", "revoke", "envgit", "--from", "2")
    monkeypatch.setenv("ENVGIT_SIGNING_KEY_FILE", str(ci))
    team.cli.ok("signers", "revoke", "envgit", "--from", "2")
    assert set(team.codes()) == set(team.codes("--all")) == {"revoked-signer"}
    team.cli.ok("signers", "revoke", "envgit", "--from", "2", "--reapprove-to", "5")
    assert team.codes() == team.codes("--all") == []
    monkeypatch.delenv("ENVGIT_SIGNING_KEY_FILE")
    assert thief == team.repo.git("config", "envgit.signingKey")
    assert "revoked from entry 2" in team.cli.fails(3, "anchor")


def test_a_narrower_configuration_waits_for_a_root(team: Team) -> None:
    """Until a root approves it the old one is in force, and verify says so; then the file that goes is released."""
    team.repo.write(".envgit.yaml", "version: 1\nenvironments:\n  production: envs/production.yaml\n")
    team.repo.commit("Audit less")
    team.cli.ok("record")
    assert "config-pending" in team.cli.ok("verify").out
    assert "approve" in team.cli.ok("signers").out
    team.cli.ok("signers", "approve")
    assert "config-pending" not in team.cli.ok("verify", "--all").out
    assert "no longer audited" in team.cli.ok("log", "-1").out
    assert "no configuration waits" in team.cli.fails(3, "signers", "approve")


def test_what_roots_are_told_to_sign_is_refused_where_it_is_none(team: Team) -> None:
    """A proposal of another log, an edited one, a file that is none, a key that is no root's: one line each, nothing recorded."""
    bob = team.key(team.folder / "bob", "bob")
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(team.folder / "rsa")], check=True)
    team.cli.fails(4, "signers", "add", "--root", f"{bob}.pub", "--threshold", "2", "-o", "p.json")
    text = Path("p.json").read_text()
    for name, edited in {
        "another log": text.replace(team.genesis, "sha256:" + "0" * 64),
        "an edit": text.replace('"threshold": 2', '"threshold": 1'),
        "no proposal": "{}",
        "no JSON": "[" * 100_000,
        "another schema": text.replace("proposal/1", "proposal/2"),
    }.items():
        Path("edited.json").write_text(edited)
        assert team.cli.run("signers", "approve", "edited.json").exit in (2, 3), name
    for words in (
        ("signers", "approve", "missing.json"),
        ("signers", "approve", "p.json", "--root-key", str(team.folder / "rsa")),
        ("signers", "add", str(team.folder / "rsa.pub")),
        ("signers", "add", "ssh-ed25519 AAAA"),
        ("signers", "revoke", "nobody"),
        ("signers", "revoke", "envgit", "--from", "0"),
        ("signers", "revoke", "alice"),
        ("signers", "add", "--root", f"{bob}.pub", "--threshold", "5"),
    ):
        assert team.cli.run(*words).exit == 2, words
    assert {entry["kind"] for entry in team.cli.ok("log", "--json").json["entries"]} == {"genesis", "change", "config"}


def test_no_root_key_at_hand_still_makes_a_proposal(team: Team) -> None:
    """Where no root's key is here the proposal is written for somebody who has one."""
    (Path(os.environ["HOME"]) / ".ssh" / "id_ed25519.pub").unlink()
    ci = team.key(team.folder / "ci", "ci")
    assert "0 of the 1 persons" in team.cli.fails(4, "signers", "add", f"{ci}.pub")


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[Authority, str]]:
    """A time-stamp authority behind HTTP."""
    made = Authority(tmp_path / "tsa")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (made.directory / "asked.tsq").write_bytes(query)
            command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "asked.tsq", "-out", "asked.tsr"]
            subprocess.run(command, cwd=made.directory, check=True, capture_output=True)
            data = (made.directory / "asked.tsr").read_bytes() if self.path != "/nonsense" else b"<html>"
            self.send_response(200 if self.path != "/broken" else 500)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_words: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield made, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_token_dates_the_log_and_openssl_agrees(team: Team, authority: tuple[Authority, str]) -> None:
    """An anchor holds the authority's token over the checkpoint; verify reaches C by it, and `openssl ts -verify` says OK."""
    made, url = authority
    team.cli.ok("anchor", "--tsa", url)
    plain = team.cli.ok("verify", "--trust-root", team.genesis)
    assert "not named" in plain.out
    found = team.cli.ok(
        "verify", "--all", "--trust-root", team.genesis, "--tsa-roots", str(made.roots), "--require", "C", "--json"
    ).json
    said = found["outside"][0]
    assert (found["level"], said["type"], said["by"], said["entry"]) == (
        "C",
        "rfc3161",
        ["CN=Test Authority"],
        said["size"] + 1,
    )
    assert found["newest"]["time"] >= said["time"]
    team.cli.ok("bundle", "-o", str(team.folder / "b.json"))
    token = json.loads((team.folder / "b.json").read_text())["tokens"][0]
    import base64

    (team.folder / "token.tsr").write_bytes(base64.b64decode(token["token"]))
    commit = team.repo.git("log", "--format=%B", "-1", "envgit-audit~2")
    (team.folder / "text").write_text("\n".join(commit.split("\n")[2:5]) + "\n")
    done = subprocess.run(
        [
            "openssl",
            "ts",
            "-verify",
            "-data",
            "text",
            "-in",
            "token.tsr",
            "-CAfile",
            str(made.roots),
            "-attime",
            str(int(__import__("time").time())),
        ],
        cwd=team.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in done.stdout + done.stderr
    assert (
        "level C"
        in team.cli.ok(
            "verify", "--trust-root", team.genesis, "--tsa-roots", str(made.roots), "--evidence", "token.tsr"
        ).out
    )


def test_whoever_is_down_stops_nothing_and_is_said(team: Team, authority: tuple[Authority, str]) -> None:
    """A dead address, an error, nonsense, a redirect target: the note is there all the same, status 4 names who failed."""
    _made, url = authority
    ran = team.cli.run(
        "anchor",
        "--tsa",
        "http://127.0.0.1:9/",
        "--tsa",
        url + "broken",
        "--tsa",
        url + "nonsense",
        "--cosigned",
        "none",
    )
    assert ran.exit == 4
    assert len([line for line in ran.err.splitlines() if line.startswith("envgit: not had from")]) == 4
    assert team.codes("--all") == []
    assert "a note that the log signed" in team.cli.ok("log", "-1").out
    assert team.cli.run("anchor", "--tsa", "ftp://a").exit == 2


class Outsider:
    """A witness with a store, and the policy by which a reader knows it."""

    def __init__(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        self.team = team
        self.store = team.folder / "witness"
        self.store.mkdir()
        monkeypatch.setenv("ENVGIT_WITNESS_KEY_FILE", str(team.key(team.folder / "w", "w")))
        monkeypatch.setenv("ENVGIT_WITNESS_NAME", "git.example/other/w")
        line = team.cli.ok("witness", "--vkey").out
        self.policy = team.folder / "policy"
        self.policy.write_text(line + "quorum w\n")

    def look(self, status: int = 0, *words: str) -> list[str]:
        """Let it look, and return what it found wrong."""
        ran = self.team.cli.run(
            "witness",
            str(self.team.repo.path),
            "--trust-root",
            self.team.genesis,
            "--store",
            str(self.store),
            "--json",
            *words,
        )
        assert ran.exit == status, ran.err
        return [problem["code"] for problem in ran.json["problems"]] if ran.out else []

    @property
    def note(self) -> Path:
        """What it keeps of the log."""
        return next(self.store.glob("*/checkpoint"))


@pytest.fixture
def outsider(team: Team, monkeypatch: pytest.MonkeyPatch) -> Outsider:
    return Outsider(team, monkeypatch)


def test_a_witness_lets_a_first_visitor_see_a_rewrite(team: Team, outsider: Outsider) -> None:
    """With the stolen key the last entries are signed anew: who never saw the log before is told by the witness's note."""
    team.change(1)
    base = team.repo.ref("envgit-audit~1")
    outsider.look()
    ours = ("--policy", str(outsider.policy), "--evidence", str(outsider.note), "--trust-root", team.genesis)
    assert team.cli.ok("verify", "--require", "C", "--json", *ours).json["level"] == "C"
    state = Path(os.environ["HOME"]) / ".local" / "state"
    state.rename(state.with_name("of-somebody-else"))
    team.repo.git("branch", "-f", "envgit-audit", base)
    assert team.codes(*ours) == ["rolled-back", "uncovered"]
    assert team.codes("--trust-root", team.genesis) == []
    team.cli.identity()
    team.cli.ok("record")
    assert team.codes(*ours) == ["forked"]
    kept = outsider.note.read_text()
    assert outsider.look(1) == ["forked"]
    assert outsider.note.read_text() == kept
    assert list(outsider.store.glob("*/conflict-*.txt"))


def test_a_cosigned_note_goes_into_the_log_once(team: Team, outsider: Outsider) -> None:
    """The log keeps the witness's note, so that a reader needs only the policy; the same note is not kept twice."""
    outsider.look()
    team.change(1)
    team.cli.ok("anchor", "--cosigned", str(outsider.note))
    team.cli.ok("anchor", "--cosigned", str(outsider.note))
    found = team.cli.ok(
        "verify", "--all", "--policy", str(outsider.policy), "--trust-root", team.genesis, "--json"
    ).json
    assert [(said["type"], said["by"]) for said in found["outside"]] == [("cosigned", ["w"])]
    assert "not named" in team.cli.ok("verify").out
    proof = team.cli.ok("prove", "entry:0").out
    head, _blank, text = proof.partition("\n\n")
    given = note.parse(text)
    assert {line.name for line in given.lines} >= {"git.example/other/w"}
    from base64 import b64decode

    path = [b64decode(row) for row in head.splitlines()[2:]]
    said = note.checkpoint(given.text)
    data = team.repo.git("cat-file", "blob", "envgit-audit:entries/00/00/00.json").encode()
    assert included(leaf_hash(data), 0, said.size, path) == said.root


def test_a_witness_that_was_led_back_says_so(team: Team, outsider: Outsider) -> None:
    """A shorter log, another trust root, a store that is not its own: nothing is cosigned."""
    team.change(1)
    outsider.look()
    kept = outsider.note.read_text()
    team.repo.git("branch", "-f", "envgit-audit", "envgit-audit~1")
    assert outsider.look(1) == ["rolled-back"]
    assert outsider.note.read_text() == kept
    team.repo.git("branch", "-f", "envgit-audit", "envgit-audit@{1}")
    team.genesis, real = "sha256:" + "0" * 64, team.genesis
    assert outsider.look(1) == ["wrong-genesis"]
    team.genesis = real
    outsider.note.write_text(kept.replace("\n4\n", "\n3\n"))
    assert "not what this witness kept" in team.cli.fails(
        3, "witness", str(team.repo.path), "--trust-root", team.genesis, "--store", str(outsider.store)
    )


def test_witnesses_at_once_are_never_led_back(team: Team, outsider: Outsider) -> None:
    """Eight looks at once, while the log grows: what is kept in the end is the longest that any of them saw."""
    command = [
        sys.executable,
        "-m",
        "envgit",
        "witness",
        str(team.repo.path),
        "--trust-root",
        team.genesis,
        "--store",
        str(outsider.store),
    ]
    running = []
    root = str(Path(__file__).parent.parent.parent)
    for number in range(4):
        running += [
            subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.PIPE, text=True)
            for _twice in range(2)
        ]
        team.change(number)
    sizes = [int(one.communicate()[0].split()[0]) for one in running]
    assert note.checkpoint(note.parse(outsider.note.read_text()).text).size == max(sizes)


@pytest.mark.parametrize(
    "words",
    [
        ("witness",),
        ("witness", "nowhere"),
        ("witness", "nowhere", "--trust-root", "x"),
        ("verify", "--policy", "missing"),
        ("verify", "--tsa-roots", "missing"),
        ("verify", "--evidence", "missing"),
        ("verify", "--max-age", "old"),
        ("prove", "x"),
        ("prove", "entry:999"),
        ("bundle", "--since", "entry:999"),
        ("bundle", "--since", "entry:1", "--until", "entry:0"),
        ("bundle", "-o", "missing/b.json"),
        ("anchor", "--tsa", "x"),
    ],
)
def test_bad_words_are_one_line_and_status_2(words: tuple[str, ...], team: Team) -> None:
    """Whatever is named and is not there, or is no such thing, is said in one line."""
    team.cli.fails(2, *words)


@pytest.mark.parametrize(
    "text", [b"", b"\xff" * 100, b"x\n\n\xe2\x80\x94 a AAAAAAAA\n", b"0" * 2_000_000, b"\x30\x82", b"0\x80" * 50]
)
def test_files_that_are_none_are_refused(text: bytes, team: Team) -> None:
    """Bytes that are neither policy, certificate nor evidence are refused as such, and verify says nothing of the log by them."""
    (team.folder / "file").write_bytes(text)
    for option in ("--policy", "--tsa-roots", "--evidence"):
        assert team.cli.run("verify", option, str(team.folder / "file")).exit == 2
    os.mkfifo(team.folder / "fifo")
    for option in ("--policy", "--tsa-roots", "--evidence"):
        assert team.cli.run("verify", option, str(team.folder / "fifo")).exit == 2


class _NextMonth(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime.now(UTC) + timedelta(days=30)


def test_a_frozen_log_is_stale(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the newest sign of life is older than is asked, verify ends with 4, and an anchor mends it."""
    monkeypatch.setattr(
        "envgit.log.anchoring.required_key", __import__("envgit.log.signer", fromlist=["x"]).required_key
    )
    assert "stale" in team.cli.fails(4, "verify", "--quiet", "--max-age", "0.days")
    assert team.cli.ok("verify", "--max-age", "1.day").exit == 0


def test_verify_goes_on_from_where_it_was(team: Team) -> None:
    """The second look is at what is new, --all at everything; an entry before the pin that changed is seen by both."""
    assert team.cli.ok("verify", "--json").json["since"] == 3
    team.change(1)
    found = team.cli.ok("verify", "--json").json
    assert (found["since"], found["entries"], found["covered"]) == (3, 4, 3)
    whole = team.cli.ok("verify", "--json", "--all").json
    assert (whole["since"], whole["covered"]) == (0, found["covered"])


def test_a_bundle_is_checked_far_from_here(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the program beside it prove the entries with nothing but Python and the trust root; an edit is found."""
    ci = team.key(team.folder / "ci", "ci")
    team.cli.ok("signers", "add", f"{ci}.pub")
    monkeypatch.setenv("ENVGIT_SIGNING_KEY_FILE", str(ci))
    team.change(1)
    team.cli.ok("anchor")
    out = team.folder / "far" / "b.json"
    out.parent.mkdir()
    team.cli.ok("bundle", "--since", "entry:2", "-o", str(out))
    command = [sys.executable, "-I", "-S", "verify_bundle.py", "b.json", "--trust-root", team.genesis, "--commits"]
    done = subprocess.run(command, cwd=out.parent, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert team.repo.head in done.stdout
    out.write_text(out.read_text().replace("TOKEN", "TIKEN", 1))
    assert subprocess.run(command, cwd=out.parent, env={}, capture_output=True, check=False).returncode == 1


@pytest.fixture
def shared(team: Team) -> tuple[Team, Repo, Path]:
    """The team's remote, and the clone of another writer, who has the same key."""
    remote = Repo(team.folder / "remote.git", "--bare")
    team.repo.git("remote", "add", "origin", str(remote.path))
    team.repo.git("push", "-q", "origin", "main")
    team.cli.ok("record", "--push")
    other = Repo.clone(remote.path, team.folder / "other")
    other.key = team.repo.key
    other.hours = team.repo.hours
    other.git("config", "envgit.signingKey", team.repo.git("config", "envgit.signingKey"))
    return team, other, team.key(team.folder / "new", "new")


def _at(cli: Cli, repo: Repo) -> Cli:
    cli.directory = repo.path
    return cli


def test_what_roots_approved_is_not_thrown_away_for_another_continuation(shared: tuple[Team, Repo, Path]) -> None:
    """Another writer pushed meanwhile: what people approved for this place of the log cannot be told anew, and nothing moves."""
    team, other, key = shared
    team.cli.ok("signers", "add", f"{key}.pub")
    other.env(PATH, {"TOKEN": "token-number-9", "DEBUG": False})
    other.commit("Meanwhile")
    other.git("push", "-q", "origin", "main")
    _at(team.cli, other).ok("record", "--push")
    mine = team.repo.ref("envgit-audit")
    said = _at(team.cli, team.repo).fails(4, "record", "--push")
    assert "cannot be told anew, 3 (signers); docs/runbook.md#only-here" in said
    assert team.repo.ref("envgit-audit") == mine
    assert "docs/runbook.md#forked" in team.cli.fails(3, "verify", "--all")


def test_what_roots_approved_waits_for_the_commits_before_it(shared: tuple[Team, Repo, Path]) -> None:
    """A commit that was recorded and not pushed stops the push of the key set behind it, and no more."""
    team, _other, key = shared
    team.change(1)
    team.cli.ok("signers", "add", f"{key}.pub")
    assert "the remote lacks commits before them, push main first" in team.cli.fails(4, "record", "--push")
    team.repo.git("push", "-q", "origin", "main")
    mine = team.repo.ref("envgit-audit")
    team.cli.ok("record", "--push")
    assert team.repo.git("rev-parse", "origin/envgit-audit") == mine


def test_what_others_make_again_is_named(shared: tuple[Team, Repo, Path]) -> None:
    """An anchor yields to another continuation, and the one whose it was is told of it."""
    team, other, _key = shared
    team.cli.ok("anchor")
    other.env(PATH, {"TOKEN": "token-number-9", "DEBUG": False})
    other.commit("Meanwhile")
    other.git("push", "-q", "origin", "main")
    _at(team.cli, other).ok("record", "--push")
    assert "but for 3 (anchor)" in _at(team.cli, team.repo).ok("record", "--push").err


def test_a_remote_that_was_moved_back_is_told(shared: tuple[Team, Repo, Path]) -> None:
    """The next push puts back what somebody took away, and says so."""
    team, _other, _key = shared
    team.repo.git("push", "-q", "-f", "origin", "envgit-audit~1:envgit-audit")
    team.repo.git("update-ref", "refs/remotes/origin/envgit-audit", team.repo.ref("envgit-audit"))
    assert "docs/runbook.md#rolled-back" in team.cli.ok("record", "--push").err
    assert "#rolled-back" not in team.cli.ok("record", "--push").err


def test_a_clone_of_one_branch_begins_no_second_log(shared: tuple[Team, Repo, Path]) -> None:
    """The command that it names brings the log, and until then init refuses."""
    team, _other, _key = shared
    single = Repo.clone(team.folder / "remote.git", team.folder / "single", "--single-branch")
    cli = _at(team.cli, single)
    command = "git fetch origin envgit-audit:refs/remotes/origin/envgit-audit"
    assert command in cli.fails(3, "verify")
    assert command in cli.fails(3, "init")
    single.git(*command.split()[1:])
    cli.ok("verify")
    assert "holds a log of" in cli.fails(3, "init")


def test_a_branch_that_parted_is_no_force_push(shared: tuple[Team, Repo, Path]) -> None:
    """Before a pull --rebase nobody has replaced anything: no entry says so, and afterwards each commit has its own."""
    team, _other, _key = shared
    team.change(1)
    team.repo.git("push", "-q", "origin", "main")
    team.repo.git("reset", "-q", "--hard", "HEAD~1")
    team.repo.env("envs/staging.yaml", {"TOKEN": "token-number-7"})
    team.repo.commit("Parted", author="zoe")
    assert "git pull --rebase first" in team.cli.fails(3, "record")
    team.repo.git("pull", "-q", "--rebase", "origin", "main")
    team.cli.ok("record")
    assert "rewrite" not in {entry["kind"] for entry in team.cli.ok("log", "--json").json["entries"]}
