"""The second verifier and envgit's agree, on sound logs and on tampered ones; and each of its parts holds to known vectors."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.audit import commit as envgit_commit
from envgit.audit.canonical import FormatError, encode
from envgit.audit.codec import UnknownVersion, decode_entry, encode_entry
from envgit.audit.entry import Entry
from envgit.audit.verify import Report
from envgit.errors import CannotTell as EnvgitCannotTell
from tests.audit import chain as chains
from tests.audit import test_flips, test_verify
from tests.audit.chain import KEY, SIGNER, Chain, check, write_repository
from tests.audit.golden import golden
from tests.audit.tamper import propagated
from tests.audit.test_codec import ENTRIES, WORDS
from tests.oracle import commits, entries, made, merkle, objects, rules, signatures, trees, verifier
from tests.oracle.forge import CONFIG, Forge
from tests.oracle.json_ import Malformed, read

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_it_has_no_line_of_envgit() -> None:
    """The verifier imports the standard library and itself, and nothing else."""
    for path in HERE.glob("*.py"):
        if path.name.startswith(("test_", "conftest", "person")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names or name.startswith("tests.oracle."), name


# Logs.

Outcome = tuple[Any, ...]


def outcome_of(report: Report) -> Outcome:
    """Return what envgit's verifier says, as far as the other says it too."""
    problems = [(str(problem.code), problem.sequence) for problem in report.problems]
    odd = [(str(problem.code), problem.sequence) for problem in report.warnings]
    genesis = report.genesis if report.good else ""
    return (told(problems), odd, report.good, report.newer_from, report.root, genesis)


def outcome(kept: trees.Objects, tip: str) -> Outcome:
    """Return what the second verifier says."""
    found = verifier.verify(objects.from_dict(kept), tip)
    return (told(found.problems), found.warnings, found.good, found.newer_from, found.root, found.genesis)


