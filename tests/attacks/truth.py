"""Attacks by one who has the signing key: entries that do not tell the truth about main and its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from envgit.audit.entry import Change, ChangeBody, Entry, FileChange
from envgit.git.repository import Repository
from envgit.model import ChangeKind, CommitId, Digest, Fingerprint
from tests.kit.values import replace

from .case import Case
from .scene import Scene
from .world import PATH, production

WHO = "with the stolen key"
OTHER = Fingerprint("00" * 16)


def changed(entry: Entry, edit: Callable[[Change], Change | None]) -> Entry:
    """Return an entry with other changes; one for which `edit` gives None is left out."""
    files = tuple(
        replace(file, changes=tuple(made for change in file.changes if (made := edit(change))))
        for file in entry.body.files
    )
    return replace(entry, body=replace(entry.body, files=files))


def _lie(number: int, edit: Callable[[Change], Change | None], name: str = "TOKEN") -> Callable[[Scene], None]:
    """Sign the log anew from one entry on, with another change of one variable there."""

    def attack(scene: Scene) -> None:
        told = changed(scene.entries[number], lambda one: edit(one) if one.variable == name else one)
        assert told != scene.entries[number]
        scene.again([*scene.entries[:number], told, *scene.entries[number + 1 :]], number)

    return attack


def _state(scene: Scene) -> None:
    entry = scene.entries[7]
    files = (replace(entry.body.files[0], state=Digest("sha256:" + "0" * 64)),)
    scene.again([*scene.entries[:7], replace(entry, body=replace(entry.body, files=files))], 7)


def _author(scene: Scene) -> None:
    entry = scene.entries[7]
    source = replace(entry.body.source, author=replace(entry.body.source.author, name="alice"))
    scene.again([*scene.entries[:7], replace(entry, body=replace(entry.body, source=source))], 7)


def left_out(entries: Sequence[Entry], number: int) -> list[Entry]:
    """Return the entries without one, with everything behind it linked as if it had never been."""
    gone = entries[number]
    before = {change.variable: change.previous for change in gone.body.files[0].changes}
    digests = {file.after: file.before for file in gone.body.files}

    def link(change: Change) -> Change:
        previous = before[change.variable] if change.previous == number else change.previous
        later = previous is not None and previous > number
        return replace(change, previous=previous - 1 if later and previous is not None else previous)

    made = [*entries[:number]]
    for entry in entries[number + 1 :]:
        source = entry.body.source
        if source.previous == gone.body.source.commit:
            source = replace(source, previous=gone.body.source.previous)
        files = tuple(replace(file, before=digests.get(file.before, file.before)) for file in entry.body.files)
        body = replace(entry.body, source=source, files=files)
        made.append(changed(replace(entry, sequence=entry.sequence - 1, body=body), link))
    return made


def _omitted(scene: Scene) -> None:
    scene.again(left_out(scene.entries, 4), 4)


def _flip(scene: Scene) -> None:
    """Tell two commits that set a value and set it back as one, which changed nothing."""

    def quiet(change: Change) -> Change:
        return Change("TOKEN", ChangeKind.REENCRYPTED) if change.variable == "TOKEN" else change

    made = left_out(scene.entries, 3)
    made[3] = changed(made[3], quiet)
    made[5] = changed(made[5], lambda one: replace(one, previous=1) if one.variable == "TOKEN" else one)
    scene.again(made, 3)


def step(scene: Scene, commit: str, *files: FileChange, previous: str = "") -> Entry:
    """Return an entry for a commit, as the next."""
    last = scene.entries[-1].body.source
    where = replace(last, commit=CommitId(commit), previous=CommitId(previous or last.commit), merged=())
    found = Repository.open(scene.path)
    if found.has(CommitId(commit)):
        known = found.commit(CommitId(commit))
        where = replace(where, author=known.author, landed_at=known.committer.time)
    return scene.next(ChangeBody(where, files), "change")


def _digest(scene: Scene, revision: str, path: str = PATH) -> Digest:
    data = scene.object(scene.repo.git("rev-parse", f"{revision}:{path}"))
    return Digest(f"sha256:{sha256(data).hexdigest()}")


def _opaque(scene: Scene, before: str, after: str, previous: int = 6) -> FileChange:
    """Return the change of production's token from one revision to another, as one without an identity would tell it."""
    known = scene.entries[6].body.files[0]
    changes = tuple(
        Change("TOKEN", ChangeKind.OPAQUE, change.type, previous=previous) if change.variable == "TOKEN" else change
        for change in known.changes
    )
    return replace(
        known, before=_digest(scene, before), after=_digest(scene, after), state=None, changes=changes, events=()
    )


def _keyed(scene: Scene) -> None:
    """Let the repository's key be known again, to write files with."""
    scene.repo.key = scene.world.key


def _off_main(scene: Scene) -> None:
    """Record a commit of a branch that was never merged as a step of main."""
    _keyed(scene)
    scene.repo.git("switch", "-q", "-c", "side")
    production(scene.repo, "side")
    side = scene.repo.commit("Never merged", author="mallory")
    scene.repo.git("switch", "-q", "main")
    scene.append(step(scene, side, _opaque(scene, "main", side)))


def _off_main_and_back(scene: Scene) -> None:
    """Record a commit that never was on main, and go on with a true one that takes it back."""
    _off_main(scene)
    side = scene.repo.ref("side")
    production(scene.repo, "feature")
    head = scene.repo.commit("Change nothing")
    scene.append(step(scene, head, _opaque(scene, side, head, previous=8)))


