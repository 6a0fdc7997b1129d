"""Bad input: one clear line, the right exit status, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.cli import Cli, process
from tests.kit.repo import Repo
from tests.kit.sops import new_key

PATH = "envs/production.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    """A repository with one environment, recorded."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.env(PATH, {"TOKEN": "first-token", "DEBUG": False})
    repo.commit("Begin")
    return repo


@pytest.fixture
def recorded(made: Repo, cli: Cli) -> Repo:
    cli.ok("init")
    made.commit("Audit the environments")
    cli.ok("record")
    return made


def test_outside_a_repository_every_command_says_so(tmp_path: Path, cli: Cli) -> None:
    """No repository: exit 3, and the place."""
    cli.directory = tmp_path
    for words in (("diff",), ("record",), ("verify",), ("blame", "X"), ("log",), ("show",), ("init",)):
        assert "is in no git repository" in cli.fails(3, *words)


def test_an_empty_repository_asks_for_a_commit(repo: Repo, cli: Cli) -> None:
    """Nothing committed yet: there is nothing to begin with."""
    cli.directory = repo.path
    assert "no commit yet" in cli.fails(3, "init")
    assert "no commit yet" in cli.fails(3, "log")
    assert cli.ok("diff").out == ""


def test_a_bare_repository_is_read_and_recorded_but_has_no_work_tree(recorded: Repo, cli: Cli, tmp_path: Path) -> None:
    """diff needs two revisions there; verify and log work."""
    bare = Repo.clone(recorded.path, tmp_path / "bare.git", "--bare")
    cli.directory = bare.path
    assert "no work tree" in cli.fails(2, "diff")
    assert len(cli.ok("log", "--json").json["entries"]) == 3
    assert cli.ok("verify", "--json").json["ok"]


def test_a_sha256_repository_is_named_as_such(tmp_path: Path, cli: Cli) -> None:
    """libgit2 cannot read it: exit 3, never a traceback."""
    cli.directory = Repo(tmp_path / "sha256", "--object-format=sha256").path
    assert "SHA-256" in cli.fails(3, "verify")


def test_a_reftable_repository_is_named_as_such(recorded: Repo, cli: Cli) -> None:
    """The extension is recognised, and the command that mends it is named."""
    recorded.git("config", "core.repositoryformatversion", "1")
    recorded.git("config", "extensions.refStorage", "reftable")
    assert "reftable" in cli.fails(3, "log")


def test_a_shallow_clone_cannot_tell(recorded: Repo, cli: Cli, tmp_path: Path) -> None:
    """One of two entries is there: verify says what fetches the rest, and exits with 3."""
    clone = Repo.clone(f"file://{recorded.path}", tmp_path / "shallow", "--depth=1", "--no-single-branch")
    cli.directory = clone.path
    assert "git fetch --unshallow" in cli.fails(3, "verify")
    assert cli.ok("log", "--oneline").lines[0].startswith("2 ")


def test_a_partial_clone_is_filled_as_needed(recorded: Repo, cli: Cli, tmp_path: Path) -> None:
    """Blobs that were left out are fetched when they are read; a verdict asks nobody for what is missing."""
    recorded.git("config", "uploadpack.allowFilter", "true")
    recorded.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = Repo.clone(f"file://{recorded.path}", tmp_path / "partial", "--filter=blob:none")
    cli.directory = clone.path
    assert "not in this partial clone" in cli.fails(3, "verify")
    assert cli.ok("show").out


def test_a_detached_head_is_no_obstacle(recorded: Repo, cli: Cli) -> None:
    """The source branch is what is recorded, wherever HEAD is."""
    recorded.git("checkout", "-q", "--detach")
    assert "nothing to record" in cli.ok("record").out


def test_a_missing_source_branch_is_named(recorded: Repo, cli: Cli) -> None:
    """The branch that the configuration names is not here: exit 3, and how to get it."""
    recorded.git("checkout", "-q", "--detach")
    recorded.git("branch", "-D", "main")
    assert "no branch 'main'" in cli.fails(3, "record")


def test_without_an_identity_diff_shows_what_the_ciphertext_tells(made: Repo, cli: Cli) -> None:
    """Names, recipients and new ciphertext, worded as what it is."""
    made.env(PATH, {"TOKEN": "second-token", "DEBUG": False, "NEW": "value-of-new"})
    made.commit()
    cli.identity()
    out = cli.ok("diff", "HEAD~1", "HEAD").out
    assert "no identity" in out
    assert " A NEW" in out
    assert "new ciphertext" in out
    assert "1 with new ciphertext" not in out.splitlines()[0]


