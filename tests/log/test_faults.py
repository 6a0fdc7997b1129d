"""Whatever fails in the midst of a recording: the log stays sound, nobody is told that all is well, and the rerun gives the same log."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count, cycle, product
from pathlib import Path
from typing import IO

import pytest

from tests.kit.cli import ROOT
from tests.kit.faults import CANARY, Ended, Starter, hold_no_value, traces
from tests.kit.repo import Repo
from tests.kit.server import Server
from tests.kit.sops import Key, new_key

LOG = "envgit-audit"
Started = subprocess.Popen[str]
RANDOM = re.compile(r"[0-9a-f]{32}")


class World:
    """A repository whose log lacks two entries, and all that envgit can write to: it can be put back as it was."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self.folder = folder / "world"
        self.kept = folder / "kept"
        self.server = server
        self.repo = Repo(self.folder / "repo")
        self.environ = {
            "HOME": str(self.folder / "home"),
            **{f"XDG_{name}_HOME": str(self.folder / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")},
            "TMPDIR": str(self.folder / "tmp"),
            "SOPS_AGE_KEY": self.repo.key.identity,
            "PYTHONPATH": str(ROOT),
        }
        for name in ("HOME", "TMPDIR"):
            Path(self.environ[name]).mkdir()
        self.starter = Starter(self.environ)
        self.undisturbed: list[str] = []
        self.dated = True  # whether two logs were recorded at one time, as the starter's clock has it

    def close(self) -> None:
        """End the process that starts others."""
        self.starter.close()

    def tell(self) -> None:
        """Make the log and what it lacks, remember how everything is then, and which log an undisturbed run makes of it."""
        repo = self.repo
        shutil.rmtree(repo.path / ".git" / "hooks")
        self.env("production", 1, 2)
        repo.commit("Begin")
        if self.server is not None:
            self.server.create()
            shutil.rmtree(self.bare / "hooks")
            repo.git("remote", "add", "origin", self.server.url())
            self.share()
        self.ok("init", "--no-workflows")
        repo.commit("Audit the environments")
        self.share()
        self.ok("record", *self.to_remote)
        self.env("production", 3, 2)
        repo.commit("Change one")
        self.env("production", 3, 5, keys=(repo.key, new_key()))
        repo.commit("Let somebody in")
        self.share()
        repo.git("repack", "-adq")
        for number, folder in enumerate(self.folders):
            shutil.copytree(folder, self.kept / str(number), symlinks=True)
        self.ok("record", *self.to_remote)
        self.undisturbed = self.entries()
        assert [json.loads(entry)["kind"] for entry in self.undisturbed] == [
            "genesis",
            "change",
            "config",
            *["change"] * 2,
        ]
        self.put_back()

    def env(self, name: str, *numbers: int, keys: tuple[Key, ...] = ()) -> None:
        """Write an environment's file: so many variables, with values that leave traces."""
        values = {f"VARIABLE_{place}": f"{CANARY}-{number}" for place, number in enumerate(numbers)}
        self.repo.env(f"envs/{name}.yaml", values, *keys)

    def share(self) -> None:
        """Push the source branch, where there is a server."""
        if self.server is not None:
            self.repo.git("push", "-q", "origin", "main")

    def put_back(self) -> None:
        """Make everything as it was."""
        for number, folder in enumerate(self.folders):
            shutil.rmtree(folder)
            shutil.copytree(self.kept / str(number), folder, symlinks=True)

    @property
    def folders(self) -> list[Path]:
        """All that envgit and git write to."""
        return [self.folder, *([self.server.folder] if self.server else [])]

    @property
    def bare(self) -> Path:
        """The server's repository."""
        assert self.server is not None
        return self.server.folder / "origin.git"

    @property
    def to_remote(self) -> tuple[str, ...]:
        """The option that `record` gets."""
        return ("--push",) if self.server else ()

    def run(self, *words: str, **how) -> Ended:
        """Run a command; whatever comes of it, it is told in one line at most, and no value leaves it."""
        ended = self.starter.run(self.repo.path, *words, **how)
        assert ended.status != 70, ended.err
        if ended.status > 1:
            assert [line[:8] for line in ended.said] == ["envgit: "], ended
        assert traces(ended.out.encode() + ended.err.encode()) == []
        return ended

    def ok(self, *words: str, **how) -> Ended:
        """Run a command that has to succeed."""
        ended = self.run(*words, **how)
        assert ended.status == 0, ended
        return ended

    def apart(self, *words: str, before: Sequence[str] = (), stdout: int | IO[str] = subprocess.PIPE) -> Started:
        """Start a command without the starter: the entries' times are its own."""
        self.dated = False
        return subprocess.Popen(
            [*before, sys.executable, "-B", "-m", "envgit", *words],
            cwd=self.repo.path,
            env={**os.environ, **self.environ},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    @property
    def expected(self) -> list[str]:
        """The entries that an undisturbed run makes."""
        return self.undisturbed if self.dated else [undated(entry) for entry in self.undisturbed]

    def entries(self, path: Path | None = None) -> list[str]:
        """Return the log's entries, by default those of the repository itself."""
        found = entries(path or self.repo.path)
        return found if self.dated else [undated(entry) for entry in found]

    def is_sound(self) -> list[str]:
        """Hold that what there is of the log, here and at the server, is the undisturbed one or begins it; return what is here."""
        found = self.entries()
        for log in [found, *([self.entries(self.bare)] if self.server else [])]:
            assert len(log) >= 3
            assert log == self.expected[: len(log)]
        verified = self.run("verify")
        assert verified.status == (0 if found == self.expected else 4), verified
        return found

    def completes(self) -> None:
        """Hold that the next run makes the log what it would have been without the one that failed."""
        self.ok("record", *self.to_remote)
        self.is_whole()

    def is_whole(self) -> None:
        """Hold that the log is the undisturbed one, wherever it is, and that no run until now left a value behind."""
        hold_no_value(*self.folders)
        assert self.is_sound() == self.expected
        if self.server is not None:
            assert self.entries(self.bare) == self.expected
            assert self.repo.ref(LOG) == self.repo.ref(f"origin/{LOG}")


def entries(path: Path) -> list[str]:
    """Return the entries of a log as texts that two logs of the same steps have in common.

    Fingerprint keys are random, and so is what they name: it has the number instead in which it came, so that only what is the same
    stays the same. Wrapped keys are left out.
    """
    asked = "".join(f"{LOG}:entries/00/00/{number:02}.json\n" for number in range(100))
    words = ["git", "-C", str(path), "cat-file", "--batch"]
    found = subprocess.run(words, input=asked.encode(), capture_output=True, check=True).stdout.splitlines()
    names: dict[str, int] = {}

    def plain(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: plain(inner, name) for name, inner in sorted(value.items()) if name != "wrapped"}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        if isinstance(value, str) and (RANDOM.fullmatch(value) or key in ("state", "state_before")):
            return f"name {names.setdefault(value, len(names))}"
        return value

    return [json.dumps(plain(json.loads(line))) for line in found if line.startswith(b"{")]


def undated(entry: str) -> str:
    """Return an entry without the time at which it was recorded."""
    return json.dumps({**json.loads(entry), "recorded_at": ""})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A repository on its own."""
    with closing(World(tmp_path)) as made:
        made.tell()
        yield made


@pytest.fixture
def shared(tmp_path: Path, server: Server) -> Iterator[World]:
    """A repository with a remote."""
    with closing(World(tmp_path, server)) as made:
        made.tell()
        yield made


def choice(points: tuple[str, ...], *others: str) -> list[int]:
    """Return the numbers of points: those before and after every git, and the first of each other that is named."""
    gits = {number for number, point in enumerate(points, 1) if " git " in point}
    return sorted(gits | {points.index(other) + 1 for other in others})


@pytest.mark.parametrize("how", [{"batch": 1}, {"loose": 0}], ids=["one by one", "as a pack"])
def test_killed_at_every_write_the_log_is_as_it_was_or_some_entries_longer(world: World, how: dict[str, int]) -> None:
    """Wherever kill -9 strikes, no reader finds anything wrong, and the next run gives the log that there would have been."""
    sizes = set()
    for at in count(1):
        ended = world.run("record", fault="kill", at=at, **how)
        if ended.status == 0:
            break
        assert ended.status == -signal.SIGKILL
        sizes.add(len(world.is_sound()))
        world.completes()
        world.put_back()
    assert len(ended.points) == at - 1
    passed = {point.removeprefix("before ") for point in ended.points}
    assert passed > {"ref", "fcntl.flock", "os.mkdir", "open", "tempfile.mkstemp", "fsync", "os.rename"}
    assert passed > ({"object"} if "batch" in how else {"git index-pack"})
    assert sizes == ({3, 4, 5} if "batch" in how else {3, 5})
    world.is_whole()


def test_killed_before_and_after_every_git_the_push_loses_nothing(shared: World) -> None:
    """Here, on the way or at the server: entries that one side has are never lost, and the next push brings both together."""
    points = shared.ok("record", "--push").points
    shared.put_back()
    gits = [point for point in points if "git" in point]
    assert gits == [
        f"{when} git {name}" for name in ("fetch", "fetch", "push", "ls-remote") for when in ("before", "after")
    ]
    there = set()
    for at in choice(points, "before object", "before ref", "before replace", "after replace"):
        assert shared.run("record", "--push", fault="kill", at=at).status == -signal.SIGKILL
        there.add((len(shared.is_sound()), len(shared.entries(shared.bare))))
        shared.completes()
        shared.put_back()
    assert there == {(3, 3), (5, 3), (5, 5)}


@pytest.mark.parametrize("how", [{"batch": 1}, {"loose": 0}], ids=["one by one", "as a pack"])
def test_a_disk_that_takes_no_more_is_one_line_and_costs_nothing(world: World, how: dict[str, int]) -> None:
    """Whichever write fails, alone or with all that follow: the status is no success unless all entries are there."""
    points = world.ok("record", **how).points
    world.put_back()
    faults = cycle(product(("ENOSPC", "EROFS", "EACCES"), (False, True)))
    for at, point in enumerate(points, 1):
        if point.startswith("before"):
            fault, once = next(faults)
            fails_well(world, world.run("record", fault=fault, at=at, once=once, **how))
            world.completes()
            world.put_back()


def test_a_disk_that_takes_no_more_stops_a_push_in_one_line(shared: World) -> None:
    """The same with a server: what it has taken is not lost, and what it has not waits."""
    points = shared.ok("record", "--push").points
    shared.put_back()
    for at in choice(points, "before os.mkdir", "before object", "before ref", "before tempfile.mkstemp"):
        if points[at - 1].startswith("before"):
            fails_well(shared, shared.run("record", "--push", fault="ENOSPC", at=at))
            shared.completes()
            shared.put_back()


def fails_well(world: World, ended: Ended) -> None:
    """Hold that a run that could not write something says so, or lost nothing by it."""
    world.is_sound()
    if ended.status == 0:
        world.is_whole()
    else:
        assert ended.status in (3, 4), ended


def test_that_nothing_was_recorded_is_not_said_where_a_part_was(world: World) -> None:
    """A backfill whose second batch finds the disk full keeps the first: to say that nothing was recorded is wrong."""
    points = world.ok("record", batch=1).points
    world.put_back()
    second = points.index("after ref") + 2
    ended = world.run("record", fault="ENOSPC", at=second, batch=1)
    assert ended.status == 3
    assert len(world.is_sound()) == 4
    assert "nothing was recorded" not in ended.err


def test_that_nothing_was_recorded_is_not_said_where_the_server_has_it_all(shared: World) -> None:
    """Where only the tracking ref cannot follow, the entries are pushed: to say that nothing was recorded is wrong."""
    points = shared.ok("record", "--push").points
    shared.put_back()
    ended = shared.run("record", "--push", fault="ENOSPC", at=points.index("before git push") + 1)
    assert ended.status == 3
    assert shared.entries(shared.bare) == shared.undisturbed
    assert "nothing was recorded" not in ended.err


@pytest.mark.parametrize("fatal", [False, True], ids=["refused", "killed"])
def test_in_the_midst_of_a_write_of_any_length_nothing_is_left_half(world: World, fatal: bool) -> None:
    """Each file in turn is cut short by the kernel, libgit2's and git's own included; fatal: the process dies of it."""
    statuses = set()
    for loose in (400, 0):
        for limit in (0, 3, 60, 150, 200, 250, 300, 400, 3000) if loose else (60, 400, 10_000):
            ended = world.run("record", limit=limit, fatal=fatal, loose=loose)
            assert ended.status in (0, 3, -signal.SIGXFSZ), ended
            statuses.add(ended.status)
            world.is_sound()
            world.repo.git("fsck", "--strict")
            world.completes()
            world.put_back()
    assert statuses == ({-signal.SIGXFSZ, 3, 0} if fatal else {3, 0})
    world.ok("record")
    # Nothing is written now but what this machine remembers.
    assert world.run("record", limit=100, fatal=fatal).status == (-signal.SIGXFSZ if fatal else 0)
    world.completes()


def test_killed_under_the_lock_of_git_the_next_run_says_which_file_is_in_its_way(world: World) -> None:
    """A process that dies while it moves the ref leaves git's lock, as git does: once that is removed, the log is completed."""
    reflog = world.repo.path / ".git" / "logs" / "refs" / "heads" / LOG
    reflog.write_text(reflog.read_text() * 20)  # so that it is the one file that is too long
    lock = world.repo.path / ".git" / "refs" / "heads" / f"{LOG}.lock"
    assert world.run("record", limit=reflog.stat().st_size, fatal=True).status == -signal.SIGXFSZ
    assert lock.exists()
    assert len(world.is_sound()) == 3
    ended = world.run("record")
    assert ended.status == 3
    assert f"{lock} is there; remove it if no git is running" in ended.err
    lock.unlink()
    world.completes()


def test_a_clone_that_is_behind_rolls_nothing_back_at_the_server(shared: World) -> None:
    """A run that comes late, with an older source branch, an older log or both, adds nothing and takes nothing away."""
    repo = shared.repo
    old_log = repo.ref(LOG)
    shared.ok("record", "--push")
    for source, log in (("main", old_log), ("main~1", LOG), ("main~1", old_log)):
        commit, tip = repo.ref(source), repo.ref(log)
        repo.git("reset", "-q", "--hard", commit)
        repo.git("update-ref", f"refs/heads/{LOG}", tip)
        assert "nothing to record" in shared.ok("record", "--push").out
        shared.is_whole()
        repo.git("reset", "-q", "--hard", "origin/main")


def test_a_clone_that_has_not_pulled_yet_tells_of_no_rewrite(shared: World) -> None:
    """git fetch brings the newer log, and main is only behind: nobody rewrote it, so record has nothing to sign."""
    repo = shared.repo
    shared.ok("record", "--push")
    repo.git("reset", "-q", "--hard", "main~1")
    assert "nothing to record" in shared.ok("record").out
    assert shared.entries() == shared.undisturbed


@pytest.mark.parametrize("name", ["term", "interrupt"])
def test_a_cancelled_run_keeps_what_it_had(world: World, name: str) -> None:
    """Ctrl-C is answered by one line, SIGTERM by none; both leave the log sound, wherever they come."""
    points = world.ok("record", batch=1).points
    world.put_back()
    for at in sorted(random.Random(name).sample(range(1, len(points) + 1), 12)):
        ended = world.run("record", fault=name, at=at, batch=1)
        assert ended.status == (130 if name == "interrupt" else -signal.SIGTERM), (points[at - 1], ended)
        if name == "interrupt":
            assert ended.said == ["envgit: interrupted; what was recorded before is kept"]
        world.is_sound()
        world.completes()
        world.put_back()


def test_cancelled_runs_and_what_their_gits_do_afterwards_lose_nothing(shared: World) -> None:
    """A forge stops a job whenever it likes, alone or with its children; the next one may start while a git is still at it."""
    chance = random.Random(1)
    for number in range(8):
        with shared.apart("record", "--push") as running:
            time.sleep(chance.uniform(0.1, 0.6))
            if number % 2:
                os.killpg(running.pid, signal.SIGTERM)
            else:
                running.terminate()
            out, said = running.communicate()
        # A git that goes on may be in the next one's way, which says so then.
        assert running.returncode in (0, 3, 4, -signal.SIGTERM), said
        assert running.returncode <= 0 or re.fullmatch(r"envgit: .*\n", said)
        assert traces((out + said).encode()) == []
        shared.is_sound()
    shared.completes()


def test_what_a_dead_run_left_here_yields_to_what_another_pushed(shared: World) -> None:
    """Two clones told the same steps, one of them died before its push: the log is that of the other, and both go on with it."""
    points = shared.ok("record", "--push").points
    shared.put_back()
    shared.run("record", "--push", fault="kill", at=points.index("before git push") + 1)
    left = shared.repo.ref(LOG)
    other = Repo.clone(shared.bare, shared.folder / "other")
    other.git("remote", "set-url", "origin", shared.repo.git("remote", "get-url", "origin"))
    mine = {
        "ENVGIT_SIGNING_KEY_FILE": shared.repo.git("config", "envgit.signingKey"),
        "XDG_STATE_HOME": str(shared.folder / "other-state"),
    }
    assert shared.starter.run(other.path, "record", "--push", environ=mine).status == 0
    assert f"what only this clone had is told anew after it (it was at {left})" in shared.ok("record", "--push").err
    assert shared.repo.ref(LOG) == other.ref(LOG) != left
    shared.is_whole()


def test_a_push_that_a_hook_rejects_waits_for_the_next(shared: World) -> None:
    """The server's word is the one line, the entries stay here, and they are delivered when the hook is gone."""
    assert shared.server is not None
    shared.server.hook("pre-receive", "echo 'the log is closed until Monday' >&2; exit 1")
    for _attempt in range(2):
        ended = shared.run("record", "--push")
        assert ended.status == 4
        assert "origin refused envgit-audit: 'the log is closed until Monday'; 2 entries wait here" in ended.err
        assert shared.is_sound() == shared.undisturbed
        assert len(shared.entries(shared.bare)) == 3
    (shared.bare / "hooks" / "pre-receive").unlink()
    tip = shared.repo.ref(LOG)
    shared.completes()
    assert shared.repo.ref(f"origin/{LOG}") == tip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_where_the_answer_cannot_be_written_the_entries_are_there(world: World) -> None:
    """A full disk behind stdout: a status that is no success, one line, and a log that is whole."""
    with open("/dev/full", "w") as full, world.apart("record", stdout=full) as running:
        _out, said = running.communicate()
    assert running.returncode == 3
    assert said == "envgit: cannot write the answer: No space left on device\n"
    world.is_whole()


@pytest.mark.parametrize("folder", ["objects", "refs/heads", "state"])
def test_a_directory_without_write_permission_is_one_line(world: World, folder: str) -> None:
    """Whichever directory it is that nobody may write to, the run says so, and the next completes the log."""
    powerless = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if powerless and shutil.which(powerless[0]) is None:
        pytest.skip("permissions do not bind root, and setpriv is not here")
    top = world.folder / "state" if folder == "state" else world.repo.path / ".git" / folder
    closed = [path for path in [top, *top.rglob("*")] if path.is_dir()]
    for path in closed:
        path.chmod(0o500)
    with world.apart("record", before=powerless) as running:
        _out, said = running.communicate()
    for path in closed:
        path.chmod(0o700)
    remembered = folder != "state"
    assert running.returncode == (3 if remembered else 0)
    assert re.fullmatch(f"{'envgit' if remembered else 'warning'}: .*: Permission denied.*\n", said)
    assert len(world.is_sound()) == (3 if remembered else 5)
    world.completes()


# A disk of its own for all that envgit writes to. It is filled but for some KiB, or made read-only, and freed again.
DISK = r"""
ran() { "$PYTHON" -B -m envgit "$3" >"$OUT/$1-$2.out" 2>"$OUT/$1-$2.err"; echo "$1 $2 $?"; }
fresh() { cd / && find "$WORLD" -mindepth 1 -delete && cp -a "$KEPT/." "$WORLD" && cd "$WORLD/repo"; }
fails() { ran "$1" first record; ran "$1" between verify; }
works() { ran "$1" again record; ran "$1" after verify; cp -a "$WORLD" "$OUT/$1"; }
mount -t tmpfs -o size=4m disk "$WORLD" || exit 77
for free in 0 40 80 300; do
    fresh
    cat /dev/zero >"$WORLD/filler" 2>"$OUT/full"
    truncate -s "-${free}K" "$WORLD/filler"
    fails $free
    rm "$WORLD/filler"
    works $free
done
fresh
mount -o remount,ro "$WORLD"
fails ro
mount -o remount,rw "$WORLD"
works ro
"""


def test_on_a_disk_that_is_really_full_or_read_only_the_log_is_completed_later(world: World, tmp_path: Path) -> None:
    """With the kernel's own refusals, wherever libgit2 meets them: one line, and nothing that the next run does not mend."""
    if shutil.which("unshare") is None:
        pytest.skip("nothing can be mounted here")
    out = tmp_path / "out"
    out.mkdir()
    places = {"WORLD": world.folder, "KEPT": world.kept / "0", "OUT": out, "PYTHON": sys.executable}
    done = subprocess.run(
        ["unshare", *(["--user", "--map-root-user"] if os.geteuid() else []), "--mount", "sh", "-c", DISK],
        env={**os.environ, **world.environ, **{name: str(place) for name, place in places.items()}},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or done.stderr.startswith("unshare"):
        pytest.skip("nothing can be mounted here")
    world.dated = False
    firsts = set()
    for row in done.stdout.splitlines():
        case, when, status = row.split()
        said = (out / f"{case}-{when}.err").read_text()
        firsts |= {status} if when == "first" else set()
        assert status in {"first": "03", "between": "04", "again": "0", "after": "0"}[when], (row, said)
        assert re.fullmatch(r"envgit: .*\n" if status != "0" else r"(warning: .*\n)?", said), (row, said)
        assert when != "after" or world.entries(out / case / "repo") == world.expected
    assert firsts == {"0", "3"}
    hold_no_value(out)