def _nowhere(scene: Scene) -> None:
    scene.append(step(scene, "d" * 40))


def _skipped_merge(scene: Scene, *, told: bool) -> None:
    """Change production in a merge commit, where neither parent has it so; tell the merge and no change, or not at all."""
    _keyed(scene)
    scene.repo.git("switch", "-q", "-c", "side")
    scene.repo.write("README.md", "# Platform\n")
    scene.repo.commit("Words")
    scene.repo.git("switch", "-q", "main")
    scene.repo.git("merge", "-q", "--no-ff", "--no-commit", "side")
    production(scene.repo, "evil")
    merge = scene.repo.commit("Merge branch 'side'")
    if told:
        scene.append(step(scene, merge))
        return
    scene.repo.write("README.md", "# The platform\n")
    scene.append(step(scene, scene.repo.commit("More words")))


def _evil_merge(scene: Scene) -> None:
    _skipped_merge(scene, told=True)


def _untold_merge(scene: Scene) -> None:
    _skipped_merge(scene, told=False)


def _foxtrot(scene: Scene, *, told: bool) -> None:
    """Push a merge whose first parent is one's own line, so that what was main is now a side branch."""
    _keyed(scene)
    scene.repo.git("switch", "-q", "-c", "own")
    production(scene.repo, "own")
    scene.repo.commit("Mine", author="mallory")
    scene.repo.git("switch", "-q", "main")
    scene.repo.write("README.md", "# Platform\n")
    scene.append(step(scene, scene.repo.commit("Words")))
    scene.repo.git("switch", "-q", "own")
    merge = scene.repo.merge("main", author="mallory")
    scene.repo.git("branch", "-f", "main", merge)
    scene.repo.git("switch", "-q", "main")
    if told:
        scene.append(step(scene, merge))


def _foxtrot_told(scene: Scene) -> None:
    _foxtrot(scene, told=True)


def _foxtrot_untold(scene: Scene) -> None:
    _foxtrot(scene, told=False)


def _renamed(scene: Scene) -> None:
    """Move production's file to where no pattern looks, and say nothing of it."""
    (scene.path / "hidden").mkdir()
    scene.repo.git("mv", PATH, "hidden/production.yaml")
    scene.append(step(scene, scene.repo.commit("Tidy up")))


_fingerprint = _lie(7, lambda one: replace(one, after=OTHER))
_older = _lie(7, lambda one: replace(one, before=OTHER))
_hidden = _lie(7, lambda one: None)
_reencrypted = _lie(7, lambda one: Change("TOKEN", ChangeKind.REENCRYPTED))


def _previous(number: int | None) -> Callable[[Scene], None]:
    return _lie(4, lambda one: replace(one, previous=number))


CASES = (
    Case(34, "a false fingerprint of the new value", WHO, "deep", _fingerprint, "false-change", 1, without="0, level A"),
    Case(34, "a false fingerprint of the old value", WHO, "", _older, "false-change", 1),
    Case(34, "a false state of the file", WHO, "deep", _state, "false-state", 1, without="0, level A"),
    Case(34, "another author than the commit has", WHO, "deep", _author, "false-source", 1, without="0, level A"),
    Case(35, "a change of a variable is left out", WHO, "deep", _hidden, "false-change", 1, without="0, level A"),
    Case(35, "a change is told as a re-encryption", WHO, "deep", _reencrypted, "false-change", 1, without="0, level A"),
    Case(36, "a variable's last change is skipped", WHO, "", _previous(1), "wrong-previous", 1),
    Case(37, "the last change is in the future", WHO, "", _previous(7), "wrong-previous", 1),
    Case(37, "the last change is of another file", WHO, "", _previous(2), "wrong-previous", 1),
    Case(37, "the last change is the entry itself", WHO, "", _previous(4), "wrong-previous", 1),
    Case(37, "there is no last change", WHO, "", _previous(None), "wrong-previous", 1),
    Case(38, "the newest entry is for a commit that is not on main", WHO, "source", _off_main, "", 3, without="3"),
    Case(38, "an entry in between is for a commit that never was on main", WHO, "source", _off_main_and_back,
         "false-source", 1, without="3"),
    Case(38, "an entry is for a commit that nobody has", WHO, "source", _nowhere, "", 3, without="3"),
    Case(39, "a commit on main is left out", WHO, "source", _omitted, "false-change uncovered", 1,
         without="1, false-change"),
    Case(40, "a value set and set back is told as no change", WHO, "source", _flip, "uncovered", 1, without="3"),
    Case(41, "a merge that changes what neither side has, told as nothing", WHO, "deep", _evil_merge, "false-change", 1,
         without="0, level A"),
    Case(41, "such a merge is not told at all", WHO, "source", _untold_merge, "uncovered", 1, without="3"),
    Case(42, "a foxtrot merge, not told", WHO, "source", _foxtrot_untold, "", 4, level="A", without="3"),
    Case(42, "a foxtrot merge, told without its first parent", WHO, "source", _foxtrot_told, "uncovered", 1,
         without="3"),
    Case(43, "a file is moved to where no pattern looks, untold", WHO, "deep", _renamed, "false-change", 1,
         without="0, level A"),
)  # fmt: skip