def test_a_wrong_identity_is_named_by_its_public_half(made: Repo, cli: Cli) -> None:
    """What was tried stands in the heading, never the key itself."""
    other = new_key()
    cli.identity(other.identity)
    made.env(PATH, {"TOKEN": "second-token", "DEBUG": False})
    made.commit()
    out = cli.ok("diff", "HEAD~1", "HEAD").out
    assert other.recipient[:8] in out
    assert other.identity not in out


def test_a_mac_mismatch_is_compared_and_flagged(made: Repo, cli: Cli) -> None:
    """Leaves that open are compared; the file is marked, with the variable and the line."""
    text = (made.path / PATH).read_text().splitlines()
    assert text[0].startswith("TOKEN: ENC[")
    made.write(PATH, "\n".join(["TOKEN: plaintext-by-hand", *text[1:], ""]))
    made.commit()
    out = cli.ok("diff", "HEAD~1", "HEAD").out
    assert "MAC does not match" in out
    assert "TOKEN" in out
    assert "plaintext-by-hand" not in out


BROKEN = {
    "plaintext": (b"TOKEN: in-the-clear\n", "plaintext"),
    "duplicate keys": (b"TOKEN: a\nTOKEN: b\nsops: {}\n", "malformed"),
    "60 KB of nesting": (b"a: " + b"[" * 60_000, "malformed"),
    "nested mappings": (b"{a: " * 15_000, "malformed"),
    "a YAML bomb": (
        b"a: &a [x]\n"
        + b"".join(
            b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (98 + n, 98 + n, *([97 + n] * 8)) for n in range(12)
        )
        + b"sops: {}\n",
        None,
    ),
    "binary": (bytes(range(256)) * 40, "not-sops"),
    "invalid UTF-8": (b"TOKEN: \xff\xfe\xff\n", "not-sops"),
    "a list": (b"- a\n- b\n", "not-sops"),
    "empty": (b"", "not-sops"),
    "a broken sops block": (b"TOKEN: x\nsops: 7\n", "malformed"),
    "17 MB": (b"TOKEN: " + b"x" * (17 << 20), "too-large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_is_recorded_with_its_reason(name: str, recorded: Repo, cli: Cli) -> None:
    """Whatever stands in the environment's place, record, diff and verify go on and say why it could not be read."""
    data, reason = BROKEN[name]
    recorded.write(PATH, data)
    recorded.commit(name)
    assert cli.ok("diff", "HEAD~1", "HEAD").out
    cli.ok("record")
    event = cli.ok("log", "-1", "--json").json["entries"][0]["files"][0]["events"][0]
    assert event["kind"] == "unreadable"
    assert reason is None or event["reason"] == reason
    cli.ok("verify", "--deep")


def test_a_symlink_and_a_directory_in_the_files_place(recorded: Repo, cli: Cli) -> None:
    """A link is recorded as unreadable and never followed, a directory as deletion."""
    (recorded.path / PATH).unlink()
    (recorded.path / PATH).symlink_to("/etc/passwd")
    recorded.commit("A link")
    (recorded.path / PATH).unlink()
    recorded.write(f"{PATH}/inside", "x")
    recorded.commit("A directory")
    cli.ok("record")
    entries = cli.ok("log", "-2", "--json").json["entries"]
    assert entries[1]["files"][0]["events"] == [{"kind": "unreadable", "reason": "not-sops"}]
    assert entries[0]["files"][0]["events"][0] == {"kind": "deleted"}
    cli.ok("verify", "--deep")


HOSTILE = (
    "../../x",
    ".git",
    "CON",
    "n" * 300,
    "new\nline",
    "\x1b[31mred",
    "\u202eright",
    "a|b",
    "`x`",
    "@2",
    "sops",
    "💥",
    ":",
    "nul.txt",
)


def test_hostile_variable_names_stay_in_their_place(recorded: Repo, cli: Cli) -> None:
    """No name leaves its directory on the branch or reaches the terminal unescaped, and blame finds each."""
    import json

    lines = "".join(
        f"{json.dumps(name, ensure_ascii=False)}: value-of-this-one\n" for name in HOSTILE if name != "sops"
    )
    recorded.env(PATH, lines)
    recorded.commit("Hostile names")
    cli.ok("record")
    files = recorded.git("ls-tree", "-r", "--name-only", "-z", "envgit-audit").split("\0")
    assert all(name.isascii() and not {"..", ".git"} & set(name.split("/")) for name in files if name)
    out = cli.ok("log", "-1").out + cli.ok("blame", "-e", "production").out + cli.ok("show").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert len(cli.ok("blame", "-e", "production", "--json").json["changes"]) == len(HOSTILE) - 1
    assert recorded.git("fsck", "--strict", "--no-dangling") == ""
    cli.ok("verify", "--deep")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nonsense", "corrupt"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "corrupt"),
        ("", "no signing key"),
    ],
)
def test_a_corrupt_signing_key_is_said_without_showing_it(
    text: str, what: str, recorded: Repo, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names where the key came from and what is wrong, and nothing is recorded."""
    recorded.env(PATH, {"TOKEN": "second-token"})
    recorded.commit()
    recorded.git("config", "--unset", "envgit.signingKey")
    monkeypatch.setenv("ENVGIT_SIGNING_KEY", text)
    before = recorded.ref("envgit-audit")
    line = cli.fails(3, "record")
    assert what in line
    assert not text or text[:30] not in line
    assert recorded.ref("envgit-audit") == before


def test_an_audit_branch_that_is_not_envgits_is_left_alone(made: Repo, cli: Cli) -> None:
    """init and record refuse to build on somebody else's branch."""
    made.git("branch", "envgit-audit")
    before = made.ref("envgit-audit")
    assert "is not envgit's" in cli.fails(3, "init")
    assert "is not envgit's" in cli.fails(3, "record")
    assert made.ref("envgit-audit") == before


def test_a_foreign_commit_on_top_is_not_built_on(recorded: Repo, cli: Cli) -> None:
    """Nothing is recorded on top of it, and the command that puts the branch back is printed."""
    sound = recorded.ref("envgit-audit")
    tree = recorded.git("rev-parse", "envgit-audit^{tree}")
    foreign = recorded.git("commit-tree", tree, "-p", sound, "-m", "by hand", author="mallory")
    recorded.git("branch", "-f", "envgit-audit", foreign)
    line = cli.fails(3, "record")
    assert "mallory" in line
    assert f"git update-ref refs/heads/envgit-audit {sound[:12]}" in line
    recorded.git("update-ref", "refs/heads/envgit-audit", sound)
    cli.ok("record")


def test_two_logs_that_diverged_are_both_named(recorded: Repo, cli: Cli, tmp_path: Path) -> None:
    """Neither continues the other: exit 3, both tips."""
    remote = Repo(tmp_path / "remote.git", "--bare")
    recorded.git("remote", "add", "origin", str(remote.path))
    recorded.env(PATH, {"TOKEN": "second-token"})
    recorded.commit()
    genesis = recorded.ref("envgit-audit")
    cli.ok("record")
    ours = recorded.ref("envgit-audit")
    recorded.git("branch", "-f", "envgit-audit", genesis)
    (Path(os.environ["HOME"]) / ".local" / "state").rename(tmp_path / "forgotten")
    cli.identity()
    cli.ok("record")
    theirs = recorded.ref("envgit-audit")
    assert ours != theirs
    recorded.git("update-ref", "refs/remotes/origin/envgit-audit", ours)
    line = cli.fails(3, "log")
    assert ours[:7] in line
    assert theirs[:7] in line


def test_a_second_record_waits_for_nobody(recorded: Repo, cli: Cli) -> None:
    """While another process holds the lock, record says who, and writes nothing."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "import fcntl,os,sys,time\nf=open(sys.argv[1],'r+')\nfcntl.flock(f,fcntl.LOCK_EX)\nf.truncate(0)\nf.write(str(os.getpid()))\nf.flush()\nprint('held',flush=True)\ntime.sleep(60)", str(recorded.path / ".git/envgit/envgit-audit.lock")],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert f"process {holder.pid}" in cli.fails(3, "record")
    finally:
        holder.kill()
        holder.communicate()


def test_a_full_disk_leaves_the_branch_as_it_was(recorded: Repo, cli: Cli) -> None:
    """Whichever write fails, the branch does not move, and the next record catches up."""
    recorded.env(PATH, {"TOKEN": "second-token"})
    recorded.commit()
    before = recorded.ref("envgit-audit")
    code = (
        "import resource,signal,sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))\n"
        "from envgit.cli import main\nsys.exit(main(['record']))\n"
    )
    for limit in (0, 16, 64, 256):
        done = subprocess.run(
            [sys.executable, "-c", code, str(limit)],
            cwd=recorded.path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3, (limit, done.stderr)
        assert "nothing was recorded" in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert recorded.ref("envgit-audit") == before
    assert "1 entry" in cli.ok("record").out
    cli.ok("verify", "--deep")


def test_a_closed_pipe_is_141_and_no_traceback(recorded: Repo) -> None:
    """A reader that is gone before the answer comes is told of by the status, and by nothing else."""
    for words in ("log --json", "show", "verify"):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m envgit {words} >&{writing}; echo $? >&2"],
            cwd=recorded.path,
            pass_fds=(writing,),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )
        os.close(writing)
        assert done.stderr.split() == ["141"], (words, done.stderr)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version: 2\n", "version"),
        ("version: 1\nenvironmnets: x\n", "did you mean 'environments'"),
        ("version: 1\nenvironments: envs/*.yaml\n", "names no environment"),
        ("version: 1\nbranch: [a]\n", "branch"),
        ("- a\n", "mapping"),
        ("version: 1\nversion: 1\n", ".envgit.yaml:2"),
        ("{" * 70_000, ".envgit.yaml:1"),
    ],
)
def test_a_wrong_configuration_names_file_and_line_or_key(text: str, what: str, made: Repo, cli: Cli) -> None:
    """init reads it strictly: exit 2."""
    made.write(".envgit.yaml", text)
    line = cli.fails(2, "init")
    assert ".envgit.yaml" in line
    assert what in line


def test_two_files_that_are_one_environment_name_each_other(made: Repo, cli: Cli) -> None:
    """The error names both paths and the placeholder to add."""
    made.env("apps/api/production.yaml", {"A": "1"})
    made.env("apps/web/production.yaml", {"A": "1"})
    made.commit()
    made.write(".envgit.yaml", "version: 1\nenvironments: apps/*/{environment}.yaml\n")
    line = cli.fails(2, "init")
    assert "apps/api/production.yaml" in line
    assert "apps/web/production.yaml" in line
    assert "{app}" in line


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("blame", "NOPE"), "no variable 'NOPE'"),
        (("blame",), "name a variable"),
        (("blame", "TOKEN", "-e", "nope"), "no environment matches"),
        (("diff", "nope", "HEAD"), "'nope' is no revision"),
        (("show", "entry:99"), "no entry 99"),
        (("show", "whenever"), "neither a revision"),
        (("show", "--reveal"), "terminal"),
        (("verify", "--trust-root", "x"), "sha256:"),
        (("log", "--since", "tomorrow-ish"), "is no time"),
        (("nope",), "nope"),
        (("blame", "--nope"), "--nope"),
        (("-C", "/nowhere-at-all", "log"), "is no directory"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(words: tuple[str, ...], what: str, recorded: Repo, cli: Cli) -> None:
    """Every wrong word is named."""
    assert what in cli.fails(2, *words)


def test_an_interrupt_is_130_and_one_line(recorded: Repo, tmp_path: Path) -> None:
    """Ctrl-C in the midst of a command, here while it waits for a key: git's status, one line, and the branch as it was."""
    recorded.env(PATH, {"TOKEN": "second-token"})
    recorded.commit()
    before = recorded.ref("envgit-audit")
    mark = tmp_path / "waiting"
    environ = {name: value for name, value in os.environ.items() if name != "SOPS_AGE_KEY"}
    running = subprocess.Popen(
        [sys.executable, "-m", "envgit", "record"],
        cwd=recorded.path,
        env={
            **environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SOPS_AGE_KEY_CMD": f"sh -c 'touch {mark}; exec sleep 20'",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    while not mark.exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _out, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert said.count("\n") == 1, said
    assert said.startswith("envgit: interrupted")
    assert recorded.ref("envgit-audit") == before


def test_a_process_of_its_own_exits_with_the_same_statuses(recorded: Repo, tmp_path: Path) -> None:
    """What `python -m envgit` returns is what main returns."""
    assert process(recorded.path, "verify").returncode == 0
    assert process(tmp_path, "verify").returncode == 3
    assert process(recorded.path, "blame", "NOPE").returncode == 2
