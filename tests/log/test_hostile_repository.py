"""Hostile repositories, each read by the real program: it runs nothing, waits for nothing, and never says OK where it cannot know."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from envgit.audit import checkpoint
from envgit.audit import commit as commits
from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.objects import ObjectWrite, tree_row, written
from envgit.audit.state import read_state
from envgit.audit.tree import Tree
from envgit.git.pack import packed
from envgit.git.repository import Repository
from envgit.model import ObjectId
from envgit.signing import SigningKey
from tests.kit.cli import ROOT
from tests.kit.repo import Repo
from tests.kit.server import Server

PATH = "envs/production.yaml"
AUDIT = "refs/heads/envgit-audit"
REMOTE = "https://git.example/acme/platform.git"
MARK = "the-canary-sang"

SECONDS = 60
# For what once never ended: many times what it takes where nothing is waited for.
SOON = 8
MEGABYTES = 400
# Far beyond what is allowed, so that a test which fails takes no machine with it.
CEILING = 3 << 30

# A process measures its only child: what it reads of itself would count the memory of whoever started it, too.
WATCHER = """
import json, os, resource, signal, subprocess, sys
seconds, ceiling, note, *words = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_AS, (int(ceiling), int(ceiling)))
child = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
try:
    status = child.wait(float(seconds))
except subprocess.TimeoutExpired:
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    status = None
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(note, "w") as file:
    json.dump([status, used >> (20 if sys.platform == "darwin" else 10)], file)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a command did; `exit` is None where it had to be killed."""

    exit: int | None
    megabytes: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """What is wrong, by code."""
        return [problem["code"] for problem in self.document["problems"]] if self.out else []


class Victim(Repo):
    """A repository with a sound log, the home of the person whose it is, and a canary: a program that must never run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "repo"
        self.home = folder / "home"
        self.hours = 24

    @property
    def git_dir(self) -> Path:
        return self.path / ".git"

    @property
    def mark(self) -> Path:
        return self.folder / MARK

    @property
    def canary(self) -> Path:
        """A program that leaves a mark."""
        return self._program("canary", f'#!/bin/sh\necho "$0 $*" >> {self.mark}\n')

    def _program(self, name: str, text: str) -> Path:
        path = self.folder / "bin" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        return path

    @property
    def pin(self) -> Path:
        return next(self.home.glob(".local/state/envgit/*/pin.json"))

    @property
    def key(self) -> SigningKey:  # type: ignore[override]
        file = next(self.home.glob(".local/share/envgit/*/signing-key"))
        return SigningKey.from_openssh(file.read_text(), "the test")

    def run(self, *words: str, seconds: float = SECONDS, at: Path | None = None, **environ: str | None) -> Seen:
        """Run a command in a process of its own; a program that ran, a traceback and too much memory are assertions."""
        note = self.folder / "note"
        note.unlink(missing_ok=True)
        settings = {**os.environ, "HOME": str(self.home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        changed = {**settings, **environ}
        # As pip would install it: the folder that Python looks into first is the program's, not the one it is run in.
        program = self._program("envgit", "import sys\nfrom envgit.cli import main\nsys.exit(main())\n")
        command = [sys.executable, str(program), *words]
        watcher = [sys.executable, "-I", "-S", "-c", WATCHER, str(seconds), str(CEILING), str(note)]
        done = subprocess.run(
            [*watcher, *command],
            cwd=at or self.path,
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            timeout=seconds + 30,
            check=False,
        )
        status, used = json.loads(note.read_text())
        seen = Seen(status, used, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
        assert not self.mark.exists(), f"{words} ran a program: {self.mark.read_text()}"
        assert status is not None, f"{words} did not end within {seconds} seconds"
        assert "Traceback" not in seen.err, seen.err
        assert status in range(5), seen
        assert used < MEGABYTES, f"{words} used {used} MB\n{seen.out}{seen.err}"
        return seen

    def verify(self, *words: str, **more: Any) -> Seen:
        """Run verify and return what it says, as a document where there is one."""
        seen = self.run("verify", "--json", *words, **more)
        assert seen.out or seen.exit in (2, 3), seen
        assert not seen.out or seen.document["ok"] == (seen.exit in (0, 4)), seen
        return seen

    def loose(self, oid: str) -> Path:
        """Return where a loose object lies."""
        return self.git_dir / "objects" / oid[:2] / oid[2:]

    def store(self, oid: str, raw: bytes) -> None:
        """Write the bytes of a loose object file, whatever they are."""
        path = self.loose(oid)
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(raw)

    def put(self, kind: str, data: bytes) -> ObjectId:
        """Write an object as git would have it, without git's opinion of it."""
        made = written(kind, data)
        self.store(made.id, zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data, 1))
        return made.id

    def on_top(self, ref: str, number: int, message: bytes, tree: Iterable[ObjectId] = ()) -> None:
        """Put unsigned commits on a branch, each with a tree of its own or all with the one that is there."""
        parent, same = self.git("rev-parse", ref), ObjectId(self.git("rev-parse", f"{ref}^{{tree}}"))
        made = []
        for second, root in zip(range(number), tree or repeat(same), strict=False):
            stamp = f"Mallory <mallory@evil.example> {1_800_000_000 + second} +0000"
            raw = f"tree {root}\nparent {parent}\nauthor {stamp}\ncommitter {stamp}\n\n".encode() + message
            made.append(written("commit", raw))
            parent = made[-1].id
        self.pack(made)
        self.point(parent, ref)

    def pack(self, objects: Iterable[ObjectWrite]) -> None:
        """Write many objects at once."""
        self.git("index-pack", "--stdin", data=packed(objects))

    def file(self, place: str) -> Path:
        """Return a file of the git directory, to be made or made anew."""
        path = self.git_dir / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def point(self, text: str, ref: str = AUDIT) -> None:
        """Write a ref's file."""
        self.file(ref).write_text(text)

    def append_config(self, text: str) -> None:
        """Add to the repository's own configuration."""
        with (self.git_dir / "config").open("a") as file:
            file.write(text)

    def entry_blob(self, sequence: int, tip: str = AUDIT) -> str:
        """Return the id of an entry's blob."""
        return self.git("rev-parse", f"{tip}:{'/'.join(numbered(ENTRIES, sequence))}")

    def next_entry(self, data: bytes) -> None:
        """Let the holder of the signing key put bytes on the log as its next entry, in a commit that is sound by itself."""
        found = Repository.open(self.path)
        tip = found.ref(AUDIT)
        tree = Tree(lambda oid: found.raw(oid)[1], found.tree_of(tip))
        state = read_state(tree)
        tree.put(numbered(ENTRIES, state.size), data)
        root, objects = tree.flush()
        leaf = leaf_hash(data)
        frontier = state.frontier.append(leaf)
        stamp = "envgit <envgit@envgit.invalid> 1795464127 +0000"
        said = checkpoint.body(state.origin, frontier.size, frontier.root())
        plain = (
            f"tree {root}\nparent {tip}\nauthor {stamp}\ncommitter {stamp}\n\n"
            f"an entry [skip ci]\n\n{said}\nEnvgit-Entry: sha256:{leaf.hex()}\n"
        ).encode()
        for item in objects:
            self.put(item.kind, item.data)
        self.point(self.put("commit", commits.attach(plain, self.key.sign_commit(plain))))


def _story(folder: Path, token: str) -> Victim:
    """Make a repository with a log of six entries, pinned at level B."""
    made = Victim(folder)
    plain = Repo(made.path)
    plain.git("remote", "add", "origin", REMOTE)
    plain.env(PATH, {"TOKEN": f"{token}-0", "DEBUG": False})
    plain.commit("Begin")
    environ = {"SOPS_AGE_KEY": plain.key.identity}
    assert made.run("init", "--no-workflows", **environ).exit == 0
    plain.commit("Audit the environments")
    for number in range(1, 4):
        plain.env(PATH, {"TOKEN": f"{token}-{number}", "DEBUG": False})
        plain.commit(f"Change {number}", author="bob")
    assert made.run("record", **environ).exit == 0
    assert made.verify().document["level"] == "B"
    return made


@dataclass(frozen=True, slots=True)
class World:
    """Two sound repositories, no test changes them; and what verify says of the first: as it is run, of all, and without memory."""

    good: Victim
    other: Victim
    document: Mapping[str, Any]
    whole: Mapping[str, Any]
    forgetful: Mapping[str, Any]

    def expect(self, seen: Seen, status: int, said: str | list[str]) -> None:
        """Assert a status and what is said: codes of problems, or a part of the one line on stderr; 0 is the sound log's answer."""
        assert seen.exit == status, seen
        if status == 0:
            assert seen.document == self.document
        elif isinstance(said, list):
            assert seen.codes == said
        else:
            assert said in seen.err
            assert seen.err.count("\n") == 1


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "SOPS_", "ENVGIT_", "XDG_"))]:
            patch.delenv(name)
        for name, value in {"TZ": "UTC", "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}.items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("world")
        patch.setenv("HOME", str(folder))
        good, other = _story(folder / "good", "token-of-the-good"), _story(folder / "other", "token-of-another")
        document = good.verify().document
        given = ("--all", "--trust-root", document["genesis"])
        nowhere = good.verify(*given, XDG_STATE_HOME="/proc/nowhere").document
        assert (document["ok"], document["entries"], nowhere["level"]) == (True, 6, "A")
        return World(good, other, document, good.verify(*given).document, nowhere)


@pytest.fixture
def victim(world: World, tmp_path: Path) -> Victim:
    """A copy of the sound repository and of its person's home."""
    folder = tmp_path / "victim"
    shutil.copytree(world.good.folder, folder, symlinks=True)
    return Victim(folder)


def test_the_sound_log_is_ok(victim: Victim, world: World) -> None:
    """Before anything is done to it, a copy of the log verifies at level B, and the canary can sing."""
    seen = victim.verify()
    assert (seen.exit, seen.document) == (0, world.document)
    assert world.document["ok"]
    subprocess.run([victim.canary], check=True)
    assert victim.mark.exists()


# Programs that a repository names.

PROGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "core.hooksPath": ("[core]\nhooksPath = {hooks}\n", ("update-ref", "refs/heads/new", "HEAD")),
    "core.fsmonitor": ("[core]\nfsmonitor = {canary}\n", ("status",)),
    "core.sshCommand": ("[core]\nsshCommand = {canary}\n", ("ls-remote", "ssh://git.example/x")),
    "core.gitProxy": ("[core]\ngitProxy = {canary}\n", ("ls-remote", "git://git.example/x")),
    "core.editor": ("[core]\neditor = {canary}\n", ("commit", "--allow-empty")),
    "core.pager": ("[core]\npager = {canary}\n[pager]\nlog = {canary}\ncat-file = {canary}\n", ()),
    "core.askPass": ("[core]\naskPass = {canary}\n", ("credential", "fill")),
    "credential.helper": ("[credential]\nhelper = !{canary}\n", ("credential", "fill")),
    "filters": (
        "[filter \"evil\"]\nclean = {canary}\nsmudge = {canary}\nrequired = true\n", ("add", "--renormalize", "."),
    ),
    "a filter process": ("[filter \"evil\"]\nprocess = {canary}\nrequired = true\n", ("add", "--renormalize", ".")),
    "diff.external": ("[diff]\nexternal = {canary}\n", ("diff", "HEAD~1", "HEAD")),
    "textconv": ("[diff \"evil\"]\ntextconv = {canary}\n", ("diff", "HEAD~1", "HEAD")),
    "a merge driver": ("[merge \"evil\"]\ndriver = {canary}\n[merge]\ndefault = evil\n", ()),
    "aliases": ("[alias]\nx = !{canary}\ncat-file = !{canary}\nindex-pack = !{canary}\n", ("x",)),
    "gpg.program": (
        ("[gpg]\nprogram = {canary}\n[gpg \"ssh\"]\nprogram = {canary}\nallowedSignersFile = /dev/null\n"
         "[log]\nshowSignature = true\n"),
        ("log", "-1", "envgit-audit"),
    ),
    "uploadpack.packObjectsHook": ("[uploadpack]\npackObjectsHook = {canary}\n", ()),
    "remote.origin.uploadpack": (
        "[remote \"origin\"]\nurl = {repo}\nuploadpack = {canary}\nreceivepack = {canary}\n[remote]\npushDefault = origin\n",
        ("fetch", "{repo}", "--upload-pack={canary}"),
    ),
    "url.insteadOf": (
        "[url \"ext::sh -c {canary}% %S\"]\ninsteadOf = https://\n[protocol \"ext\"]\nallow = always\n",
        ("ls-remote", "https://git.example/x"),
    ),
    "include.path": ("[include]\npath = {more}\n", ("status",)),
    "includeIf": ("[includeIf \"gitdir:**\"]\npath = {more}\n", ("status",)),
    "core.alternateRefsCommand": ("[core]\nalternateRefsCommand = {canary}\n", ()),
    "a trailer's command": ("[trailer \"x\"]\ncommand = {canary}\ncmd = {canary}\n", ()),
}  # fmt: skip

HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit", "post-index-change",
    "post-merge", "post-receive", "post-rewrite", "post-update", "pre-applypatch", "pre-auto-gc", "pre-commit", "pre-merge-commit",
    "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg", "proc-receive", "push-to-checkout", "reference-transaction",
    "sendemail-validate", "update",
)  # fmt: skip


def _programs(victim: Victim, names: Iterable[str] = tuple(PROGRAMS)) -> None:
    """Let the repository's configuration name the canary wherever git would run a program."""
    for folder in (victim.folder / "hooks", victim.git_dir / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in HOOKS:
            (folder / hook).unlink(missing_ok=True)
            shutil.copy(victim.canary, folder / hook)
    more = victim.folder / "more.config"
    more.write_text(f"[core]\nfsmonitor = {victim.canary}\n")
    attributes = "* filter=evil diff=evil merge=evil\n"
    (victim.git_dir / "info").mkdir(exist_ok=True)
    (victim.git_dir / "info" / "attributes").write_text(attributes)
    victim.write(".gitattributes", attributes)
    victim.append_config("".join(_filled(victim, PROGRAMS[name][0]) for name in names))


def _filled(victim: Victim, text: str) -> str:
    return text.format(
        canary=victim.canary, hooks=victim.folder / "hooks", more=victim.folder / "more.config", repo=victim.path
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_program_that_a_repository_names_is_run(name: str, victim: Victim, world: World) -> None:
    """Configuration, attributes and hooks name a program, git runs it, and verify does not: its answer is what it was."""
    _programs(victim, [name])
    seen = victim.verify("--trust-root", world.document["genesis"])
    assert (seen.exit, seen.document["ok"], seen.document["entries"]) == (0, True, 6)
    control = [_filled(victim, word) for word in PROGRAMS[name][1]]
    if control:
        victim.git(*control, check=False, data=b"protocol=https\nhost=git.example\n\n")
        assert victim.mark.exists()


def test_no_command_runs_what_a_repository_names(victim: Victim) -> None:
    """All of it at once: no command that reads, and not record, which writes, runs any of the programs."""
    first = victim.git("rev-parse", "HEAD~2^{tree}")
    head = victim.git("commit-tree", first, "-p", "HEAD", "-m", "Back")
    _programs(victim, [name for name in PROGRAMS if name not in ("remote.origin.uploadpack", "url.insteadOf")])
    for words in (("blame", "TOKEN"), ("log",), ("show",), ("diff", "HEAD~1", "HEAD"), ("diff",)):
        assert victim.run(*words).exit == 0
    victim.point(head, "refs/heads/main")
    assert victim.verify().exit == 4
    assert victim.run("record").exit == 0
    assert victim.verify().exit == 0


def test_modules_in_a_repository_are_not_imported(victim: Victim, world: World) -> None:
    """Files at its top that are named like libraries are no libraries."""
    text = f"import os\nos.system({str(victim.canary)!r})\n"
    for name in ("click", "json", "pygit2", "sitecustomize", "usercustomize", "yaml", "_cffi_backend", "envgit"):
        victim.write(f"{name}.py", text)
    victim.write("pyvenv.cfg", "home = .\n")
    assert victim.verify().document == world.document


# A promisor: who is asked for what a partial clone lacks.

PROMISORS: dict[str, tuple[str, str]] = {
    "ext::": ("ext::sh -c {canary}% %S", '[protocol "ext"]\nallow = always\n'),
    "ext:: by another name": (
        REMOTE,
        '[url "ext::sh -c {canary}% %S"]\ninsteadOf = https://\n[protocol "ext"]\nallow = always\n',
    ),
    "remote.origin.vcs": ("sh -c {canary}", '[remote "origin"]\nvcs = ext\n[protocol "ext"]\nallow = always\n'),
    "remote.origin.uploadpack": ("{repo}", '[remote "origin"]\nuploadpack = {canary}\n'),
    "core.sshCommand": ("ssh://git.example/x", "[core]\nsshCommand = {canary}\n"),
    "core.gitProxy": ("git://git.example/x", "[core]\ngitProxy = {canary}\n"),
    "core.alternateRefsCommand": ("{server}", "[core]\nalternateRefsCommand = {canary}\n"),
    "core.askPass": ("{locked}", "[core]\naskPass = {canary}\n"),
    "credential.helper": ("{locked}", "[credential]\nhelper = !{canary}\n"),
}


def _promised(victim: Victim, url: str) -> str:
    """Make a partial clone of the victim that lacks an entry, and return the entry's id."""
    blob = victim.entry_blob(3)
    victim.loose(blob).unlink()
    victim.git("config", "remote.origin.url", url)
    victim.append_config(
        '[extensions]\npartialClone = origin\n[remote "origin"]\npromisor = true\npartialclonefilter = blob:none\n'
    )
    return blob


@pytest.mark.parametrize("name", PROMISORS)
def test_a_promisor_that_is_a_program_is_not_run(name: str, victim: Victim, world: World, server: Server) -> None:
    """A partial clone lacks an entry, and to fetch it runs a program by the repository's own word: it is not run."""
    server.create(source=world.good.path)
    server.token = "nobody knows" if "{locked}" in PROMISORS[name][0] else ""
    blob, (url, config) = victim.entry_blob(3), PROMISORS[name]
    _promised(victim, _filled(victim, url.replace("{server}", server.url()).replace("{locked}", server.url())))
    victim.append_config(_filled(victim, config))
    victim.file("objects/info/alternates").write_text(f"{world.other.git_dir / 'objects'}\n")
    assert victim.verify("--all").exit in (0, 3)
    victim.git("cat-file", "-e", blob, check=False)
    assert victim.mark.exists(), "git itself runs it"


def test_a_promisor_s_settings_write_no_file(victim: Victim, world: World, server: Server) -> None:
    """http.saveCookies of the repository names any file of the person's: what is fetched for verify writes none."""
    server.create(source=world.good.path)
    _promised(victim, server.url())
    precious = victim.folder / "precious"
    precious.write_text("precious\n")
    victim.append_config(f"[http]\ncookieFile = {precious}\nsaveCookies = true\n")
    assert victim.verify("--all").exit in (0, 3)
    assert precious.read_text() == "precious\n"


def test_a_promisor_that_does_not_answer_is_not_waited_for(victim: Victim) -> None:
    """The remote of a partial clone takes connections and says nothing: exit 3 before anybody loses patience."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _promised(victim, f"http://127.0.0.1:{silent.getsockname()[1]}/platform.git")
        assert victim.verify("--all", seconds=2 * SOON).exit == 3


COMMANDS = [("log",), ("blame", "--all", "TOKEN"), ("show", "entry:3"), ("record",)]


@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_no_other_command_runs_a_promisor(words: tuple[str, ...], victim: Victim) -> None:
    """What a partial clone lacks is not fetched by a program that the repository names, whoever asks for it."""
    _promised(victim, "ssh://git.example/x")
    victim.append_config(f"[core]\nsshCommand = {victim.canary}\n")
    for lost in ("log.json", "environments/production/variables/TOKEN.json"):
        victim.loose(victim.git("rev-parse", f"envgit-audit:{lost}")).unlink()
    assert victim.run(*words).exit == 3


@pytest.mark.parametrize("name", PROMISORS)
def test_a_command_that_fetches_runs_no_promisor_either(
    name: str, victim: Victim, world: World, server: Server
) -> None:
    """What log lacks in a partial clone is not fetched where a setting leads to a program: exit 3, and the line names the setting."""
    server.create(source=world.good.path)
    server.token = "nobody knows" if "{locked}" in PROMISORS[name][0] else ""
    url, config = PROMISORS[name]
    blob = _promised(victim, _filled(victim, url.replace("{server}", server.url()).replace("{locked}", server.url())))
    victim.append_config(_filled(victim, config))
    seen = victim.run("show", "entry:3")
    assert (seen.exit, seen.err.count("\n")) == (3, 1)
    assert f"{blob[:12]} is not in this partial clone, and its own " in seen.err


def test_a_promisor_that_is_not_there_is_exit_3(victim: Victim) -> None:
    """Nobody listens at the remote's address, or it is no address: exit 3, and the line names the object."""
    blob = _promised(victim, "http://127.0.0.1:1/platform.git")
    for url in ("http://127.0.0.1:1/platform.git", "/nowhere", "", "-oProxyCommand=x:y", "x::y", "\x1b[31m"):
        victim.git("config", "remote.origin.url", url)
        seen = victim.verify("--all")
        assert (seen.exit, seen.out, seen.err.count("\n")) == (3, "", 1)
        assert blob[:12] in seen.err


@pytest.mark.parametrize("depth", [1, 3])
def test_a_shallow_clone_is_never_ok(depth: int, victim: Victim, world: World, server: Server) -> None:
    """A clone that ends early lacks entries: exit 3, whatever the trust root says, and one line on how to get them."""
    server.create(source=victim.path)
    clone = Repo.clone(server.url(), victim.folder / "clone", f"--depth={depth}", "--no-single-branch")
    seen = victim.verify("--trust-root", world.document["genesis"], at=clone.path)
    assert (seen.exit, seen.out, seen.err.count("\n")) == (3, "", 1)
    assert "git fetch --unshallow" in seen.err
    assert victim.run("record", at=clone.path).exit == 3


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
@pytest.mark.parametrize("served", [True, False], ids=["served", "the server gone"])
def test_a_partial_clone_cannot_be_told(kind: str, served: bool, victim: Victim, server: Server) -> None:
    """A partial clone is exit 3, one line on how to fill it, and no word of tampering: verify asks no server for what is missing."""
    server.create(source=victim.path)
    clone = Repo.clone(server.url(), victim.folder / "clone", f"--filter={kind}")
    if not served:
        (server.folder / "origin.git").rename(server.folder / "gone.git")
    seen = victim.verify(at=clone.path)
    assert (seen.exit, bool(seen.out), seen.err.count("\n")) == (3, False, 1)


# What leads elsewhere: the environment, alternates, replacements, grafts, shallow marks.

ENVIRONMENT: dict[str, Mapping[str, str]] = {
    "GIT_DIR": {"GIT_DIR": "{other}/.git"},
    "GIT_DIR of nothing": {"GIT_DIR": "/nowhere"},
    "GIT_COMMON_DIR": {"GIT_COMMON_DIR": "{other}/.git"},
    "GIT_WORK_TREE": {"GIT_DIR": "{other}/.git", "GIT_WORK_TREE": "{other}"},
    "GIT_OBJECT_DIRECTORY": {"GIT_OBJECT_DIRECTORY": "{other}/.git/objects"},
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": {"GIT_ALTERNATE_OBJECT_DIRECTORIES": "{other}/.git/objects"},
    "GIT_INDEX_FILE": {"GIT_INDEX_FILE": "/dev/zero"},
    "GIT_NAMESPACE": {"GIT_NAMESPACE": "other"},
    "GIT_CEILING_DIRECTORIES": {"GIT_CEILING_DIRECTORIES": "{repo}:/", "GIT_DISCOVERY_ACROSS_FILESYSTEM": "0"},
    "GIT_REPLACE_REF_BASE": {"GIT_REPLACE_REF_BASE": "refs/heads/"},
    "GIT_GRAFT_FILE": {"GIT_GRAFT_FILE": "{repo}/marks"},
    "GIT_SHALLOW_FILE": {"GIT_SHALLOW_FILE": "{repo}/marks"},
    "GIT_CONFIG": {"GIT_CONFIG": "{other}/.git/config", "GIT_CONFIG_SYSTEM": "{other}/.git/config"},
    "GIT_CONFIG_GLOBAL": {"GIT_CONFIG_GLOBAL": "/dev/zero"},
    "GIT_CONFIG_PARAMETERS": {"GIT_CONFIG_PARAMETERS": "'core.bare'='true'"},
    "GIT_CONFIG_COUNT": {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.worktree", "GIT_CONFIG_VALUE_0": "{other}",
        "GIT_CONFIG_KEY_1": "core.fsmonitor", "GIT_CONFIG_VALUE_1": "{canary}",
    },
    "GIT_DEFAULT_HASH": {"GIT_DEFAULT_HASH": "sha256", "GIT_DEFAULT_REF_FORMAT": "reftable"},
    "programs": {
        name: "{canary}"
        for name in ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_PAGER", "PAGER", "GIT_EDITOR",
                     "EDITOR", "VISUAL", "BROWSER", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "LESSOPEN")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_environment_leads_to_no_other_repository(name: str, victim: Victim, world: World) -> None:
    """Variables lead git to another log, which is good: the answer is about this one, which lacks its last entry."""
    victim.write("marks", victim.git("rev-parse", "envgit-audit~1") + "\n")
    victim.point(victim.git("rev-parse", "envgit-audit~1"))
    seen = victim.verify(**_environ(victim, world, name))
    assert (seen.exit, seen.codes) == (1, ["rolled-back", "uncovered"])


def _environ(victim: Victim, world: World, *names: str) -> dict[str, str]:
    places = {"repo": str(victim.path), "other": str(world.other.path), "canary": str(victim.canary)}
    return {key: value.format_map(places) for name in names for key, value in ENVIRONMENT[name].items()}


def test_the_environment_makes_no_good_log_bad(victim: Victim, world: World) -> None:
    """All of these variables at once change nothing of the answer, nor of what log and record say."""
    environ = _environ(victim, world, *ENVIRONMENT)
    assert victim.verify(**environ).document == world.document
    assert victim.run("log", "--json", **environ).document == world.good.run("log", "--json").document
    assert "nothing to record" in victim.run("record", **environ).out


ALTERNATES: dict[str, tuple[str, bool]] = {
    "absolute": ("{lender}\n", True),
    "relative": ("../../../lender.git/objects\n", True),
    "a circle": ("{lender}\n{own}\n", True),
    "itself alone": ("{own}\n", False),
    "a comment": ("# {lender}\n", False),
    "devices": ("/dev/zero\n/dev/null\n/dev/stdin\n/proc/self/fd\n{fifo}\n", False),
    "devices, and the lender": ("/dev/zero\n{fifo}\n{lender}\n", True),
    "garbage": ("\0\0\n//\n\x7f\n" + "x" * 5000, False),
    "ten thousand lines": ("/nowhere\n" * 10_000 + "{lender}\n", True),
}


@pytest.mark.parametrize("name", ALTERNATES)
def test_borrowed_objects_are_those_that_are_named_or_absent(name: str, victim: Victim, world: World) -> None:
    """All objects lie in another store, where alternates lead or do not: the answer is the same, or it cannot be told."""
    text, found = ALTERNATES[name]
    lender, own = victim.folder / "lender.git" / "objects", victim.git_dir / "objects"
    shutil.copytree(victim.git_dir, lender.parent)
    shutil.rmtree(own)
    os.mkfifo(victim.folder / "fifo")
    places = {"lender": lender, "own": own, "fifo": victim.folder / "fifo"}
    (lender / "info").mkdir(exist_ok=True)
    (lender / "info" / "alternates").write_text(f"{own}\n{lender}\n")
    victim.file("objects/info/alternates").write_text(text.format_map(places))
    world.expect(victim.verify(), 0 if found else 3, "is not in this repository")


def test_objects_of_another_log_change_nothing(victim: Victim, world: World) -> None:
    """To borrow from another good log, over files or HTTP, makes no entry of this one good or bad."""
    victim.file("objects/info/alternates").write_text(f"{world.other.git_dir / 'objects'}\n")
    victim.file("objects/info/http-alternates").write_text("http://127.0.0.1:1/objects\n")
    assert victim.verify().document == world.document
    victim.point(world.other.git("rev-parse", "envgit-audit"))
    assert victim.verify().codes[:2] == ["wrong-genesis", "forked"]
    victim.point(world.good.git("rev-parse", "envgit-audit"))
    victim.point(world.other.git("rev-parse", "envgit-audit"), "refs/remotes/origin/envgit-audit")
    world.expect(victim.verify(), 3, "two logs")


def test_replacements_have_no_say(victim: Victim, world: World) -> None:
    """refs/replace for commits, trees and blobs of the log and of the source branch changes what git shows, and nothing here."""
    pairs = {
        "envgit-audit": "envgit-audit~1",
        "envgit-audit~2": "HEAD",
        "envgit-audit^{tree}": "envgit-audit~1^{tree}",
        "envgit-audit:entries": "envgit-audit~1:entries",
        victim.entry_blob(2): victim.entry_blob(1),
        "HEAD": "HEAD~1",
        "HEAD~2^{tree}": "HEAD~3^{tree}",
        f"HEAD:{PATH}": f"HEAD~1:{PATH}",
    }
    ids = {victim.git("rev-parse", one): victim.git("rev-parse", other) for one, other in pairs.items()}
    for one, other in ids.items():
        victim.point(other, f"refs/replace/{one}")
    assert victim.git("log", "-1", "--format=%s", "HEAD") == "Change 2"
    assert victim.verify().document == world.document
    assert victim.run("log", "--json").document == world.good.run("log", "--json").document
    assert "nothing to record" in victim.run("record").out


UNREADABLE = "cannot be read as a git repository"
HISTORIES: dict[str, tuple[str, str, str]] = {
    "grafts that cut the log": ("info/grafts", "{tip}\n", ""),
    "grafts that cut it in the middle": ("info/grafts", "{middle}\n", ""),
    "grafts that lengthen it": ("info/grafts", "{first} {head}\n", ""),
    "grafts that skip entries": ("info/grafts", "{tip} {first}\n", ""),
    "grafts of the source branch": ("info/grafts", "{head}\n{tip} {head}\n", ""),
    "grafts in a circle": ("info/grafts", "{first} {tip}\n{tip} {first}\n", ""),
    "garbage in grafts": ("info/grafts", "garbage\n\0\n", UNREADABLE),
    "a shallow mark at the tip": ("shallow", "{tip}\n", ""),
    "a shallow mark in the middle": ("shallow", "{middle}\n", ""),
    "a shallow mark on the source branch": ("shallow", "{head}\n", ""),
    "shallow marks of nothing": ("shallow", "{nothing}\n", ""),
    "no shallow marks": ("shallow", "", ""),
    "garbage as shallow marks": ("shallow", "garbage\n", UNREADABLE),
    "bytes as shallow marks": ("shallow", "\0\x7f\0" * 999, UNREADABLE),
    "a garbage commit graph": ("objects/info/commit-graph", "CGPH\1\1\4\0" + "\0" * 2000, ""),
    "a garbage index of packs": ("objects/pack/multi-pack-index", "MIDX\1\1\4\0" + "\0" * 2000, ""),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_forged_history_has_no_say(name: str, victim: Victim, world: World) -> None:
    """Grafts, shallow marks and git's caches are what anybody wrote into the clone: parents are what a commit's own bytes name."""
    place, text, said = HISTORIES[name]
    names = {"tip": "envgit-audit", "middle": "envgit-audit~3", "first": "envgit-audit~5", "head": "HEAD"}
    ids = {key: victim.git("rev-parse", value) for key, value in names.items()}
    victim.file(place).write_text(text.format(**ids, nothing="0" * 39 + "1"))
    world.expect(victim.verify(), 3 if said else 0, said)


def test_a_forged_shallow_mark_hides_nothing_that_is_missing(victim: Victim, world: World) -> None:
    """Where objects are really gone, a mark that says that history was cut off there makes it no tampering, and not OK."""
    victim.loose(victim.git("rev-parse", "envgit-audit~3")).unlink()
    victim.file("shallow").write_text(victim.git("rev-parse", "envgit-audit~2", "HEAD") + "\n")
    world.expect(victim.verify("--all", "--trust-root", world.document["genesis"]), 3, "git fetch --unshallow")


# Objects that are not what their names say.

OBJECTS = {
    "the tip": "envgit-audit",
    "a commit of the log": "envgit-audit~2",
    "the genesis": "envgit-audit~5",
    "the log's tree": "envgit-audit^{tree}",
    "a folder of entries": "envgit-audit:entries/00",
    "an entry": "envgit-audit:entries/00/00/03.json",
    "the newest entry": "envgit-audit:entries/00/00/05.json",
    "the first entry": "envgit-audit:entries/00/00/00.json",
    "log.json": "envgit-audit:log.json",
    "the README": "envgit-audit:README.md",
    "the source's tip": "main",
    "a commit of the source": "main~2",
}


def _turned(raw: bytes) -> bytes:
    """Return a loose object of another kind with the same bytes."""
    kind, _space, rest = zlib.decompress(raw).partition(b" ")
    return zlib.compress({b"blob": b"tree", b"tree": b"commit", b"commit": b"tag"}[kind] + b" " + rest)


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda raw: b"",
    "another's": lambda raw: zlib.compress(b"blob 6\0hello\n"),
    "another kind": _turned,
    "no zlib": lambda raw: b"hello" * 20,
    "no header": lambda raw: zlib.compress(b"hello"),
    "more than it says": lambda raw: zlib.compress(zlib.decompress(raw) + b"more"),
    "less than it says": lambda raw: zlib.compress(zlib.decompress(raw)[:-9]),
    "no end": lambda raw: raw[:-3],
    "a negative size": lambda raw: zlib.compress(b"blob -5\0hello"),
    "a size beyond all": lambda raw: zlib.compress(b"blob 99999999999999999999999\0hello"),
}
DAMAGED = [
    *(pytest.param(what, "another's", id=what) for what in OBJECTS),
    *(pytest.param("an entry", bytes_, id=f"an entry, {bytes_}") for bytes_ in BYTES if bytes_ != "another's"),
    *(pytest.param("the tip", bytes_, id=f"the tip, {bytes_}") for bytes_ in ("nothing", "another kind", "no zlib")),
]


@pytest.mark.parametrize(("what", "bytes_"), DAMAGED)
def test_a_damaged_object_cannot_be_told(what: str, bytes_: str, victim: Victim) -> None:
    """A loose object that holds other bytes than its name says is damage, and no word about the log: exit 3."""
    oid = victim.git("rev-parse", OBJECTS[what])
    victim.store(oid, BYTES[bytes_](victim.loose(oid).read_bytes()))
    seen = victim.verify("--all")
    assert (seen.exit, seen.codes, seen.err.count("\n")) == (3, [], 1)
    assert "source" in what or f"object {oid[:12]} is damaged; git fsck says more" in seen.err


@pytest.mark.parametrize("what", ["an entry", "the README"])
def test_a_damaged_object_that_calls_itself_large_cannot_be_told(what: str, victim: Victim) -> None:
    """The header of a damaged object says 20 MB, which is its own word alone: exit 3, and not that the log was altered."""
    victim.store(victim.git("rev-parse", OBJECTS[what]), zlib.compress(b"blob 20000000\0hello"))
    seen = victim.verify("--all")
    assert (seen.exit, seen.codes) == (3, [])


def test_an_object_that_is_cut_off_is_not_waited_for(victim: Victim) -> None:
    """Half a loose object, as a full disk or a lost power supply leaves it, is damage like any other: exit 3."""
    for what in ("the tip", "an entry", "the source's tip"):
        path = victim.loose(victim.git("rev-parse", OBJECTS[what]))
        whole = path.read_bytes()
        victim.store(path.parent.name + path.name, whole[: len(whole) // 2])
        assert victim.verify("--all", seconds=SOON).exit == 3
        victim.store(path.parent.name + path.name, whole)


def test_a_borrowed_object_that_is_cut_off_is_not_waited_for(victim: Victim) -> None:
    """Half a loose object in the store that alternates name is damage like any other: exit 3."""
    lender = victim.folder / "lender.git"
    shutil.copytree(victim.git_dir, lender)
    shutil.rmtree(victim.git_dir / "objects")
    victim.file("objects/info/alternates").write_text(f"{lender / 'objects'}\n")
    oid = victim.git("rev-parse", OBJECTS["the tip"])
    path = lender / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)
    assert victim.verify(seconds=SOON).exit == 3


def test_an_object_with_gigabytes_behind_it_takes_no_memory(victim: Victim) -> None:
    """A loose object is whole, and its file goes on with zeros that take no place on the disk: they are not read."""
    path = victim.loose(victim.git("rev-parse", OBJECTS["the tip"]))
    path.chmod(0o644)
    os.truncate(path, GIGABYTE)
    assert victim.verify().exit in (0, 3)


GIGABYTE = 1 << 30


@cache
def _bomb(kind: str) -> bytes:
    """Return a megabyte that is a loose object of a gigabyte of zeros."""
    head, zeros = f"{kind} {GIGABYTE}\0".encode(), bytes(1 << 20)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)
    total = zlib.adler32(head)
    for _megabyte in range(1024):
        total = zlib.adler32(zeros, total)
    return b"\x78\x9c" + first + again * 1024 + deflate.flush(zlib.Z_FINISH) + total.to_bytes(4, "big")


BOMBS = [
    ("the tip", "verify"),
    ("the log's tree", "verify"),
    ("log.json", "verify"),
    ("the source's tip", "verify"),
    ("an entry", "verify"),
    ("the newest entry", "log"),
]


@pytest.mark.parametrize(("what", "command"), BOMBS)
def test_an_object_that_swells_takes_no_memory(what: str, command: str, victim: Victim) -> None:
    """A megabyte that unpacks to a gigabyte lies where an object belongs: it is damage, exit 3, and is not unpacked."""
    oid = victim.git("rev-parse", OBJECTS[what])
    victim.store(oid, _bomb(victim.git("cat-file", "-t", oid)))
    assert victim.run(command, *(("--all",) if command == "verify" else ())).exit == 3


TRAILER = b"a commit\n\nEnvgit-Entry: sha256:" + b"0" * 64 + b"\n"


def _large_log(victim: Victim) -> None:
    victim.on_top(AUDIT, 12, b"x" * (40 << 20) + TRAILER)


def _large_commit(victim: Victim) -> None:
    victim.on_top("refs/heads/main", 1, b"x" * (150 << 20))


def _wide_trees(victim: Victim) -> None:
    rows = b"".join(tree_row(b"100644", b"%06d" % number, ObjectId("a" * 40)) for number in range(60_000))
    trees = [written("tree", rows + tree_row(b"100644", b"z", ObjectId(f"{number:040x}"))) for number in range(30)]
    victim.pack(trees)
    victim.on_top("refs/heads/main", len(trees), b"wide\n", [tree.id for tree in trees])


LARGE = {
    "twelve commits of 40 MB on the log": _large_log,
    "a commit of 150 MB on the source branch": _large_commit,
    "thirty trees of 60,000 rows": _wide_trees,
}


@pytest.mark.parametrize("large", LARGE)
def test_what_anybody_can_push_takes_no_memory(large: str, victim: Victim) -> None:
    """Commits and trees that are sound, large, and pack to almost nothing: verify ends within its memory."""
    LARGE[large](victim)
    assert victim.verify().exit in (0, 1, 3, 4)


PACKS: dict[str, Callable[[Path, Path], object]] = {
    "no pack": lambda pack, idx: pack.write_bytes(b""),
    "half a pack": lambda pack, idx: os.truncate(pack, pack.stat().st_size // 2),
    "another pack": lambda pack, idx: pack.write_bytes(packed([written("blob", b"hello")])),
    "a pack of garbage": lambda pack, idx: pack.write_bytes(pack.read_bytes()[:12] + os.urandom(pack.stat().st_size)),
    "no index": lambda pack, idx: idx.write_bytes(b""),
    "half an index": lambda pack, idx: os.truncate(idx, idx.stat().st_size // 2),
    "an index of garbage": lambda pack, idx: idx.write_bytes(idx.read_bytes()[:8] + os.urandom(idx.stat().st_size)),
    "a forged index": lambda pack, idx: _forged(idx, lambda places: places[1:] + places[:1]),
    "an index beyond the pack": lambda pack, idx: _forged(idx, lambda places: [0x7FFFFFFF] * len(places)),
    "an index beyond itself": lambda pack, idx: _forged(idx, lambda places: [0x80FFFFFF] * len(places)),
}


def _forged(idx: Path, edit: Callable[[list[int]], list[int]]) -> None:
    """Let a pack's index name other places for its objects."""
    data = bytearray(idx.read_bytes())
    (number,) = struct.unpack_from(">I", data, 8 + 255 * 4)
    at = 8 + 256 * 4 + number * (20 + 4)
    struct.pack_into(f">{number}I", data, at, *edit(list(struct.unpack_from(f">{number}I", data, at))))
    idx.write_bytes(data)


@pytest.mark.parametrize("name", PACKS)
def test_a_damaged_pack_cannot_be_told(name: str, victim: Victim) -> None:
    """A pack or its index is cut off, garbage or forged: what comes out is not what is named, exit 3."""
    victim.git("repack", "-adq")
    (pack,) = (victim.git_dir / "objects" / "pack").glob("*.pack")
    for path in pack.parent.iterdir():
        path.chmod(0o644)
    PACKS[name](pack, pack.with_suffix(".idx"))
    seen = victim.verify("--all")
    assert (seen.exit, seen.codes, seen.err.count("\n")) == (3, [], 1)


# Refs.

Case = tuple[Callable[[Victim], object], int, str | list[str]]
CANNOT = "cannot be read; git fsck says more"


def _id(victim: Victim, revision: str) -> str:
    return victim.git("rev-parse", revision)


def _tagged(victim: Victim) -> str:
    victim.git("tag", "-a", "-m", "x", "some-tag", "envgit-audit")
    return _id(victim, "refs/tags/some-tag")


def _look_alikes(victim: Victim) -> None:
    """Let everything that git would take for the branch be another commit, and an old log."""
    for name in ("refs/tags/envgit-audit", "refs/envgit-audit", "envgit-audit", "refs/remotes/envgit-audit"):
        victim.point(_id(victim, "HEAD"), name)
    victim.point(_id(victim, AUDIT + "~2"), "refs/remotes/origin/envgit-audit")


def _moved(victim: Victim, name: str) -> None:
    tip = _id(victim, AUDIT)
    victim.file(AUDIT)
    victim.point(tip, name)


def _packed_refs(victim: Victim, text: str) -> None:
    tip, before = _id(victim, AUDIT), _id(victim, AUDIT + "~1")
    victim.file(AUDIT)
    victim.file("packed-refs").write_text(text.format(tip=tip, before=before, ref=AUDIT))


REFS: dict[str, Case] = {
    "to the source branch": (lambda v: v.point("ref: refs/heads/main\n"), 3, "is not envgit's"),
    "to nothing": (lambda v: v.point("ref: refs/heads/none\n"), 3, "there is no log here"),
    "to a file outside": (lambda v: v.point("ref: ../../../../etc/passwd\n"), 3, "there is no log here"),
    "to itself": (lambda v: v.point(f"ref: {AUDIT}\n"), 3, CANNOT),
    "in a circle": (
        lambda v: (v.point("ref: refs/heads/b\n"), v.point(f"ref: {AUDIT}\n", "refs/heads/b")), 3, CANNOT,
    ),
    "to where the log is": (lambda v: (_moved(v, "refs/heads/b"), v.point("ref: refs/heads/b\n")), 0, ""),
    "a tag": (lambda v: v.point(_tagged(v)), 3, "is a tag, where a commit was expected"),
    "a tree": (lambda v: v.point(_id(v, AUDIT + "^{tree}")), 3, "is a tree, where a commit was expected"),
    "a blob": (lambda v: v.point(_id(v, AUDIT + ":log.json")), 3, "is a blob, where a commit was expected"),
    "nothing that is here": (lambda v: v.point("1" * 40), 3, "is not in this repository"),
    "zeros": (lambda v: v.point("0" * 40), 3, "is not in this repository"),
    "garbage": (lambda v: v.point("garbage\n"), 3, CANNOT),
    "empty": (lambda v: v.point(""), 3, CANNOT),
    "bytes": (lambda v: v.point("\0" * 41), 3, CANNOT),
    "endless": (lambda v: v.file(AUDIT).symlink_to("/dev/zero"), 3, AUDIT),
    "a folder": (lambda v: v.file(AUDIT).mkdir(), 3, "there is no log here"),
    "gone": (lambda v: v.file(AUDIT), 3, "there is no log here"),
    "in other case": (lambda v: _moved(v, "refs/heads/Envgit-Audit"), 3, "there is no log here"),
    "only a tag": (lambda v: _moved(v, "refs/tags/envgit-audit"), 3, "there is no log here"),
    "with look-alikes": (_look_alikes, 0, ""),
    "at the remote another history": (
        lambda v: v.point(_id(v, "HEAD"), "refs/remotes/origin/envgit-audit"), 3, "two logs",
    ),
    "at the remote nothing that is here": (
        lambda v: v.point("1" * 40, "refs/remotes/origin/envgit-audit"), 3, "is not in this repository",
    ),
    "at the remote a blob": (
        lambda v: v.point(_id(v, "HEAD:.envgit.yaml"), "refs/remotes/origin/envgit-audit"), 3, "is a blob",
    ),
    "at the remote alone": (lambda v: _moved(v, "refs/remotes/origin/envgit-audit"), 0, ""),
    "packed": (lambda v: _packed_refs(v, "{tip} {ref}\n"), 0, ""),
    "packed twice": (lambda v: _packed_refs(v, "{tip} {ref}\n{before} {ref}\n"), 1, ["rolled-back", "uncovered"]),
    "packed out of order": (
        lambda v: _packed_refs(v, "# pack-refs with: peeled fully-peeled sorted \n{before} refs/z\n{tip} {ref}\n"), 0, "",
    ),
    "packed as garbage": (lambda v: _packed_refs(v, "garbage\n"), 3, CANNOT),
    "packed in a folder": (lambda v: v.file("packed-refs").mkdir(), 3, CANNOT),
    "the source branch a blob": (lambda v: v.point(_id(v, "HEAD:.envgit.yaml"), "refs/heads/main"), 3, "cannot tell"),
    "the source branch not here": (lambda v: v.point("1" * 40, "refs/heads/main"), 3, "cannot tell"),
    "the source branch garbage": (lambda v: v.point("garbage", "refs/heads/main"), 3, "cannot tell"),
    "the source branch gone": (lambda v: v.file("refs/heads/main"), 3, "cannot tell"),
    "HEAD a blob": (lambda v: v.point(_id(v, "HEAD:.envgit.yaml"), "HEAD"), 0, ""),
    "HEAD to itself": (lambda v: v.point("ref: HEAD\n", "HEAD"), 0, ""),
    "HEAD garbage": (lambda v: v.point("garbage\n", "HEAD"), 0, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFS)
def test_a_ref_is_the_branch_s_own_or_there_is_none(name: str, victim: Victim, world: World) -> None:
    """The branch is what its full name says, whatever lies beside it; where that is no commit it cannot be told."""
    hostile, status, said = REFS[name]
    hostile(victim)
    world.expect(victim.verify(), status, said)


@pytest.mark.parametrize("kind", ["blob", "tag"])
def test_an_object_of_another_kind_with_a_commit_s_bytes_is_no_entry(kind: str, victim: Victim) -> None:
    """A blob or tag that holds the very bytes of the newest entry's commit is none: it is never OK."""
    _of_another_kind_of_object(victim, kind)
    seen = victim.verify()
    assert (seen.exit, seen.codes) in [(3, []), (1, ["not-an-entry", "rolled-back"])]


def test_no_entry_is_built_on_an_object_of_another_kind(victim: Victim) -> None:
    """Where the branch is a blob with a commit's bytes, record builds nothing on it: a blob can be nobody's parent."""
    _of_another_kind_of_object(victim, "blob")
    victim.write(PATH, b"TOKEN: in the clear\n")
    victim.commit("In clear")
    assert victim.run("record").exit == 3


def _of_another_kind_of_object(victim: Victim, kind: str) -> None:
    raw = subprocess.run(["git", "cat-file", "commit", AUDIT], cwd=victim.path, capture_output=True, check=True).stdout
    victim.point(victim.put(kind, raw))


def test_a_broken_head_is_no_wrong_usage(victim: Victim) -> None:
    """Without a configuration in the work tree HEAD is asked for one; where it names no commit it cannot be told: exit 3."""
    tree = _id(victim, "HEAD^{tree}")
    (victim.path / ".envgit.yaml").unlink()
    for text in ("ref: refs/heads/none\n", "1" * 40, "ref: HEAD\n", tree):
        victim.point(text, "HEAD")
        assert victim.verify().exit in (0, 3)


def _headed(victim: Victim, make: Callable[[Path], object]) -> None:
    """Let HEAD's commit be an object that is not there plainly, and have nothing but HEAD to find a configuration by."""
    (victim.path / ".envgit.yaml").unlink()
    victim.git("checkout", "-q", "--detach")
    path = victim.loose(victim.put("commit", f"tree {'0' * 40}\n\nx\n".encode()))
    victim.point(path.parent.name + path.name, "HEAD")
    make(path)


HEADS: dict[str, Callable[[Path], object]] = {
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "that swells": lambda path: path.write_bytes(_bomb("commit")),
    "with gigabytes behind it": lambda path: os.truncate(path, GIGABYTE),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_looked_at_before_it_is_read(name: str, victim: Victim) -> None:
    """Where HEAD's commit is a pipe, cut off or without end, no command waits for it or fills memory with it."""
    _headed(victim, HEADS[name])
    assert victim.verify(seconds=SOON).exit in (0, 3)
    assert victim.run("diff", "HEAD", seconds=SOON).exit == 3


def _reverted(victim: Victim) -> None:
    """Let the source branch be forced back by two changes of an environment, with a harmless commit in their place."""
    made = victim.git("commit-tree", _id(victim, "HEAD~2^{tree}"), "-p", "HEAD~2", "-m", "Harmless")
    victim.point(made, "refs/heads/main")


def _unrelated(victim: Victim) -> None:
    victim.point(victim.git("commit-tree", victim.put("tree", b""), "-m", "Another history"), "refs/heads/main")


REWRITTEN: dict[str, Callable[[Victim], object]] = {
    "back, and on": _reverted,
    "to another history": _unrelated,
    "to the log": lambda victim: victim.point(f"ref: {AUDIT}\n", "refs/heads/main"),
}


@pytest.mark.parametrize("words", [(), ("--all",)], ids=["from what is known", "all"])
@pytest.mark.parametrize("hostile", REWRITTEN)
def test_a_source_branch_that_was_rewritten_is_not_ok(hostile: str, words: tuple[str, ...], victim: Victim) -> None:
    """What was recorded is no longer on the source branch, and no entry says so: pending or not to be told, and never OK."""
    REWRITTEN[hostile](victim)
    assert victim.verify(*words).exit in (1, 3, 4)


# Layouts and files.


def _config(text: str) -> Callable[[Victim], object]:
    return lambda victim: victim.append_config(text.replace("{folder}", str(victim.folder)))


def _outside(make: Callable[[Path], object]) -> Callable[[Victim], object]:
    """Let core.worktree lead out of the repository, to a folder with an .envgit.yaml of some kind."""

    def hostile(victim: Victim) -> None:
        (victim.folder / "outside").mkdir()
        make(victim.folder / "outside" / ".envgit.yaml")
        victim.append_config(f"[core]\nworktree = {victim.folder / 'outside'}\n")

    return hostile


def _elsewhere(victim: Victim, how: Callable[[Path, Path], object]) -> None:
    """Move the git directory away, and put something in its place."""
    shutil.move(victim.git_dir, victim.folder / "elsewhere")
    how(victim.git_dir, victim.folder / "elsewhere")


def _git_file(text: str) -> Callable[[Victim], object]:
    return lambda victim: _elsewhere(victim, lambda path, there: path.write_text(text.format(there=there)))


NO_REPOSITORY = "is in no git repository"
LAYOUTS: dict[str, Case] = {
    "SHA-256": (
        _config("[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = sha256\n"), 3, "is a SHA-256 repository",
    ),
    "reftable": (
        _config("[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = reftable\n"), 3, "keeps its refs as reftable",
    ),
    "an extension to come": (_config("[core]\nrepositoryformatversion = 1\n[extensions]\nx = 1\n"), 3, UNREADABLE),
    "a version to come": (_config("[core]\nrepositoryformatversion = 99\n"), 3, UNREADABLE),
    "extensions that do not count": (_config("[extensions]\nobjectFormat = sha256\nrefStorage = reftable\n"), 0, ""),
    "core.bare": (_config("[core]\nbare = true\n"), 0, ""),
    "core.ignoreCase": (_config("[core]\nignoreCase = true\nprecomposeUnicode = true\n"), 0, ""),
    "core.worktree": (_config("[core]\nworktree = /etc\n"), 0, ""),
    "core.worktree of nothing": (_config("[core]\nworktree = /nowhere\n"), 3, UNREADABLE),
    "core.worktree with a pipe": (_outside(os.mkfifo), 0, ""),
    "core.worktree with a link": (_outside(lambda path: path.symlink_to("/dev/zero")), 0, ""),
    "core.worktree with another configuration": (
        _outside(lambda path: path.write_text("version: 1\naudit_branch: other\n")), 3, "there is no log here: neither other",
    ),
    "include.path of a device": (_config("[include]\npath = /dev/zero\n"), 0, ""),
    "include.path of no configuration": (_config("[include]\npath = {folder}/bin/canary\n"), 0, ""),
    "include.path of itself": (_config("[include]\npath = config\n"), 3, UNREADABLE),
    "garbage in the configuration": (_config("\0\0[[["), 3, UNREADABLE),
    ".git that leads elsewhere": (_git_file("gitdir: {there}\n"), 0, ""),
    ".git that leads nowhere": (_git_file("gitdir: /nowhere\n"), 3, NO_REPOSITORY),
    ".git that leads to itself": (_git_file("gitdir: .git\n"), 3, NO_REPOSITORY),
    ".git that leads to a device": (_git_file("gitdir: /dev/zero\n"), 3, NO_REPOSITORY),
    ".git of garbage": (_git_file("garbage"), 3, NO_REPOSITORY),
    ".git that is a link": (lambda v: _elsewhere(v, lambda path, there: path.symlink_to(there)), 0, ""),
    ".git that is a device": (lambda v: _elsewhere(v, lambda path, _there: path.symlink_to("/dev/zero")), 3, NO_REPOSITORY),
    ".git that is a pipe": (lambda v: _elsewhere(v, lambda path, _there: os.mkfifo(path)), 3, NO_REPOSITORY),
    "objects that are devices": (
        lambda v: (shutil.rmtree(v.git_dir / "objects"), (v.git_dir / "objects").symlink_to("/dev")), 3, "is not in this repository",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_repository_of_another_make_is_read_or_refused(name: str, victim: Victim, world: World) -> None:
    """Formats that are not read, configuration that leads out, a git directory in another place: the same answer, or exit 3 in one line."""
    hostile, status, said = LAYOUTS[name]
    hostile(victim)
    world.expect(victim.verify(), status, said)


def test_an_odd_address_of_the_remote_leads_to_no_other_place(victim: Victim) -> None:
    """An address that leads up, never ends, escapes or is no text makes a first visitor of this machine, and writes beside its pins."""
    before = {path for path in victim.folder.rglob("*") if "repo" not in path.parts}
    for url in ("https://h/../../../../x", "https://h/" + "x" * 100_000, "https://h/\x1b[31m", "file:///etc", ""):
        victim.git("config", "remote.origin.url", url)
        seen = victim.verify()
        assert (seen.exit, seen.document["level"]) == (0, None)
    with (victim.git_dir / "config").open("ab") as config:
        config.write(b'[remote "\xff"]\nurl = https://h/\xff\nfetch = \xff\n[branch "\xff"]\nremote = \xff\n')
    assert victim.verify().exit == 0
    made = {path for path in victim.folder.rglob("*") if "repo" not in path.parts} - before
    assert all(path.is_relative_to(victim.home / ".local" / "state" / "envgit") for path in made)


def test_a_git_directory_of_another_log_is_that_log(victim: Victim, world: World) -> None:
    """Where .git, or its commondir, leads to another good log, it is not the one that this machine saw under this name."""
    (victim.git_dir / "commondir").write_text(f"{world.other.git_dir}\n")
    assert victim.verify().codes == ["wrong-genesis", "forked"]
    _git_file(f"gitdir: {world.other.git_dir}\n")(victim)
    assert victim.verify().codes == ["wrong-genesis", "forked"]


@pytest.mark.parametrize(
    "make", [("worktree", "add", "-q", "--detach"), ("clone", "-q", "--bare", ".")], ids=["linked", "bare"]
)
def test_a_linked_work_tree_and_a_bare_repository_are_judged_alike(make: tuple[str, ...], victim: Victim) -> None:
    """The log in a linked work tree or a bare clone is the same: OK where it is sound, and not where it is not."""
    place = victim.folder / "another"
    victim.git(*make, str(place))
    assert victim.verify(at=place).exit == 0
    subprocess.run(["git", "update-ref", AUDIT, AUDIT + "~1"], cwd=place, check=True)
    seen = victim.verify(at=place)
    assert (seen.exit, seen.codes) == (1, ["rolled-back", "uncovered"])


def _configured(make: Callable[[Path], object]) -> Callable[[Victim], object]:
    def hostile(victim: Victim) -> None:
        (victim.path / ".envgit.yaml").unlink()
        make(victim.path / ".envgit.yaml")

    return hostile


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, GIGABYTE)


CONFIGURED: dict[str, Callable[[Victim], object]] = {
    "a link to a file outside": _configured(lambda path: path.symlink_to("/etc/passwd")),
    "a link to another configuration": _configured(
        lambda path: (path.with_name("x.yaml").write_text("version: 1\naudit_branch: other\n"), path.symlink_to("x.yaml"))
    ),
    "a link to a device": _configured(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": _configured(lambda path: path.symlink_to(path)),
    "a link to a pipe": _configured(lambda path: (os.mkfifo(path.with_name("pipe")), path.symlink_to("pipe"))),
    "a pipe": _configured(os.mkfifo),
    "a folder": _configured(lambda path: path.mkdir()),
    "a folder that is a link": lambda victim: (
        (victim.path / ".envgit.yaml").unlink(), (victim.path / ".github").symlink_to("/etc"),
    ),
    "bytes": lambda victim: victim.write(".envgit.yaml", b"\xff\0\x1b" * 99),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configuration_that_is_no_file_of_the_repository_is_not_read(name: str, victim: Victim, world: World) -> None:
    """Where .envgit.yaml leads out of the repository, waits for a writer or never ends, it counts as not there."""
    CONFIGURED[name](victim)
    assert victim.verify().document == world.document


def test_record_does_not_wait_for_a_configuration_either(victim: Victim) -> None:
    """record, log and blame read the configuration as verify does: a pipe is none."""
    _configured(os.mkfifo)(victim)
    for words in (("record",), ("log",), ("blame", "TOKEN")):
        assert victim.run(*words).exit == 0


def test_a_configuration_of_a_gigabyte_is_not_read(victim: Victim) -> None:
    """A configuration has 256 KiB at most, in the work tree too: a larger one takes no memory."""
    _configured(_huge)(victim)
    assert victim.verify().exit in (0, 2, 3)


PIPES = (
    "config", "packed-refs", "shallow", "info/grafts", "objects/info/alternates", "objects/pack/multi-pack-index", AUDIT,
    "refs/heads/main", "refs/remotes/origin/envgit-audit", "HEAD", "index", "commondir", "config.worktree",
)  # fmt: skip


def test_a_pipe_in_the_git_directory_is_not_waited_for(victim: Victim) -> None:
    """Named pipes lie where git keeps files, as an archive can bring them: none is waited for."""
    for number, place in enumerate(PIPES):
        folder = victim.folder.with_name(f"pipe-{number}")
        shutil.copytree(victim.folder, folder, symlinks=True)
        copy = Victim(folder)
        os.mkfifo(copy.file(place))
        assert copy.verify(seconds=SOON).exit in (0, 3), place


def _through_a_symbolic_ref(victim: Victim, name: str) -> None:
    victim.point("ref: refs/heads/pipe\n", name)
    os.mkfifo(victim.file("refs/heads/pipe"))


def _object(victim: Victim) -> None:
    path = victim.loose(victim.git("rev-parse", OBJECTS["the tip"]))
    path.unlink()
    os.mkfifo(path)


def _index_of_a_pack(victim: Victim) -> None:
    victim.git("repack", "-adq")
    (path,) = (victim.git_dir / "objects" / "pack").glob("*.idx")
    path.unlink()
    os.mkfifo(path)


def _included(victim: Victim) -> None:
    os.mkfifo(victim.folder / "pipe")
    victim.append_config(f"[include]\npath = {victim.folder / 'pipe'}\n")


def _beside_the_pin(victim: Victim) -> None:
    lock = victim.pin.parent / "lock"
    lock.unlink()
    os.mkfifo(lock)


WAITED_FOR = {
    "a loose object": _object,
    "behind a symbolic ref": lambda victim: _through_a_symbolic_ref(victim, AUDIT),
    "behind HEAD": lambda victim: ((victim.path / ".envgit.yaml").unlink(), _through_a_symbolic_ref(victim, "HEAD")),
    "an index of a pack": _index_of_a_pack,
    "an included configuration": _included,
    "the lock beside the pin": _beside_the_pin,
}


@pytest.mark.parametrize("name", WAITED_FOR)
def test_a_pipe_in_any_other_place_is_not_waited_for(name: str, victim: Victim) -> None:
    """A named pipe where envgit or libgit2 opens a file: the answer does not wait for somebody to write into it."""
    WAITED_FOR[name](victim)
    assert victim.verify(seconds=SOON).exit in (0, 3)


@pytest.mark.parametrize("place", ["logs/refs/heads/envgit-audit", "logs/HEAD", "envgit/envgit-audit.lock"])
def test_a_pipe_where_record_writes_is_not_waited_for(place: str, victim: Victim) -> None:
    """A named pipe where git logs the moves of a ref, or envgit locks its log: record ends, and writes to no file that a link names."""
    victim.write(PATH, b"TOKEN: in the clear\n")
    victim.commit("In clear")
    os.mkfifo(victim.file(place))
    assert victim.run("record", seconds=SOON).exit in (0, 3)
    precious = victim.folder / "precious"
    precious.write_text("precious\n")
    victim.file("envgit/envgit-audit.lock").symlink_to(precious)
    assert victim.run("record", seconds=SOON).exit == 3
    assert precious.read_text() == "precious\n"


def test_ten_megabytes_of_configuration_take_no_memory(victim: Victim) -> None:
    """The repository's own configuration has two and a half million settings: exit 0 or 3, within the memory."""
    victim.append_config("[a]\n" + "b=c\n" * 2_500_000)
    assert victim.verify().exit in (0, 3)


# Entries by the holder of the signing key, and commits by anybody.


def _entry(victim: Victim) -> dict[str, Any]:
    """Return the newest entry as the next one would be."""
    made = json.loads(victim.git("cat-file", "blob", victim.entry_blob(5)))
    made["sequence"] = 6
    made["source"]["previous"] = made["source"]["commit"]
    return made


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _padded(entry: dict[str, Any], size: int) -> bytes:
    entry["recorder"]["run"] = "x"
    entry["recorder"]["run"] += "x" * (size - len(_canonical(entry)))
    return _canonical(entry)


def _changes(entry: dict[str, Any], number: int) -> bytes:
    entry["files"][0]["changes"] = ["HERE"]
    rows = b",".join(b'{"kind":"added","type":"str","variable":"V%07d"}' % place for place in range(number))
    return _canonical(entry).replace(b'"HERE"', rows)


def _of_another_kind(entry: dict[str, Any], **body: object) -> bytes:
    head = {key: entry[key] for key in ("version", "origin", "sequence", "recorded_at", "recorder")}
    return _canonical({**head, "kind": "to-come", **body})


ENTRY: dict[str, tuple[Callable[[dict[str, Any]], bytes], int, list[str]]] = {
    "more than 16 MiB": (lambda e: _padded(e, (16 << 20) + 100), 1, ["entry-altered"]),
    "16 MiB": (lambda e: _padded(e, 16 << 20), 1, ["tree-altered"]),
    "100,000 changes": (lambda e: _changes(e, 100_000), 1, ["tree-altered"]),
    "100,000 levels": (lambda e: _canonical(e)[:-1] + b',"z":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 1, ["malformed-entry"]),
    "no JSON": (lambda e: b"garbage", 1, ["malformed-entry"]),
    "nothing": (lambda e: b"", 1, ["malformed-entry"]),
    "another version": (lambda e: _canonical({**e, "version": 2}), 4, []),
    "another kind": (_of_another_kind, 4, []),
    "another kind, and a million lists": (lambda e: _of_another_kind(e, x=[[]] * 1_000_000), 4, []),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRY)
def test_an_entry_that_is_signed_and_hostile_is_refused(name: str, victim: Victim) -> None:
    """The holder of the key signs an entry that is too much or nothing: it is told within bounds, and nothing is recorded on it."""
    make, status, codes = ENTRY[name]
    victim.next_entry(make(_entry(victim)))
    seen = victim.verify("--all")
    assert (seen.exit, seen.codes) == (status, codes)
    assert ("needs a newer envgit from entry 6" in seen.err) == (status == 4)
    assert victim.run("record").exit in (3, 4)


def test_a_million_changes_are_refused(victim: Victim) -> None:
    """An entry of 40 MB, signed: nobody can have written it, or it is too large to be looked at; it is not OK, and takes no memory."""
    victim.next_entry(_changes(_entry(victim), 1_000_000))
    for words in ((), ("--all",)):
        seen = victim.verify(*words)
        assert (seen.exit, seen.codes) in [(1, ["entry-altered"]), (3, [])]
    assert victim.run("record").exit == 3


def test_an_entry_of_another_version_needs_a_newer_program_from_what_is_known_too(victim: Victim) -> None:
    """What verify says of an entry of another version does not depend on how much of the log it knows: exit 4, and from where."""
    victim.next_entry(_canonical({**_entry(victim), "version": 2}))
    seen = victim.verify()
    assert (seen.exit, seen.codes) == (4, [])
    assert "needs a newer envgit from entry 6" in seen.err


@pytest.mark.parametrize(
    ("message", "status", "codes"),
    [(b"junk\n", 3, []), (TRAILER, 1, ["bad-signature"])],
    ids=["plain", "with a trailer"],
)
def test_fifty_thousand_commits_of_junk_come_to_an_end(
    message: bytes, status: int, codes: list[str], victim: Victim
) -> None:
    """Somebody pushes 50,000 commits onto the log: every command ends, and none takes them for entries."""
    victim.on_top(AUDIT, 50_000, message)
    seen = victim.verify()
    assert (seen.exit, seen.codes) == (status, codes)
    assert victim.run("record").exit == 3


def test_twenty_thousand_commits_that_touch_nothing_come_to_an_end(victim: Victim, world: World) -> None:
    """The source branch goes on for 20,000 commits that touch no environment: they need no entry, and verify says so in linear time."""
    victim.on_top("refs/heads/main", 20_000, b"nothing of note\n")
    assert victim.verify(seconds=2 * SOON).document == world.document


# The machine: its settings, and what it remembers.

MACHINE: dict[str, Mapping[str, str | None]] = {
    "a zone far east": {"TZ": "Pacific/Kiritimati"},
    "a zone that is none": {"TZ": "garbage/../zone"},
    "a zone that is a device": {"TZ": ":/dev/zero"},
    "the locale C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
    "a locale that is none": {"LC_ALL": "xx_XX.KOI8-R", "LANG": "tr_TR.UTF-8"},
    "no locale": {"LC_ALL": None, "LANG": None},
    "hashes by 0": {"PYTHONHASHSEED": "0"},
    "hashes by 4711": {"PYTHONHASHSEED": "4711"},
    "one column": {"COLUMNS": "1", "LINES": "1"},
    "columns that are none": {"COLUMNS": "-5x", "NO_COLOR": "1", "TERM": "dumb"},
    "colour by force": {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"},
    "without assertions": {"PYTHONOPTIMIZE": "2"},
    "no search path": {"PATH": ""},
    "a home that cannot be": {"HOME": "/dev/null/home"},
    "a home that is a file": {"HOME": "/etc/passwd"},
    "no home": {"HOME": None, "XDG_STATE_HOME": "/proc/nowhere"},
    "a state that is a file": {"XDG_STATE_HOME": "/etc/passwd"},
    "a state that cannot be written": {"XDG_STATE_HOME": "/proc/nowhere"},
    "a state that is a device": {"XDG_STATE_HOME": "/dev/null"},
    "a state that is relative": {"XDG_STATE_HOME": "state"},
}


@pytest.mark.parametrize("name", MACHINE)
def test_the_machine_s_settings_do_not_change_the_answer(name: str, victim: Victim, world: World) -> None:
    """Zones, locales, seeds, widths and homes: the document is the same, at level A where this machine cannot remember."""
    environ = MACHINE[name]
    seen = victim.verify("--all", "--trust-root", world.document["genesis"], **environ)
    remembers = {"HOME", "XDG_STATE_HOME"}.isdisjoint(environ) or environ.get("XDG_STATE_HOME") == "state"
    assert (seen.exit, seen.document) == (0, world.whole if remembers else world.forgetful)


def test_a_home_that_does_not_exist_is_made(victim: Victim, world: World) -> None:
    """The first look in an empty home is at level A, the second at B, and a rollback after it is seen."""
    environ = {"HOME": str(victim.folder / "no" / "home" / "yet")}
    for level in ("A", "B"):
        assert victim.verify("--trust-root", world.document["genesis"], **environ).document["level"] == level
    victim.point(victim.git("rev-parse", "envgit-audit~1"))
    assert victim.verify(**environ).codes == ["rolled-back", "uncovered"]


def _edited(**fields: object) -> Callable[[Path, dict[str, Any]], object]:
    return lambda path, pin: path.write_text(json.dumps({**pin, **fields}))


def _instead(make: Callable[[Path], object]) -> Callable[[Path, dict[str, Any]], object]:
    return lambda path, pin: (path.unlink(), make(path))


NO_PIN = "cannot be read as a pin"
PINS: dict[str, tuple[Callable[[Path, dict[str, Any]], object], int, str | list[str]]] = {
    "another root": (_edited(root="0" * 64), 1, ["forked"]),
    "a short root": (_edited(root="00"), 3, NO_PIN),
    "no root": (_edited(root=""), 3, NO_PIN),
    "a longer log": (_edited(size=99), 1, ["rolled-back"]),
    "a shorter log": (_edited(size=3), 1, ["forked"]),
    "another genesis": (_edited(genesis="sha256:" + "0" * 64), 1, ["wrong-genesis"]),
    "escapes for a genesis": (_edited(genesis="\x1b[31m"), 1, ["wrong-genesis"]),
    "a size of nothing": (_edited(size=0), 3, NO_PIN),
    "a negative size": (_edited(size=-6), 3, NO_PIN),
    "a broken size": (_edited(size=6.0), 3, NO_PIN),
    "a text for a size": (_edited(size="6"), 3, NO_PIN),
    "a field more": (_edited(more=1), 3, NO_PIN),
    "a field less": (lambda path, pin: path.write_text(json.dumps({"size": 6, "root": pin["root"]})), 3, NO_PIN),
    "a size of 5,000 digits": (
        lambda path, pin: path.write_text(json.dumps(pin).replace('"size": 6', f'"size": {"9" * 5000}')), 3, NO_PIN,
    ),
    "nothing": (lambda path, pin: path.write_text(""), 3, NO_PIN),
    "null": (lambda path, pin: path.write_text("null"), 3, NO_PIN),
    "a list": (lambda path, pin: path.write_text("[]"), 3, NO_PIN),
    "bytes": (lambda path, pin: path.write_bytes(b"\xff\0\x1b" * 99), 3, NO_PIN),
    "half of it": (lambda path, pin: os.truncate(path, path.stat().st_size // 2), 3, NO_PIN),
    "more than it": (lambda path, pin: path.write_text(json.dumps(pin) + "more"), 3, NO_PIN),
    "a folder": (_instead(lambda path: path.mkdir()), 3, NO_PIN),
    "an empty device": (_instead(lambda path: path.symlink_to("/dev/null")), 3, NO_PIN),
    "an endless device": (_instead(lambda path: path.symlink_to("/dev/zero")), 3, NO_PIN),
    "a link to itself": (_instead(lambda path: path.symlink_to(path)), 3, NO_PIN),
    "a gigabyte": (_instead(_huge), 3, NO_PIN),
    "true for a size": (_edited(size=True), 3, NO_PIN),
    "100,000 levels": (lambda path, pin: path.write_text("[" * 100_000), 3, NO_PIN),
    "a pipe": (_instead(os.mkfifo), 3, NO_PIN),
    "a list of what was checked": (_edited(checked=[]), 3, NO_PIN),
    "a text for what was checked": (_edited(checked="all"), 3, NO_PIN),
    "garbage for what was checked": (_edited(checked={"commit": 5, "size": "x", "root": None, "covered": -1}), 3, NO_PIN),
}  # fmt: skip


@pytest.mark.parametrize("name", PINS)
def test_a_pin_that_was_touched_contradicts_or_cannot_be_read(name: str, victim: Victim, world: World) -> None:
    """What this machine remembers was edited: verify contradicts it or cannot tell, and never says OK."""
    make, status, said = PINS[name]
    make(victim.pin, json.loads(victim.pin.read_text()))
    world.expect(victim.verify(), status, said)


@pytest.mark.parametrize("name", ["another root", "a longer log", "another genesis", "bytes", "a pipe", "no root"])
def test_record_builds_on_nothing_that_a_pin_contradicts(name: str, victim: Victim) -> None:
    """Where the pin contradicts the log, or is none, record signs nothing on top: exit 3 in one line."""
    make, _status, _said = PINS[name]
    make(victim.pin, json.loads(victim.pin.read_text()))
    seen = victim.run("record")
    assert (seen.exit, seen.err.count("\n")) == (3, 1)
    assert victim.run("log").exit == 0


def test_what_the_pin_says_was_checked_is_looked_for_on_the_branch(victim: Victim, world: World) -> None:
    """A pin whose checked part names another commit, size or root is no reason to skip an entry, nor to doubt one."""
    text = victim.pin.read_text()
    edits = ({"commit": victim.head}, {"commit": "1" * 40}, {"size": 99}, {"size": 3}, {"root": "0" * 64})
    for edit in edits:
        pin = json.loads(text)
        victim.pin.write_text(json.dumps({**pin, "checked": {**pin["checked"], **edit}}))
        seen = victim.verify()
        assert (seen.exit, seen.document) == (0, {**world.document, "since": 0})


def test_a_lock_that_is_never_let_go_is_not_waited_for(victim: Victim) -> None:
    """Another process holds the lock of the pin and does not go on: the answer does not wait for it for ever."""
    with (victim.pin.parent / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert victim.verify(seconds=3 * SOON).exit in (0, 3)