def told(problems: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return each problem once, by entry: in which order those of one entry are told is nobody's business."""
    return sorted(set(problems), key=lambda problem: (problem[1], problem[0]))


@pytest.fixture(scope="module")
def vectors() -> tuple[dict[str, Any], trees.Objects]:
    rows = json.loads((VECTORS / "objects.json").read_text())
    kept = {
        oid: (row["kind"], bytes.fromhex(row["data"]) if row["kind"] == "tree" else row["data"].encode())
        for oid, row in rows.items()
    }
    return json.loads((VECTORS / "log.json").read_text()), kept


def test_the_golden_log_is_good_at_every_length(vectors: tuple[dict[str, Any], trees.Objects]) -> None:
    """Every prefix of the golden log is sound for both, with the roots and the genesis that the vectors name."""
    log, kept = vectors
    for number, row in enumerate(log["entries"]):
        found = outcome(kept, row["commit"])
        assert found == ([], [], number + 1, None, bytes.fromhex(row["root"]), log["genesis"])
        assert found == outcome_of(check(kept, row["commit"]))


class Watched:
    """What the verifier's own tests have verified, each log with what envgit said of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.compared = 0
        monkeypatch.setattr(chains, "check", self.check)
        monkeypatch.setattr(test_verify, "check", self.check)

    def check(self, kept: trees.Objects, tip: str, *more: object, **named: object) -> Report:
        """Verify as envgit does, and compare."""
        self.compared += 1
        try:
            report = check(kept, tip, *more, **named)
        except EnvgitCannotTell:
            with pytest.raises(objects.CannotTell):
                outcome(kept, tip)
            raise
        assert outcome(kept, tip) == outcome_of(report)
        return report


def cases() -> Iterator[Any]:
    """Yield each case of the verifier's own tests: a function and its arguments."""
    for name, function in inspect.getmembers(test_verify, inspect.isfunction):
        if not name.startswith("test_") or function.__module__ != test_verify.__name__:
            continue
        marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
        if not marks:
            yield pytest.param(function, {}, id=name)
        for mark in marks:
            names, rows = mark.args
            for number, row in enumerate(rows):
                given_ = {names: row} if isinstance(names, str) else dict(zip(names, row, strict=True))
                label = row if isinstance(row, str) else str(number)
                yield pytest.param(function, given_, id=f"{name}[{label}]")


@pytest.mark.parametrize(("function", "arguments"), list(cases()))
def test_the_logs_of_the_verifiers_own_tests(
    function: Callable[..., None], arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each log that envgit's verifier is tested on, sound or tampered with, is judged alike: codes, entries, root."""
    watched = Watched(monkeypatch)
    named = {"chain": golden()} if "chain" in inspect.signature(function).parameters else {}
    function(**named, **arguments)
    assert watched.compared


ALTERED = ("bad-signature", "commit-altered", "entry-altered", "tree-altered")


@pytest.mark.parametrize(("oid", "kind"), test_flips.OBJECTS, ids=[f"{k}-{o[:7]}" for o, k in test_flips.OBJECTS])
def test_flipped_bytes(oid: str, kind: str) -> None:
    """Wherever a byte is another one, both say so at the same entry, or one of them misses an object and cannot tell."""
    data = test_flips.CHAIN.objects[oid][1]
    for place in range(len(oid) % 11, len(data), 11):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        log = propagated(test_flips.CHAIN, oid, bytes(changed))
        try:
            wanted = coarse(outcome_of(log.verify()))
        except EnvgitCannotTell:
            wanted = None
        try:
            found = coarse(outcome(log.objects, log.tip))
        except objects.CannotTell:
            found = None
        assert found == wanted or None in (found, wanted), f"byte {place} of a {kind}"


def coarse(found: Outcome) -> tuple[str, int]:
    """Return the first problem and how many entries are good; what was altered can be told at several places."""
    code = found[0][0][0]
    return ("altered" if code in ALTERED else code, found[2])


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_logs_by_chance(start: int) -> None:
    """Of logs whose entries fit what came before often and not always, both say the same."""
    for seed in range(start, start + 10):
        chance = Random(seed)
        log = Forge()
        for _ in range(9):
            value = made.entry(chance, log.standing)
            try:
                log.put(value)
            except Malformed:
                continue
        assert outcome(log.objects, log.tip) == outcome_of(check(log.objects, log.tip)), seed


# Entries and commits.


@settings(max_examples=150, deadline=None, suppress_health_check=PATIENT)
@given(ENTRIES)
def test_any_entry_makes_the_same_commit(chain: Chain, entry: Entry) -> None:
    """An entry of any kind is read alike, and its commit is the same, byte for byte."""
    data = encode_entry(entry)
    value = entries.entry(data)
    state = chain.made[0].state
    leaf = merkle.leaf(data)
    checkpoint = merkle.checkpoint(entry.origin, state.size, state.root)
    signer = {"name": SIGNER.name, "email": SIGNER.email}
    wanted = envgit_commit.unsigned(entry, leaf, "a" * 40, "b" * 40, state, SIGNER)
    assert commits.unsigned(value, "a" * 40, "b" * 40, checkpoint, leaf, signer) == wanted


TIMES = st.sampled_from(
    ["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "0000-01-01T00:00:00Z"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=PATIENT)
@given(st.data())
def test_any_edit_of_an_entry_is_judged_alike(chain: Chain, data: st.DataObject) -> None:
    """An entry with a part of it replaced or taken away is one for both, or malformed for both, or for a newer program."""
    value = json.loads(data.draw(st.sampled_from([made_.data for made_ in chain.made])))
    node: Any = value
    while isinstance(node, dict | list) and node:
        parent, key = node, data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        node = node[key]
        if data.draw(st.integers(0, 2)) == 0:
            break
    if isinstance(parent, dict) and data.draw(st.booleans()):
        parent.pop(key)
    else:
        others = st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | WORDS | TIMES | st.just([]) | st.just({})
        parent[key] = data.draw(others)
    if value.get("version") is not False:  # see below
        assert judged(encode(value)) == judged_by_envgit(encode(value))


def judged(data: bytes) -> str:
    """Return what the second verifier takes bytes for."""
    try:
        entries.entry(data)
    except entries.Newer:
        return "newer"
    except Malformed:
        return "malformed"
    return "entry"


def judged_by_envgit(data: bytes) -> str:
    """Return what envgit takes bytes for."""
    try:
        return "entry" if decode_entry(data).body is not None else "newer"
    except UnknownVersion:
        return "newer"
    except FormatError:
        return "malformed"


def test_malformed_vectors_are_malformed() -> None:
    """Every entry of tests/vectors that is wrong in one way is malformed."""
    for name, text in json.loads((VECTORS / "malformed.json").read_text()).items():
        assert judged(text.encode()) == "malformed", name


def test_names_are_escaped_as_the_vectors_say() -> None:
    """Every name of tests/vectors has the form that stands there."""
    for name, escaped in json.loads((VECTORS / "names.json").read_text()).items():
        assert trees.escaped(name) == escaped


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " {}",
            "{} ",
            '{"a":1,"a":1}',
            '{"b":1,"a":1}',
            '{"a": 1}',
            "1.0",
            "1e3",
            "-0",
            "01",
            "+1",
            "NaN",
            "[1,]",
        ),
        *(
            "9007199254740992",
            '"\\u0041"',
            '"\\/"',
            '"\\u000a"',
            '"\\u001F"',
            '"\n"',
            '"\\ud800"',
            "tru",
            "[" * 65 + "]" * 65,
        ),
        *('{"\u00fc":1}', "\ufeff{}", "{'a':1}", '{"a"}', "[1 2]", '"', "{", "\0", "9" * 5000),
    ],
)
def test_what_is_no_canonical_json_is_refused(text: str) -> None:
    """Each of these is refused by both readers."""
    with pytest.raises(Malformed):
        read(text.encode())
    with pytest.raises(FormatError):
        decode_entry(text.encode())


# Stock git.


def test_git_and_ssh_keygen_accept_what_is_untouched(chain: Chain, tmp_path: Path) -> None:
    """`git verify-commit` and `ssh-keygen` accept exactly those signatures that the second verifier's own Ed25519 accepts."""
    allowed = tmp_path / "allowed"
    allowed.write_text(f"envgit@envgit.invalid {KEY.public_line}\n")
    kept = dict(chain.objects)
    wanted: dict[str, bool] = {}
    for made_ in chain.made:
        raw = chain.objects[made_.commit][1]
        edits = (raw, raw.replace(b"[skip ci]", b"[skip  ci]"), raw.replace(b"committer envgit", b"committer envgix"))
        for edit in edits:
            parts = commits.parts(edit)
            oid = trees.kept(kept, "commit", edit)
            wanted[oid] = parts.armor is not None and signatures.holds(parts.armor, parts.plain)
            assert wanted[oid] == (edit == raw)
            assert ssh_keygen(tmp_path, allowed, parts) == wanted[oid]
    repository = tmp_path / "log.git"
    write_repository(repository, kept, chain.tip)
    settings_ = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}")
    for oid, good in wanted.items():
        command = ["git", *settings_, "--git-dir", str(repository), "verify-commit", oid]
        assert (subprocess.run(command, capture_output=True, check=False).returncode == 0) == good


