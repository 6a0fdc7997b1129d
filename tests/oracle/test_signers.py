"""Key sets, revocation, approved configurations and anchors: both verifiers judge logs that were made by the format alone."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.audit.chain import check, write_repository
from tests.kit.authority import Authority
from tests.oracle import merkle, signatures, verifier
from tests.oracle.forge import CONFIG, KINDS, ORIGIN, Forge, approval, key_set, line, root, seed, signer
from tests.oracle.json_ import data_of
from tests.oracle.objects import from_dict
from tests.oracle.person import Person

Codes = list[tuple[str, int | None]]
ALICE, BOB, CAROL = root("alice"), root("bob"), root("carol")
BOTH = (ALICE, BOB)


def judged(log: Forge) -> Codes:
    """Return what both verifiers say is wrong with a log; that they say the same is asserted."""
    verdict = verifier.verify(from_dict(log.objects), log.tip)
    report = check(log.objects, log.tip)
    said = [(str(problem.code), problem.sequence) for problem in report.problems]
    assert (said, report.good) == (verdict.problems, verdict.good)
    assert (report.root, report.genesis) == (verdict.root, verdict.genesis)
    return verdict.problems


def rooted(threshold: int = 2, *signers: dict[str, Any]) -> Forge:
    """Return a log whose key set two roots approve."""
    return Forge(key_set(1, threshold, BOTH, *signers))


def test_a_key_set_that_both_roots_approve_is_in_force() -> None:
    """A second signer that two of two roots approve signs entries from there on."""
    log = rooted()
    log.change(1, None)
    log.sign(key_set(2, 2, BOTH, signer("envgit"), signer("other", 2)), "alice", "bob")
    log.change(2, 1, by="other")
    log.change(3, 2)
    assert judged(log) == []


def test_roots_replace_a_lost_key() -> None:
    """A key set may be signed by one whom it brings, where the roots approve it."""
    log = rooted()
    log.sign(key_set(2, 2, BOTH, signer("envgit", until=1), signer("other", 1)), "alice", "bob", by="other")
    log.change(1, None, by="other")
    assert judged(log) == []


def test_roots_change_roots() -> None:
    """Old and new roots have to approve, each as many as their threshold says; a person has one vote."""
    log = rooted(1)
    log.sign(key_set(2, 2, (BOB, CAROL)), "alice", "bob", "carol")
    log.sign(key_set(3, 1, (ALICE, root("alice", line("alice's second")), CAROL)), "bob", "carol", "alice's second")
    assert judged(log) == []


def changed(*names: str, threshold: int = 2, roots: tuple[Any, ...] = BOTH, version: int = 2, **fields: Any) -> Forge:
    """Return a log of a genesis, a change and a key set that these people approve."""
    log = rooted()
    log.change(1, None)
    signers = fields.pop("signers", [signer("envgit")])
    log.sign(key_set(version, threshold, roots, *signers, **fields), *names)
    return log


def revoking(*names: str) -> Forge:
    """Return a log whose key set was approved and says until when a key is good."""
    log = changed("alice", "bob", signers=[signer("envgit"), signer("other", 2, until=9)])
    log.sign(key_set(3, 2, BOTH, signer("envgit"), signer("other", 2, until=10)), *names)
    return log


def otherwise_signed(namespace: bytes = b"envgit-approval", end: str = "", **other: Any) -> Forge:
    """Return a log whose key set has an approval of something else."""
    log = rooted()
    signers = key_set(2, 2, BOTH)
    made = [approval(name, {**log.signers_statement(signers), **other}, namespace) + end for name in ("alice", "bob")]
    log.add("signers", signers=signers, approvals=made)
    return log


def vouched(log: Forge, by: str = "", **span: Any) -> Forge:
    """Return a log with a key set that vouches for entries."""
    said = {"from": 0, "size": 2, "root": log.root(2), **span}
    log.sign(key_set(2, 2, BOTH, reapproved=[said]), "alice", "bob", by=by)
    return log


WRONG: dict[str, tuple[str, Callable[[], Forge]]] = {
    "the same version": ("signers-version", lambda: changed("alice", "bob", version=1)),
    "a version left out": ("signers-version", lambda: changed("alice", "bob", version=3)),
    "no approval": ("unapproved-signers", lambda: changed()),
    "one approval of two": ("unapproved-signers", lambda: changed("alice")),
    "one approval twice": ("unapproved-signers", lambda: changed("alice", "alice")),
    "a stranger's besides": ("unapproved-signers", lambda: changed("alice", "bob", "mallory")),
    "a stranger's instead": ("unapproved-signers", lambda: changed("alice", "mallory")),
    "by old roots alone": ("unapproved-signers", lambda: changed("alice", "bob", roots=(CAROL,), threshold=1)),
    "by new roots alone": ("unapproved-signers", lambda: changed("carol", roots=(CAROL,), threshold=1)),
    "another namespace": ("unapproved-signers", lambda: otherwise_signed(b"git")),
    "another log": ("unapproved-signers", lambda: otherwise_signed(genesis=f"sha256:{'0' * 64}")),
    "another origin": ("unapproved-signers", lambda: otherwise_signed(origin="elsewhere")),
    "another kind": ("unapproved-signers", lambda: otherwise_signed(kind="config")),
    "another key set": ("unapproved-signers", lambda: otherwise_signed(signers=key_set(2, 1, BOTH))),
    "an approval with one more newline": ("unapproved-signers", lambda: otherwise_signed(end="\n")),
    "a threshold of none": ("wrong-signers", lambda: changed("alice", "bob", threshold=0)),
    "no root any more": ("wrong-signers", lambda: changed("alice", "bob", threshold=0, roots=())),
    "more than there are": ("wrong-signers", lambda: changed("alice", "bob", threshold=3)),
    "a person counted twice": (
        "wrong-signers",
        lambda: changed("alice", "bob", roots=(ALICE, root("alice", line("x"))), threshold=2),
    ),
    "a root's key twice": (
        "wrong-signers",
        lambda: changed("alice", "bob", roots=(ALICE, BOB, root("al", line("alice")))),
    ),
    "a signer's key twice": (
        "wrong-signers",
        lambda: changed("alice", "bob", signers=[signer("envgit"), signer("envgit", 2)]),
    ),
    "a root that signs": (
        "wrong-signers",
        lambda: changed("alice", "bob", signers=[signer("envgit"), signer("alice", 2)]),
    ),
    "a root's key with a comment": (
        "wrong-signers",
        lambda: changed("alice", "bob", roots=(*BOTH, root("c", line("c") + " c"))),
    ),
    "a signer gone": ("wrong-signers", lambda: changed("alice", "bob", signers=[signer("other", 2)])),
    "a signer from another entry on": ("wrong-signers", lambda: changed("alice", "bob", signers=[signer("envgit", 1)])),
    "revoked from genesis on": (
        "wrong-signers",
        lambda: changed("alice", "bob", signers=[signer("envgit", until=0), signer("other", 2)]),
    ),
    "revoked later than before": ("wrong-signers", lambda: revoking("alice", "bob")),
    "vouching for nothing": ("wrong-signers", lambda: vouched(two(), size=0)),
    "vouching for what comes": ("wrong-signers", lambda: vouched(two(), size=3)),
    "vouching for another log": ("wrong-signers", lambda: vouched(two(), root=f"sha256:{'0' * 64}")),
    "vouching from behind": ("wrong-signers", lambda: vouched(two(), **{"from": 2})),
}


def two() -> Forge:
    """Return a log of two entries with two roots."""
    log = rooted()
    log.change(1, None)
    return log


@pytest.mark.parametrize("name", WRONG)
def test_a_key_set_that_does_not_follow_ends_the_walk(name: str) -> None:
    """Each way for a key set to be no next one is told by its code, at its entry, and what was before it stands."""
    code, make = WRONG[name]
    log = make()
    last = log.size - 1
    log.change(9, 1)
    assert judged(log) == [(code, last)]


def test_a_key_set_needs_a_signer() -> None:
    """Roots approve; who appends has to be a signer of the key set in force, or of the new one."""
    log = two()
    log.sign(key_set(2, 2, BOTH), "alice", "bob", by="mallory")
    assert judged(log) == [("unknown-signer", 2)]


def test_a_signer_ends_where_it_is_revoked() -> None:
    """A revoked key signs nothing from its `until` on."""
    log = two()
    log.sign(key_set(2, 2, BOTH, signer("envgit", until=4), signer("other", 2)), "alice", "bob")
    log.change(2, 1)
    log.change(3, 2, by="other")
    log.change(4, 3)
    assert judged(log) == [("unknown-signer", 5)]


def stolen(**reapproved: Any) -> Forge:
    """Return a log whose signer turns out to have been stolen from entry 2 on, at entry 5."""
    log = two()
    for number in (2, 3, 4):
        log.change(number, number - 1)
    fields = {}
    if reapproved:
        size = reapproved["size"]
        fields["reapproved"] = [{"from": 2, "root": log.root(size), **reapproved}]
    signers = key_set(2, 2, BOTH, signer("envgit", until=2), signer("other", 5), **fields)
    log.sign(signers, "alice", "bob", by="other")
    log.change(5, 4, by="other")
    return log


def test_entries_of_a_revoked_key_are_named_once_a_run() -> None:
    """What a key signed behind its `until` is told once, at the first of it."""
    assert judged(stolen()) == [("revoked-signer", 2)]


def test_entries_that_roots_vouch_for_stand() -> None:
    """What the roots vouch for is no problem; what they do not vouch for stays one."""
    assert judged(stolen(size=5)) == []
    assert judged(stolen(size=4)) == [("revoked-signer", 4)]
    assert judged(stolen(size=5, **{"from": 3})) == [("revoked-signer", 2)]


NARROW = {**CONFIG, "environments": [{"pattern": "envs/{environment}.yaml"}]}


def configured(*names: str, in_force: bool = True, asked: Any = NARROW, **fields: Any) -> Forge:
    """Return a log in which a configuration waits, and one that comes into force for it."""
    log = two()
    log.add("config", source=log.step(2, 1), config=asked, in_force=False)
    config = fields.pop("config", NARROW)
    of = fields.pop("of", 2)
    made = [approval(name, log.config_statement(of or 0, config)) for name in names]
    body = {"of": of, "approvals": made, "source": log.step(2, 2), **fields}
    log.add("config", config=config, in_force=in_force, **{key: value for key, value in body.items() if value})
    log.change(3, 2)
    return log


def test_a_configuration_that_roots_approve_comes_into_force() -> None:
    """What audits less waits, and is in force once the roots approve what waits."""
    assert judged(configured("alice", "bob")) == []


UNAPPROVED: dict[str, Callable[[], Forge]] = {
    "one of two": lambda: configured("alice"),
    "a stranger": lambda: configured("alice", "mallory"),
    "nobody": lambda: configured(),
    "another configuration": lambda: configured("alice", "bob", asked={**CONFIG, "reveal": ["A"]}),
}


@pytest.mark.parametrize("name", UNAPPROVED)
def test_a_configuration_without_the_roots_is_told(name: str) -> None:
    """A narrower configuration in force without enough approvals is told, and the walk goes on."""
    assert judged(UNAPPROVED[name]()) == [("unapproved-config", 3)]


def test_an_approval_counts_once() -> None:
    """What was approved and replaced since does not come back by the same approvals."""
    log = configured("alice", "bob")
    used = log.standing.values[3]["approvals"]
    log.add("config", source=log.step(4, 3), config=CONFIG, in_force=True)
    log.add("config", source=log.step(4, 4), config=NARROW, in_force=True, of=2, approvals=used)
    assert judged(log) == [("unapproved-config", 6)]


def test_a_narrower_configuration_at_once_is_told() -> None:
    """A signer who brings a narrower configuration into force by himself is told."""
    log = two()
    log.add("config", source=log.step(2, 1), config=NARROW, in_force=True)
    assert judged(log) == [("unapproved-config", 2)]


def test_a_wider_configuration_needs_nobody() -> None:
    """What audits more and reveals less comes into force at once."""
    log = Forge(key_set(1, 2, BOTH), config={**NARROW, "reveal": ["A"]})
    log.add("config", source=log.step(1, None), config=CONFIG, in_force=True)
    assert judged(log) == []


@pytest.mark.parametrize(
    "field", [{"reveal": ["A"]}, {"branch": "other"}, {"audit_branch": "other"}, {"environments": [{"pattern": "a"}]}]
)
def test_what_narrows(field: dict[str, Any]) -> None:
    """To reveal more, to move a branch and to name patterns where everything was audited is narrower."""
    log = two()
    log.add("config", source=log.step(2, 1), config={**CONFIG, **field}, in_force=True)
    assert judged(log) == [("unapproved-config", 2)]


def test_a_pattern_in_front_narrows() -> None:
    """The first pattern that matches counts: another one in front of what was there needs the roots, one behind it nobody."""
    more = [{"pattern": "x/{environment}.yaml"}]
    for patterns, wanted in (
        ([*more, *NARROW["environments"]], [("unapproved-config", 1)]),
        ([*NARROW["environments"], *more], []),
    ):
        log = Forge(key_set(1, 2, BOTH), config=NARROW)
        log.add("config", source=log.step(1, None), config={**NARROW, "environments": patterns}, in_force=True)
        assert judged(log) == wanted


def test_a_note_of_the_log_itself_is_an_anchor() -> None:
    """A note over an earlier size, signed by a signer of the log, is no problem, and log.json names the last of a type."""
    log = two()
    for size in (1, 2, 0):
        log.add(
            "anchor",
            size=size or log.size,
            root=log.root(size or log.size),
            type="note",
            evidence=log.note(size or log.size),
        )
    assert judged(log) == []
    assert log.standing.log["anchors"] == [{"type": "note", "entry": 4}]


def cosigned(log: Forge) -> str:
    """Return a note with a line of a witness."""
    return log.note(2) + f"\u2014 witness.example/w {base64.b64encode(bytes(4) + bytes(8) + bytes(64)).decode()}\n"


def anchored(**fields: Any) -> Forge:
    """Return a log of two entries and an anchor."""
    log = two()
    made = {name: value(log) if callable(value) else value for name, value in fields.items()}
    log.add("anchor", **{"size": 2, "root": log.root(2), "type": "note", "evidence": log.note(2), **made})
    log.change(2, 1)
    return log


def last_line(note: str) -> str:
    """Return the last signature line of a note."""
    return note.splitlines(keepends=True)[-1]


ANCHORS: dict[str, tuple[bool, Callable[[], Forge]]] = {
    "cosigned": (True, lambda: anchored(type="cosigned", evidence=cosigned)),
    "another root": (False, lambda: anchored(root=f"sha256:{'0' * 64}")),
    "a size that is to come": (False, lambda: anchored(size=3)),
    "a note of another size": (False, lambda: anchored(evidence=lambda log: log.note(1))),
    "a note by a stranger": (False, lambda: anchored(evidence=lambda log: log.note(2, by="mallory"))),
    "a note under another name": (False, lambda: anchored(evidence=lambda log: log.note(2, name="elsewhere"))),
    "no note": (False, lambda: anchored(evidence="hello\n")),
    "a note with more text": (False, lambda: anchored(evidence=lambda log: "x\n" + log.note(2))),
    "a note without its end": (False, lambda: anchored(evidence=lambda log: log.note(2)[:-1])),
    "a size of none": (
        False,
        lambda: anchored(size=0, root=f"sha256:{sha256(b'').hexdigest()}", evidence=lambda log: log.note(0)),
    ),
    "a line twice": (True, lambda: anchored(evidence=lambda log: log.note(2) + last_line(log.note(2)))),
    "a stranger's line besides": (
        True,
        lambda: anchored(evidence=lambda log: log.note(2) + last_line(log.note(2, by="mallory"))),
    ),
    "a bad line besides": (
        False,
        lambda: anchored(evidence=lambda log: log.note(2) + last_line(log.note(1))),
    ),
    "what is no line besides": (False, lambda: anchored(evidence=lambda log: log.note(2) + "hello\n")),
    "an empty line besides": (False, lambda: anchored(evidence=lambda log: log.note(2) + "\n")),
    "a name with a plus besides": (
        False,
        lambda: anchored(evidence=lambda log: log.note(2) + "\u2014 a+b AAAAAAAAAAA=\n"),
    ),
}


@pytest.mark.parametrize("name", ANCHORS)
def test_anchors(name: str) -> None:
    """An anchor is for a checkpoint of this log, by what stands in it; another is false, and does not end the walk."""
    true, make = ANCHORS[name]
    assert judged(make()) == ([] if true else [("false-anchor", 2)])


def test_a_cosigned_note_has_a_cosignature() -> None:
    """An anchor of type `cosigned` whose note has the log's own line and no other is false."""
    assert judged(anchored(type="cosigned")) == [("false-anchor", 2)]


