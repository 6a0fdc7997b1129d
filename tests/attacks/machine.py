"""Attacks on the verifier's own machine: its repository's files, its configuration, its environment, its memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

from envgit.audit import commit as commits
from tests.kit.repo import Repo

from .case import Case
from .keyless import other_log
from .line import AUDIT, store
from .scene import Scene
from .world import MALLORY

WHO = "the verifier's machine"
A = "0, level A"
YES_MAN = """#!/bin/sh
case "$*" in
*find-principals*) echo envgit@envgit.invalid ;;
*) echo 'Good "git" signature for envgit@envgit.invalid with ED25519 key SHA256:x' ;;
esac
"""


def _file(name: str, text: Callable[[Scene], str]) -> Callable[[Scene], None]:
    """Write a file into the repository's git directory."""

    def attack(scene: Scene) -> None:
        path = scene.path / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(scene))

    return attack


def _cloned(*options: str, gone: bool = False) -> Callable[[Scene], None]:
    """Verify a clone in place of the repository; `gone` is to take away what it could fetch the rest from."""

    def attack(scene: Scene) -> None:
        scene.repo.git("config", "uploadpack.allowFilter", "true")
        path = scene.folder / "clone"
        clone = Repo.clone(f"file://{scene.path}", path, "--no-checkout", "--no-single-branch", *options)
        clone.git("update-ref", AUDIT, "refs/remotes/origin/envgit-audit")
        if gone:
            scene.path.rename(scene.folder / "elsewhere")
        scene.repo.path = path

    return attack


def _replace(what: str) -> Callable[[Scene], None]:
    """Let git see another object in one's place, by refs/replace."""

    def attack(scene: Scene) -> None:
        tip = scene.raw(-1)
        if what == "commit":
            other = scene.put("commit", commits.without_signature(tip).replace(b"bob", b"eve"))
            scene.point(other, f"refs/replace/{scene.tip}")
        elif what == "tree":
            tree = commits.tree_of(tip)
            scene.point(commits.tree_of(scene.raw(3)), f"refs/replace/{tree}")
        else:
            oid = scene.entry_blob(7)
            scene.point(scene.put("blob", scene.object(oid).replace(b"bob", b"eve")), f"refs/replace/{oid}")

    return attack


def _swapped_blob(scene: Scene) -> None:
    oid = scene.entry_blob(7)
    store(scene.path, "blob", scene.object(oid).replace(b"bob", b"eve"), oid)


def _swapped_commit(scene: Scene) -> None:
    store(scene.path, "commit", commits.without_signature(scene.raw(-1)), scene.tip)


def _swapped_index(scene: Scene) -> None:
    """Let a pack's index lead from one entry's name to another's bytes."""
    names = [bytes.fromhex(scene.entry_blob(number)) for number in (6, 7)]
    scene.repo.git("repack", "-adq")
    path = next((scene.path / ".git" / "objects" / "pack").glob("*.idx"))
    data = bytearray(path.read_bytes())
    (count,) = struct.unpack(">I", data[1028:1032])
    listed = [bytes(data[1032 + 20 * n : 1052 + 20 * n]) for n in range(count)]
    one, two = (1032 + 24 * count + 4 * listed.index(name) for name in names)
    data[one : one + 4], data[two : two + 4] = data[two : two + 4], data[one : one + 4]
    data[-20:] = sha1(data[:-20], usedforsecurity=False).digest()
    path.chmod(0o644)
    path.write_bytes(data)


def _alternates(scene: Scene) -> None:
    """Take an entry away, and name another object store that has other bytes under its name."""
    oid = scene.entry_blob(7)
    data = scene.object(oid).replace(b"bob", b"eve")
    (scene.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    other = scene.folder / "other.git"
    (other / "objects").mkdir(parents=True)
    store(other, "blob", data, oid)
    (scene.path / ".git" / "objects" / "info" / "alternates").write_text(f"{other / 'objects'}\n")


def _environment(scene: Scene) -> None:
    """Let git's own variables name another repository, with a log of the attacker's."""
    other = scene.folder / "other"
    repo = Repo(other)
    repo.git("pull", "-q", str(scene.path), "main")
    made = other_log(scene, scene.entries[0].origin, MALLORY)
    scene.point(made.tip or "", "refs/heads/forged")
    repo.git("fetch", "-q", str(scene.path), f"forged:{AUDIT.removeprefix('refs/heads/')}")
    scene.repo.git("update-ref", "-d", "refs/heads/forged")
    scene.environ = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
    }
    scene.apart = True