def ssh_keygen(folder: Path, allowed: Path, parts: commits.Parts) -> bool:
    """Tell whether `ssh-keygen -Y verify` accepts a commit's signature."""
    (folder / "signature").write_text(parts.armor_text)
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "envgit@envgit.invalid", "-n", "git"]
    done = subprocess.run([*command, "-s", folder / "signature"], input=parts.plain, capture_output=True, check=False)
    return done.returncode == 0


def test_a_real_repository_is_read_by_git(chain: Chain, tmp_path: Path) -> None:
    """Objects that the git program reads give the verdict that those in memory give."""
    write_repository(tmp_path, chain.objects, chain.tip)
    with objects.Repository(tmp_path) as repository:
        found = verifier.verify(repository.read, repository.ref("refs/heads/envgit-audit"))
    assert (found.problems, found.good, found.root) == ([], len(chain.made), chain.state.root)


def test_a_missing_object_is_no_verdict(chain: Chain, tmp_path: Path) -> None:
    """What git does not have cannot be told."""
    write_repository(tmp_path, chain.objects, chain.tip)
    with objects.Repository(tmp_path) as repository, pytest.raises(objects.CannotTell):
        repository.read("0" * 40)


def test_an_approval_of_ssh_keygen_is_one(tmp_path: Path) -> None:
    """What `ssh-keygen -Y sign` makes for a root is read and counted, and not over another statement."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "root"], check=True)
    public = " ".join((tmp_path / "root.pub").read_text().split()[:2])
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "envgit-approval", "-f", str(tmp_path / "root")]
    done = subprocess.run(command, input=b'{"a":1}', capture_output=True, check=True, env=dict(os.environ))
    roots = [{"name": "Alice", "key": public}]
    approval = done.stdout.decode().removesuffix("\n")
    assert rules.voters(roots, [approval], b'{"a":1}') == {"Alice"}
    assert rules.voters(roots, [approval], b'{"a":2}') == set()


# Vectors of others.

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_ed25519_is_rfc_8032s(secret: str, public: str, message: str, signature: str) -> None:
    """Keys and signatures are those of the RFC; with any bit changed, or past the order, they are good no more."""
    seed, key, data, signed = (bytes.fromhex(text) for text in (secret, public, message, signature))
    assert (signatures.public_of(seed), signatures.sign(seed, data)) == (key, signed)
    assert signatures.good(key, data, signed)
    assert not signatures.good(key, data + b"x", signed)
    for bit in range(0, 512, 37):
        changed = (int.from_bytes(signed, "little") ^ 1 << bit).to_bytes(64, "little")
        assert not signatures.good(key, data, changed)
    beyond = int.from_bytes(signed[32:], "little") + signatures.ORDER
    assert not signatures.good(key, data, signed[:32] + beyond.to_bytes(32, "little"))


LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAF_HASHES = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
)
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_merkle_hashes_are_certificate_transparencys() -> None:
    """Leaves, and the roots over none to eight of them, are those of certificate-transparency's test vectors."""
    found = [merkle.leaf(bytes.fromhex(text)) for text in LEAVES]
    assert [leaf.hex() for leaf in found] == list(LEAF_HASHES)
    for size, root in enumerate(ROOTS):
        assert merkle.root(found[:size]).hex() == root
        parts = merkle.frontier(found[:size])
        assert len(parts) == size.bit_count()
        joined = parts[-1] if parts else merkle.root([])
        for part in reversed(parts[:-1]):
            joined = merkle.root([part, joined])
        assert joined.hex() == root