TOKENS: dict[str, tuple[bool, Callable[[Forge, Authority], str]]] = {
    "a token": (True, lambda log, by: stamped(by, body_of(log, 2))),
    "a token of another size": (False, lambda log, by: stamped(by, body_of(log, 1))),
    "a token of other bytes": (False, lambda log, by: stamped(by, body_of(log, 2) + "\n")),
    "a token in pieces": (False, lambda log, by: stamped(by, body_of(log, 2))[:200]),
    "no token": (False, lambda log, by: "AAAA"),
    "no base64": (False, lambda log, by: "!"),
}


def body_of(log: Forge, size: int) -> str:
    """Return the checkpoint of a size."""
    return merkle.checkpoint(ORIGIN, size, merkle.root(log.standing.leaves[:size]))


def stamped(by: Authority, text: str) -> str:
    """Return what an authority says of a text."""
    return base64.b64encode(by.token(text.encode())).decode()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("name", TOKENS)
def test_tokens(name: str, tmp_path: Path) -> None:
    """A token is over the checkpoint that the anchor names: `envgit verify` and the second verifier agree on which is."""
    true, make = TOKENS[name]
    authority = Authority(tmp_path / "authority")
    log = anchored(type="rfc3161", evidence=lambda log: make(log, authority))
    write_repository(tmp_path / "log.git", log.objects, log.tip)
    _status, out, _err = Person(tmp_path / "log.git", tmp_path / "me").run("verify", "--json")
    said = [(problem["code"], problem["sequence"]) for problem in json.loads(out)["problems"]]
    assert said == verifier.verify(from_dict(log.objects), log.tip).problems
    assert said == ([] if true else [("false-anchor", 2)])


