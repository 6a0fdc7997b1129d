"""Whatever happens to a repository, envgit's verifier and the second one say the same of its log."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.kit.repo import Repo
from tests.kit.sops import new_key
from tests.oracle.coverage import coverage
from tests.oracle.forge import Forge
from tests.oracle.memory import Memory
from tests.oracle.objects import CannotTell, Repository
from tests.oracle.person import Person
from tests.oracle.signatures import seed_of
from tests.oracle.verifier import Verdict, verify

EXAMPLES = int(os.environ.get("ENVGIT_ORACLE_EXAMPLES", "15"))
STEPS = 12
AUDIT = "refs/heads/envgit-audit"
CONFIG = ".envgit.yaml"
A, B, WEB, WEB_TOO, EXTRA = "envs/a.yaml", "envs/b.yaml", "deploy/web/a.yaml", "services/web/a.yaml", "extra/e.yaml"
PATHS = (A, B, WEB, WEB_TOO, EXTRA)
TWINS = {WEB: WEB_TOO, WEB_TOO: WEB}  # the same environment and unit
USUAL = ["envs/{environment}.yaml", "deploy/{unit}/{environment}.yaml", "services/{unit}/{environment}.yaml"]
CONFIGS: dict[str, Any] = {
    "usual": {"version": 1, "environments": USUAL},
    "wide": {"version": 1, "environments": [*USUAL, "extra/{environment}.yaml"]},
    "narrow": {"version": 1, "environments": USUAL[:1]},
    "all": {"version": 1},
    "reveal": {"version": 1, "environments": USUAL, "reveal": ["A"]},
    "broken": {"version": 1, "environments": 3},
    "later": {"version": 9},
}
NAMES = st.sampled_from(["A", "B", "C", "D"])
VALUES = st.dictionaries(NAMES, st.sampled_from(["one", "two", "postgres://one.example/app", 3, True]), min_size=1)
PEOPLE = st.sampled_from(["alice", "bob", "carol"])
THEN = st.sampled_from(["record", "record", "record blindly", "look", "nothing"])
SOME_PATHS = st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True)


class Histories(RuleBasedStateMachine):
    """A repository to which things happen, and its log."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="envgit-oracle-"))
        self.repo = Repo(self.folder / "repo")
        self.me = Person(self.repo.path, self.folder / "me")
        self.me.identity = self.repo.key.identity
        self.keys = {path: (self.repo.key,) for path in PATHS}
        self.data_keys: dict[str, bytes | None] = dict.fromkeys(PATHS)
        self.values: dict[str, dict[str, object]] = {path: {"A": "one", "B": "two"} for path in PATHS}
        self.rotations = 0
        self.roots: list[Path] = []
        self.signers: list[Path | None] = [None]  # the one that `init` makes has no path here
        self.decided = False  # whether the key set was changed: then a recorder may have the wrong key
        self.witnesses: list[tuple[Path, Memory]] = []
        self.compared = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder)

    # What happens to the source branch.

    @initialize(
        config=st.sampled_from(["usual", "wide", "all"]),
        late=st.booleans(),
        roots=st.integers(0, 2),
        signers=st.integers(0, 1),
    )
    def begin(self, config: str, late: bool, roots: int, signers: int) -> None:
        """Begin the log, at the root or later, with people who decide on it or without."""
        if roots:
            self.roots.append(self.me.key("id_ed25519"))
        self._configure(config)
        self._write([A, WEB], {"A": "one", "B": "two"})
        self.repo.commit("Begin")
        words = ["init", "--no-workflows"]
        if late:
            self._write([A], {"A": "two"})
            words += ["--from", self.repo.commit("Later")]
        status, _out, err = self.me.run(*words)
        assert status == 0, err
        self.me.memory.saw(self._verdict())
        for root in [True] * max(0, roots - 1) + [False] * signers:
            self.add_key(root=root, threshold=2)
        self.me.signing_key = self.signers[-1]

    @rule(paths=SOME_PATHS, values=VALUES, author=PEOPLE, then=THEN)
    def change(self, paths: list[str], values: dict[str, object], author: str, then: str) -> None:
        """Change variables of one or two environments."""
        self._write(paths, values)
        self.repo.commit(author=author)
        self._then(then)

    @rule(many=st.lists(st.tuples(SOME_PATHS, VALUES), min_size=2, max_size=5), then=THEN)
    def change_often(self, many: list[tuple[list[str], dict[str, object]]], then: str) -> None:
        """Change much before anybody records."""
        for paths, values in many:
            self._write(paths, values)
            self.repo.commit()
        self._then(then)

    @rule(empty=st.booleans(), then=THEN)
    def touch_nothing(self, empty: bool, then: str) -> None:
        """Commit nothing, or what is no environment."""
        if not empty:
            self.repo.write("notes.txt", str(self.repo.hours))
        self.repo.commit("Nothing")
        self._then(then)

    @rule(path=st.sampled_from(PATHS), data_key=st.booleans(), recipients=st.booleans(), then=THEN)
    def rotate(self, path: str, data_key: bool, recipients: bool, then: str) -> None:
        """Rotate the data key, or who may open a file, or merely encrypt again."""
        self.rotations += 1
        if data_key:
            self.data_keys[path] = bytes([self.rotations]) * 32
        if recipients:
            self.keys[path] = (self.repo.key,) if len(self.keys[path]) > 1 else (self.repo.key, new_key())
        self._write([path], self.values[path])
        self.repo.commit("Rotate")
        self._then(then)

    @rule(here=st.sampled_from(PATHS), there=st.sampled_from(PATHS), then=THEN)
    def move(self, here: str, there: str, then: str) -> None:
        """Move a file, within its environment or into another."""
        if self._is(here) and not self._is(there) and TWINS.get(there) in (None, here):
            (self.repo.path / there).parent.mkdir(parents=True, exist_ok=True)
            self.repo.git("mv", here, there)
            self.values[there] = self.values[here]
            self.repo.commit("Move")
        self._then(then)

    @rule(path=st.sampled_from(PATHS), then=THEN)
    def delete(self, path: str, then: str) -> None:
        """Delete a file; a later change brings it back."""
        if self._is(path):
            self.repo.git("rm", "-q", path)
            self.repo.commit("Delete")
        self._then(then)

    @rule(path=st.sampled_from(PATHS), how=st.sampled_from(["plain", "malformed", "foreign", "text"]), then=THEN)
    def spoil(self, path: str, how: str, then: str) -> None:
        """Leave a file that cannot be read, or not be read by us, or only other text."""
        if TWINS.get(path) and self._is(TWINS[path]):
            path = TWINS[path]
        if how == "plain":
            self.repo.write(path, "A: in the clear\n")
        elif how == "malformed":
            self.repo.write(path, "sops: [\n")
        elif how == "foreign":
            self.repo.env(path, self.values[path], new_key())
        elif self._is(path):
            self.repo.write(path, (self.repo.path / path).read_bytes() + b"# a comment\n")
        self.repo.commit("Spoil")
        self._then(then)

    @rule(config=st.sampled_from([*CONFIGS, "gone", "same"]), paths=st.just([]) | SOME_PATHS, then=THEN)
    def configure(self, config: str, paths: list[str], then: str) -> None:
        """Audit more, or less, or reveal more, or break the configuration; with changes in the same commit or without."""
        self._configure(config)
        self._write(paths, {"A": config})
        self.repo.commit(f"Configure {config}")
        self._then(then)

    @rule(
        sides=st.lists(SOME_PATHS, min_size=1, max_size=2), between=st.just([]) | SOME_PATHS, author=PEOPLE, then=THEN
    )
    def merge(self, sides: list[list[str]], between: list[str], author: str, then: str) -> None:
        """Bring in a side branch by a merge."""
        self.repo.git("switch", "-q", "-C", "side")
        for number, paths in enumerate(sides):
            self._write(paths, {"A": f"side {number}", "C": author})
            self.repo.commit("On the side", author=author)
        self.repo.git("switch", "-q", "main")
        if between:
            self._write(between, {"A": "between"})
            self.repo.commit("Meanwhile")
        self._merge("side")
        self._then(then)

    @rule(back=st.integers(0, 2), paths=SOME_PATHS, then=THEN)
    def foxtrot(self, back: int, paths: list[str], then: str) -> None:
        """Merge the branch into local commits, as a pull does, and let the branch follow."""
        at = self.repo.ref(f"HEAD~{back}^0") or self.repo.head
        self.repo.git("switch", "-q", "-C", "local", at)
        self._write(paths, {"B": "local"})
        self.repo.commit("Local")
        self._merge("main")
        self.repo.git("branch", "-f", "main", "local")
        self.repo.git("switch", "-q", "main")
        self._then(then)

    @rule(values=st.none() | VALUES, then=THEN)
    def amend(self, values: dict[str, object] | None, then: str) -> None:
        """Rewrite the last commit, with another content or the same."""
        if values:
            self._write([A], values)
        self.repo.hours += 1
        self.repo.git("add", "-A")
        self.repo.git("commit", "-q", "--amend", "--allow-empty", "-m", f"Amended at {self.repo.hours}")
        self._then(then)

    @rule(back=st.integers(1, 3), paths=st.just([]) | SOME_PATHS, then=THEN)
    def reset(self, back: int, paths: list[str], then: str) -> None:
        """Set the branch back, and go on from there or not."""
        if self.repo.ref(f"HEAD~{back}"):
            self.repo.git("reset", "-q", "--hard", f"HEAD~{back}")
        if paths:
            self._write(paths, {"D": "after a reset"})
            self.repo.commit("Instead")
        self._then(then)

    # What happens to the log.

    @rule(identity=st.booleans())
    def record(self, identity: bool) -> None:
        """Record what there is."""
        self._record(identity)

    @rule(identity=st.booleans())
    def supplement(self, identity: bool) -> None:
        """Complete what could not be told."""
        self._record(identity, "--supplement")

    @rule(back=st.integers(1, 4), record=st.booleans())
    def roll_back(self, back: int, record: bool) -> None:
        """Set the log back, and let one who has seen nothing go on."""
        at = self.repo.ref(f"{AUDIT}~{back}")
        if not at:
            return
        self.repo.git("update-ref", AUDIT, at)
        self._look(self.me.state, self.me.memory)
        self.witnesses = [*self.witnesses[-1:], (self.me.state, self.me.memory)]
        self.me.fresh()
        if record:
            self._record(identity=True)

    @rule(trailer=st.booleans())
    def junk(self, trailer: bool) -> None:
        """Put a commit on top of the log, look, and take it away."""
        tip = self.repo.ref(AUDIT)
        message = "junk\n\nEnvgit-Entry: sha256:" + "0" * 64 + "\n" if trailer else "junk\n"
        made = self.repo.git("commit-tree", "-p", tip, f"{tip}^{{tree}}", data=message.encode())
        self.repo.git("update-ref", AUDIT, made)
        self._look_everywhere()
        self.repo.git("update-ref", AUDIT, tip)

    # Who signs, and who decides.

    @rule(root=st.booleans(), threshold=st.integers(1, 2))
    def add_key(self, root: bool, threshold: int) -> None:
        """Name another signer, or another root."""
        key = self.me.key(f"key-{len(list(self.me.folder.rglob('*.pub')))}")
        words = ["--root", "--threshold", str(threshold)] if root else ["--email", "signer@acme.example"]
        if self._decide("add", f"{key}.pub", "--name", key.name, *words, roots=[*self.roots, *([key] if root else [])]):
            (self.roots if root else self.signers).append(key)

    @rule(which=st.integers(0, 3), root=st.booleans(), back=st.integers(0, 4), stands=st.booleans())
    def revoke_key(self, which: int, root: bool, back: int, stands: bool) -> None:
        """Revoke a key, from now on or from some entries ago, and vouch for those or not."""
        keys = self.roots if root else self.signers[1:]
        if which >= len(keys):
            return
        if not root:  # nobody revokes the key that he signs by
            self.me.signing_key = self.signers[0]
        size = len(self._verdict().commits)
        words = ["--threshold", "1"] if root else ["--from", str(max(1, size - back))]
        words += ["--reapprove-to", str(size)] if stands and back and not root else []
        if self._decide("revoke", f"{keys[which]}.pub", *words) and root:
            self.roots.remove(keys[which])

    @rule(which=st.integers(0, 3))
    def sign_by(self, which: int) -> None:
        """Let another signer's key be used."""
        self.me.signing_key = self.signers[which % len(self.signers)]

    @rule()
    def approve(self) -> None:
        """Let the roots approve the configuration that waits."""
        self._decide("approve")

    @rule()
    def anchor(self) -> None:
        """Append a note of the log itself."""
        self.me.run("anchor")
        self._look_everywhere()

    # A recorder that lies, with a true key.

    @rule(
        digest=st.booleans(), previous=st.none() | st.integers(0, 3), step=st.booleans(), time=st.booleans(), then=THEN
    )
    def lie(self, digest: bool, previous: int | None, step: bool, time: bool, then: str) -> None:
        """Append an entry that passes over a commit, and one that does not say what there was."""
        self._write([A], {"A": "passed over"})
        self.repo.commit()
        self._write([A], {"A": "not told"})
        self.repo.commit()
        verdict = self._verdict()
        last = verdict.standing.log["source_commit"]
        if last in (None, self.repo.head) or not self.repo.ref(f"{last}^0"):
            return
        forge = Forge.onto(verdict, seed_of(self._key_in_use().read_text()))
        source = forge.step(0, None) | {"commit": self.repo.head, "previous": self.repo.head if step else last}
        files = []
        for (environment, unit), record in sorted(verdict.standing.files.items())[:1]:
            change = {"variable": "A", "kind": "changed", "type": "str", "after": "0" * 32}
            change |= {} if previous is None else {"previous": previous}
            files.append({"environment": environment, "path": record["path"] or A, "after": f"sha256:{'0' * 64}"})
            files[-1] |= {"unit": unit} if unit else {}
            files[-1] |= {"before": None if digest else record["digest"], "state": None, "changes": [change]}
        forge.add("change", recorded_at="" if time else "2090-01-01T00:00:00Z", source=source, files=files)
        forge.write(self.repo.path / ".git")
        self.repo.git("update-ref", AUDIT, forge.tip)
        self.decided = True
        self._then(then)

    @rule()
    def look(self) -> None:
        """Verify, whatever awaits its entry."""
        self._look_everywhere()

    # How it is done.

    def _then(self, then: str) -> None:
        if then == "look":
            self._look_everywhere()
        elif then != "nothing":
            self._record(identity=then == "record")

    def _key_in_use(self) -> Path:
        return self.me.signing_key or next((self.me.folder / "data").rglob("signing-key"))

    def _decide(self, *words: str, roots: list[Path] | None = None) -> bool:
        """Let each root in turn approve; true where it came to an entry."""
        people = self.roots if roots is None else roots
        self.decided = True
        size = len(self._verdict().commits)
        proposal = self.folder / f"proposal-{size}-{self.repo.hours}"
        root = ["--root-key", str(people[0])] if people else []
        self.me.run("signers", *words, *root, "-o", str(proposal))
        for key in people[1:]:
            if proposal.exists():
                said = proposal.with_suffix(f".{key.name}")
                self.me.run("signers", "approve", str(proposal), "--root-key", str(key), "-o", str(said))
                proposal = said
        self._look_everywhere()
        return len(self._verdict().commits) > size

    def _is(self, path: str) -> bool:
        return (self.repo.path / path).exists()

    def _write(self, paths: list[str], values: dict[str, object]) -> None:
        for path in paths:
            if TWINS.get(path) and self._is(TWINS[path]):
                path = TWINS[path]  # noqa: PLW2901
            self.values[path] = {**values}
            self.repo.env(path, self.values[path], *self.keys[path], data_key=self.data_keys[path])

    def _configure(self, config: str) -> None:
        if config == "gone":
            (self.repo.path / CONFIG).unlink(missing_ok=True)
        elif config == "same":
            if self._is(CONFIG):
                self.repo.write(CONFIG, (self.repo.path / CONFIG).read_bytes() + b"\n")
        else:
            self.repo.write(CONFIG, json.dumps(CONFIGS[config]))

    def _merge(self, branch: str) -> None:
        self.repo.hours += 1
        self.repo.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch, check=False)
        if self.repo.ref("MERGE_HEAD"):
            self.repo.git("merge", "--abort")
            self.repo.git("merge", "-q", "--no-ff", "-s", "ours", "-m", f"Merge {branch}", branch)

    def _record(self, identity: bool, *words: str) -> None:
        self.me.identity = self.repo.key.identity if identity else ""
        status, out, err = self.me.run("record", *words)
        verdict = self._verdict()
        assert status == 0 or (status == 3 and self.decided), (status, out, err)
        self.me.memory.saw(verdict)
        self._look_everywhere()

    def _verdict(self) -> Verdict:
        with Repository(self.repo.path) as repository:
            return verify(repository.read, self.repo.ref(AUDIT))

    def _look_everywhere(self) -> None:
        self._look(Path(tempfile.mkdtemp(dir=self.folder)), Memory())
        self._look(self.me.state, self.me.memory)
        for state, memory in self.witnesses:
            self._look(state, memory)

    def _look(self, state: Path, memory: Memory) -> None:
        status, out, err = self.me.run("verify", "--json", state=state)
        with Repository(self.repo.path) as repository:
            verdict = verify(repository.read, self.repo.ref(AUDIT))
            try:
                source = coverage(repository, verdict)
            except CannotTell:
                source = None
        if ("not-an-entry", verdict.entries - 1) in verdict.problems:  # nothing is read from such a tip
            assert (status, out) == (3, ""), out
            return
        said = json.loads(out)
        found = {(problem["code"], problem["sequence"]) for problem in said["problems"]}
        adrift = source is not None and source.adrift  # test_source has what envgit calls false then
        if adrift:
            found = {(code, number) for code, number in found if code != "false-source"}
        seen = memory.problems(verdict)
        uncovered, pending = (source.uncovered, source.pending) if source else ([], [])
        if ("rolled-back", None) in seen:  # what awaits its entry had one
            uncovered, pending = [*uncovered, *pending], []
        wanted = {*verdict.problems, *seen, *([("uncovered", None)] if uncovered else [])}
        wanted |= {("false-source", number) for number in (source.strange if source else [])}
        assert found == wanted, (found, wanted, err)
        assert said["entries"] == verdict.entries
        assert said["genesis"] == verdict.genesis
        assert said["pending"] == pending
        if not memory.size and not adrift:  # test_source has where a machine that goes on counts otherwise
            assert said["covered"] == (source.covered if source else None)
        assert adrift or status == (1 if wanted else 3 if source is None else 4 if pending else 0), (status, err)
        if not said["problems"]:
            memory.saw(verdict)
        self.compared += 1


def test_both_verifiers_say_the_same_of_every_history() -> None:
    """Whatever is committed, rewritten, recorded or set back: problems, entries, pending and covered commits are the same."""
    modest = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=modest)