def test_a_signed_note_is_c2sps() -> None:
    """The note in C2SP's specification has one line, and the one in the documentation of Go's package a good signature."""
    body = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n"
    line = (
        "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3"
        "ZekRwNtIc=\n"
    )
    ((name, mark, signed),) = rules.note_lines(f"{body}\n{line}", body)
    assert (name, mark.hex(), len(signed)) == ("quasimodo.example/salvatore", "367ba04b", 64)
    body = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    ((name, mark, signed),) = rules.note_lines(f"{body}\n{line}", body)
    public = bytes.fromhex("1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6")
    assert (name, mark) == ("PeterNeumann", rules.note_key_hash(name, 1, public))
    assert signatures.good(public, body.encode(), signed)


# Where they disagree: each is a defect of envgit, or a gap of the format. A case that agrees again fails, and goes from here.


def test_a_version_that_is_no_integer_is_malformed(chain: Chain) -> None:
    """An entry whose version is false is no entry of a later version."""
    value = {**json.loads(chain.made[2].data), "version": False}
    assert judged(encode(value)) == "malformed"
    assert judged_by_envgit(encode(value)) == "malformed"


def test_an_offset_that_is_none_is_malformed(chain: Chain) -> None:
    """A time whose offset has more than 59 minutes is no time."""
    value = json.loads(chain.made[2].data)
    value["source"]["landed_at"] = "2026-01-01T00:00:00+00:60"
    assert judged(encode(value)) == "malformed"
    assert judged_by_envgit(encode(value)) == "malformed"


def both(log: Forge) -> list[tuple[str, int]]:
    """Return what is wrong with a log by both verifiers, which have to agree."""
    found = outcome(log.objects, log.tip)
    assert found == outcome_of(check(log.objects, log.tip))
    return found[0]


def test_a_configuration_out_of_nothing_is_no_step() -> None:
    """A config entry whose step begins and ends at the last recorded commit, and that approves nothing, goes nowhere."""
    log = Forge()
    log.change(1, None)
    log.add("config", source=log.step(1, 1), config={**CONFIG, "reveal": ["*"]}, in_force=True)
    assert both(log) == [("wrong-step", 2)]


def test_a_commit_has_one_configuration() -> None:
    """A config entry may follow its own commit's change, not another config entry for that commit."""
    log = Forge()
    log.change(1, None)
    for reveal in ("A", "B"):
        log.add("config", source=log.step(1, None), config={**CONFIG, "reveal": [reveal]}, in_force=True)
    assert both(log) == [("wrong-step", 3)]


def test_a_supplement_tells_of_a_variable_once() -> None:
    """A supplement with two changes of one variable in one file is malformed as a change with them is."""
    log = Forge()
    file = {"environment": "a", "path": "a", "before": None, "after": f"sha256:{1:064x}", "state": None}
    key = {"key": f"{1:032x}", "events": [{"kind": "created"}, {"kind": "fingerprint-key", "id": f"{1:032x}"}]}
    log.add(
        "change", source=log.step(1, None), files=[{**file, **key, "changes": [{"variable": "A", "kind": "opaque"}]}]
    )
    twice = [{"variable": "A", "kind": kind, "after": f"{2:032x}"} for kind in ("added", "disclosed")]
    log.lenient = True
    log.add("supplement", of=1, files=[{**file, "key": f"{1:032x}", "changes": twice}])
    assert both(log) == [("malformed-entry", 2)]


def test_what_only_the_tip_alters_leaves_the_entries_before_it() -> None:
    """An entry that is another in the tree of the last commit alone is told there: those before it are as signed."""
    log = Forge()
    for number in (1, 2, 3):
        log.change(number, number - 1 or None)
    files = log.standing.paths()
    files["entries/00/00/01.json"] += b" "
    raw = log.objects[log.tip][1]
    tree = commits.parts(raw).tree
    changed = raw.replace(tree.encode(), trees.root_of(files, log.objects).encode())
    log.commits.append(trees.kept(log.objects, "commit", changed))
    found = verifier.verify(objects.from_dict(log.objects), log.tip)
    assert (found.problems, found.good) == ([("tree-altered", 3)], 3)
    report = check(log.objects, log.tip)
    assert ([(str(problem.code), problem.sequence) for problem in report.problems], report.good) == (found.problems, 3)