def test_only_who_may_sign_anchors_signs_one() -> None:
    """A signer of other kinds neither appends an anchor nor signs its note."""
    others = [kind for kind in KINDS if kind != "anchor"]
    log = rooted(2, signer("envgit", kinds=others))
    log.add("anchor", size=1, root=log.root(1), type="note", evidence=log.note(1))
    assert judged(log) == [("unknown-signer", 1)]
    log = rooted(2, signer("envgit"), signer("other", kinds=others))
    log.add("anchor", size=1, root=log.root(1), type="note", evidence=log.note(1, by="other"))
    assert judged(log) == [("false-anchor", 1)]


def test_a_stranger_does_not_bring_himself_in() -> None:
    """Where no root is named, nobody but a signer in force appends a key set."""
    log = Forge()
    log.change(1, None)
    log.sign(key_set(2, 0, (), signer("envgit"), signer("mallory", 2)), by="mallory")
    log.change(2, 1, by="mallory")
    assert judged(log) == [("unknown-signer", 2)]


def test_a_signer_changes_the_key_set_where_no_root_is_named() -> None:
    """Without roots the signer in force is all the authority there is."""
    log = Forge()
    log.sign(key_set(2, 0, (), signer("envgit"), signer("other", 1)))
    log.change(1, None, by="other")
    assert judged(log) == []