def _yes_man(scene: Scene) -> None:
    """Put another log in place, and let the repository's configuration name a program that calls it good."""
    scene.point(other_log(scene, scene.entries[0].origin, MALLORY).tip or "")
    program = scene.folder / "yes"
    program.write_text(YES_MAN)
    program.chmod(0o755)
    scene.repo.git("config", "gpg.ssh.program", str(program))


def _sha256(scene: Scene) -> None:
    other = Repo(scene.folder / "sha256", "--object-format=sha256")
    other.commit("Begin")
    other.git("branch", "-q", "envgit-audit")
    scene.repo.path = other.path


def _reftable(scene: Scene) -> None:
    scene.repo.git("config", "core.repositoryFormatVersion", "1")
    scene.repo.git("config", "extensions.refStorage", "reftable")


def _pin(text: str) -> Callable[[Scene], None]:
    """Write something else where this machine's memory was."""

    def attack(_scene: Scene) -> None:
        state = Path(os.environ["HOME"]) / ".local" / "state" / "envgit"
        next(state.glob("*/pin.json")).write_text(text)

    return attack


def _unwritable(scene: Scene) -> None:
    """Put a file where this machine's memory would have to be a directory."""
    file = scene.folder / "state"
    file.write_text("in the way")
    scene.environ = {"XDG_STATE_HOME": str(file)}


def _no_identity(scene: Scene) -> None:
    scene.words = ["--deep"]


def _no_source(scene: Scene) -> None:
    scene.repo.git("checkout", "-q", "--detach")
    scene.repo.git("branch", "-q", "-D", "main")


def _no_commit(scene: Scene) -> None:
    oid = scene.world.commits["staging"]
    (scene.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()


def _no_entry(scene: Scene) -> None:
    oid = scene.entry_blob(3)
    (scene.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()


def _elsewhere(scene: Scene) -> None:
    """Verify on the other side of the date line, in a locale with letters of its own."""
    scene.environ = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONUTF8": "0"}
    scene.apart = True


_graft = _file("info/grafts", lambda scene: f"{scene.tip}\n")
_shallow = _file("shallow", lambda scene: f"{scene.oids[4]}\n")
_blobless, _treeless = (_cloned(f"--filter={kind}", gone=True) for kind in ("blob:none", "tree:0"))

CASES = (
    Case(64, "a graft makes the newest entry the first", WHO, "", _graft, "", 0, level="A"),
    Case(65, "a forged .git/shallow cuts the log short", WHO, "", _shallow, "", 0, level="A"),
    Case(66, "a real clone of depth 1", WHO, "", _cloned("--depth=1"), "", 3),
    Case(67, "a clone without blobs, its origin gone", WHO, "", _blobless, "", 3),
    Case(67, "a clone without trees, its origin gone", WHO, "", _treeless, "", 3),
    Case(68, "refs/replace on a commit", WHO, "", _replace("commit"), "", 0, "G but 1 N", level="A"),
    Case(68, "refs/replace on a tree", WHO, "", _replace("tree"), "", 0, level="A"),
    Case(68, "refs/replace on an entry", WHO, "", _replace("blob"), "", 0, level="A"),
    Case(69, "other bytes under an entry's name", WHO, "", _swapped_blob, "", 3),
    Case(69, "other bytes under a commit's name", WHO, "", _swapped_commit, "", 3, "G but 1 N"),
    Case(69, "a pack's index that leads to other bytes", WHO, "", _swapped_index, "", 3),
    Case(70, "another object store with other bytes under an entry's name", WHO, "", _alternates, "", 3),
    Case(70, "git's variables name another repository", WHO, "", _environment, "", 0, "no G but 8 U", level="A"),
    Case(70, "the repository's configuration names what calls all good", WHO, "", _yes_man, "wrong-genesis", 1),
    Case(71, "a repository of SHA-256", WHO, "", _sha256, "", 3, "no G but 1 N"),
    Case(71, "a repository with reftable", WHO, "", _reftable, "", 3, "git cannot read it"),
    Case(72, "the memory of this machine is no memory", WHO, "pin", _pin("{}"), "", 3, without=A),
    Case(72, "the memory of this machine cannot be written", WHO, "", _unwritable, "", 0, level="A"),
    Case(73, "no identity for --deep", WHO, "", _no_identity, "", 3, level="A"),
    Case(73, "main is not here", WHO, "", _no_source, "", 3),
    Case(73, "a commit of main is not here", WHO, "", _no_commit, "", 3),
    Case(73, "an entry is not here", WHO, "", _no_entry, "", 3),
    Case(74, "another time zone and locale", WHO, "", _elsewhere, "", 0, level="A"),
)  # fmt: skip