def test_roots_are_asked_once_they_are_named() -> None:
    """The first root approves itself; a key set that names roots and asks none is no next one."""
    log = Forge()
    log.sign(key_set(2, 1, (ALICE,)), "alice")
    assert judged(log) == []
    log = Forge()
    log.sign(key_set(2, 0, (ALICE,)))
    assert judged(log) == [("wrong-signers", 1)]


@pytest.mark.parametrize(("flags", "wanted"), [(1, []), (5, []), (0, [("unapproved-signers", 1)])])
def test_a_security_key_approves(flags: int, wanted: Codes) -> None:
    """A root's key may be one of a security key that was touched; it signs its application, flags and counter along."""
    public = signatures.public_of(seed("token"))
    key = signatures.Key(signatures.SECURITY_KEY, public, b"ssh:")
    log = Forge(key_set(1, 1, (root("dora", key.line),)))
    signers = key_set(2, 1, (root("dora", key.line),), signer("envgit"), signer("other", 1))
    data = signatures.signed_data(b"envgit-approval", data_of(log.signers_statement(signers)))
    counted = bytes([flags, 0, 0, 0, 7])
    whole = sha256(b"ssh:").digest() + counted + sha256(data).digest()
    signed = signatures.packed(signatures.SECURITY_KEY, signatures.sign(seed("token"), whole)) + counted
    blob = signatures.packed(key.blob, b"envgit-approval", b"", b"sha512", signed)
    armor = signatures.armor(b"SSHSIG" + bytes([0, 0, 0, 1]) + blob)
    log.add("signers", signers=signers, approvals=[armor])
    assert judged(log) == wanted
