"""The key set: who may sign where, what roots have to approve, and what a next version may do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envgit.audit import keyset, sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.entry import AnchorBody, AnchorType, ConfigBody, Reapproved, Root, Signer, Signers, SignersBody
from envgit.audit.verify import Since
from envgit.model import Config, Digest, EnvironmentPattern
from envgit.signing import verified
from tests.kit.values import replace

from .approvals import approve, approve_by_hardware, hardware_line
from .chain import HARDWARE, KEY, KINDS, ORIGIN, OTHER_KEY, SECOND_SIGNER, SIGNER, Chain, codes, genesis
from .golden import source
from .test_verify import grow

ALICE = Root("Alice", OTHER_KEY.public_line)
BOB = Root("Bob", hardware_line(HARDWARE))
NEXT = Signer("next", "next@acme.example", SECOND_SIGNER.public_line, KINDS, 3)


def begun(threshold: int = 1, *roots: Root) -> Chain:
    """Return a log of three entries with roots."""
    chain = Chain()
    chain.add(genesis(signers=Signers(1, threshold, roots or (ALICE,), (SIGNER,))))
    for number in (1, 2):
        grow(chain, number)
    return chain


def first(chain: Chain) -> Digest:
    """Return a log's trust root."""
    return Digest(f"sha256:{chain.made[0].leaf.hex()}")


def changed(chain: Chain, *, sign: bool = True, by: str = "a", **fields: object) -> Chain:
    """Append a change of the key set, approved by Alice (a), Bob (b), nobody or a stranger (x)."""
    assert chain.state is not None
    old = chain.state.signers
    new = replace(old, **{"version": old.version + 1, **fields})  # type: ignore[arg-type]
    statement = keyset.signers_statement(ORIGIN, first(chain), new)
    ways = {
        "a": lambda: approve(OTHER_KEY, statement),
        "b": lambda: approve_by_hardware(HARDWARE, statement),
        "u": lambda: approve_by_hardware(HARDWARE, statement, flags=0),
        "x": lambda: approve(SECOND_SIGNER, statement),
        "g": lambda: approve(OTHER_KEY, statement, "git"),
        "o": lambda: approve(OTHER_KEY, statement + b" "),
    }
    chain.add(SignersBody(new, tuple(ways[who]() for who in by)))
    return chain


def test_a_signer_comes_and_the_old_one_goes() -> None:
    """A new key signs from its sequence on, and the old one not where it is revoked; who signed is counted by key."""
    chain = changed(begun(), signers=(SIGNER, NEXT))
    chain.key, chain.signer = SECOND_SIGNER, NEXT
    grow(chain, 3)
    changed(chain, signers=(replace(SIGNER, until=4), NEXT))
    report = chain.verify()
    assert codes(report) == []
    assert sorted(report.signers.values()) == [2, 4]
    chain.key, chain.signer = KEY, SIGNER
    grow(chain, 4)
    assert codes(chain.verify()) == ["unknown-signer"]


CHANGES: dict[str, tuple[Callable[[], Chain], str]] = {
    "nobody approves": (lambda: changed(begun(), by="", signers=(SIGNER, NEXT)), "unapproved-signers"),
    "a stranger approves": (lambda: changed(begun(), by="x", signers=(SIGNER, NEXT)), "unapproved-signers"),
    "the signing key alone": (
        lambda: changed(begun(2, ALICE, BOB), by="", signers=(SIGNER, NEXT)),
        "unapproved-signers",
    ),
    "one of two": (lambda: changed(begun(2, ALICE, BOB), by="a", signers=(SIGNER, NEXT)), "unapproved-signers"),
    "one person twice": (
        lambda: changed(begun(2, ALICE, BOB, Root("Alice", hardware_line(KEY))), by="aa", signers=(SIGNER, NEXT)),
        "unapproved-signers",
    ),
    "one person by two keys": (
        lambda: changed(begun(2, ALICE, replace(BOB, name="Alice"), Root("Carol", hardware_line(KEY))), by="ab"),
        "unapproved-signers",
    ),
    "another namespace": (lambda: changed(begun(), by="g"), "unapproved-signers"),
    "over other bytes": (lambda: changed(begun(), by="o"), "unapproved-signers"),
    "nobody touched the key": (lambda: changed(begun(1, BOB), by="u"), "unapproved-signers"),
    "a version too far": (lambda: changed(begun(), version=3), "signers-version"),
    "the same version": (lambda: changed(begun(), version=1), "signers-version"),
    "a version before": (lambda: changed(changed(begun()), version=1), "signers-version"),
    "roots whom nobody asks": (lambda: changed(begun(0), by="", threshold=0, version=2), "wrong-signers"),
    "without roots a key that signs for itself": (lambda: _keyless(), "unknown-signer"),
    "a signer gone": (lambda: changed(begun(), signers=(NEXT,)), "wrong-signers"),
    "a key begins earlier": (
        lambda: changed(changed(begun(), signers=(SIGNER, replace(NEXT, from_=9))), signers=(SIGNER, NEXT)),
        "wrong-signers",
    ),
    "a revocation taken back": (
        lambda: changed(changed(begun(), signers=(replace(SIGNER, until=9),)), signers=(SIGNER,)),
        "wrong-signers",
    ),
    "a revocation put off": (
        lambda: changed(changed(begun(), signers=(replace(SIGNER, until=9),)), signers=(replace(SIGNER, until=10),)),
        "wrong-signers",
    ),
    "revoked before the genesis": (lambda: changed(begun(), signers=(replace(SIGNER, until=0),)), "wrong-signers"),
    "a key twice": (lambda: changed(begun(), roots=(ALICE, replace(ALICE, name="Bob"))), "wrong-signers"),
    "a signer that is a root": (lambda: changed(begun(), roots=(ALICE, Root("ci", KEY.public_line))), "wrong-signers"),
    "more than there are": (lambda: changed(begun(), threshold=2), "wrong-signers"),
    "no roots any more": (lambda: changed(begun(), threshold=0, roots=()), "wrong-signers"),
    "a root with a comment": (
        lambda: changed(begun(), roots=(ALICE, replace(BOB, key=BOB.key + " bob"))),
        "wrong-signers",
    ),
    "an RSA root": (lambda: changed(begun(), roots=(ALICE, Root("Bob", "ssh-rsa AAAA"))), "wrong-signers"),
    "reapproves what is to come": (
        lambda: changed(begun(), reapproved=(Reapproved(1, 9, Digest("sha256:" + "0" * 64)),)),
        "wrong-signers",
    ),
    "reapproves other entries": (
        lambda: changed(begun(), reapproved=(Reapproved(1, 2, Digest("sha256:" + "0" * 64)),)),
        "wrong-signers",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_key_set_that_may_not_follow_ends_the_log(name: str) -> None:
    """Whoever holds the signing key alone changes nothing of who signs, and roots only what the rules allow."""
    make, code = CHANGES[name]
    report = make().verify()
    assert codes(report) == [code]
    assert report.good == report.entries - 1


GOOD: dict[str, Callable[[], Chain]] = {
    "two of two, one on hardware": lambda: changed(begun(2, ALICE, BOB), by="ab", signers=(SIGNER, NEXT)),
    "a further root by its own key too": lambda: changed(begun(), by="ab", roots=(ALICE, BOB), threshold=2),
    "a root replaces another": lambda: changed(begun(), by="ab", roots=(BOB,)),
    "without roots the signing key decides": lambda: changed(_rootless(), by="", signers=(SIGNER, NEXT)),
    "a key named for the past signs nothing of it": lambda: changed(begun(), signers=(SIGNER, replace(NEXT, from_=0))),
    "a first root": lambda: changed(_rootless(), by="a", roots=(ALICE,), threshold=1),
    "signed by the key that it brings": lambda: _by_the_next(),
}


def _rootless() -> Chain:
    chain = Chain()
    chain.add(genesis(signers=Signers(1, 0, (), (SIGNER,))))
    grow(chain, 1)
    grow(chain, 2)
    return chain


def _keyless() -> Chain:
    chain = _rootless()
    chain.key, chain.signer = SECOND_SIGNER, NEXT
    return changed(chain, by="", signers=(SIGNER, NEXT))


def _by_the_next() -> Chain:
    chain = begun()
    chain.key, chain.signer = SECOND_SIGNER, NEXT
    return changed(chain, signers=(SIGNER, NEXT))


@pytest.mark.parametrize("name", GOOD)
def test_a_key_set_that_may_follow_does(name: str) -> None:
    """What the roots approved by as many persons as both sets ask for is in force."""
    chain = GOOD[name]()
    report = chain.verify()
    assert codes(report) == []
    assert report.state is not None
    assert report.state.record.keysets == (3,)


def test_a_key_revoked_in_the_past_takes_its_entries_along_but_for_what_is_reapproved() -> None:
    """Entries behind a revocation are told, once as a run; the roots' word that they looked at them lets them stand."""
    chain = changed(begun(), signers=(SIGNER, NEXT))
    chain.key, chain.signer = SECOND_SIGNER, NEXT
    grow(chain, 3)
    changed(chain, signers=(replace(SIGNER, until=2), NEXT))
    report = chain.verify()
    assert [(str(one.code), one.sequence) for one in report.problems] == [("revoked-signer", 2)]
    assert report.good == 6
    assert chain.made[3].state is not None
    span = Reapproved(2, 4, Digest(f"sha256:{chain.made[3].state.root.hex()}"))
    changed(chain, reapproved=(span,))
    assert codes(chain.verify()) == []
    for known in range(1, 7):
        since = Since(chain.made[known - 1].commit, known, chain.made[known - 1].state.root)
        report = _from(chain, since)
        assert (codes(report), report.since) == ([], known)


def _from(chain: Chain, since: Since):
    from envgit.audit.store import StoredObjects
    from envgit.audit.verify import verify_log

    stored = StoredObjects(lambda oid: chain.objects[oid], lambda oid: len(chain.objects[oid][1]))
    assert chain.tip is not None
    return verify_log(stored, chain.tip, verified, since=since)


def test_a_revocation_of_what_was_verified_before_is_seen_from_there() -> None:
    """Going on from a pin sees a key revoked from before it, and from one after the revocation it is judged already."""
    chain = changed(begun(), signers=(SIGNER, NEXT))
    chain.key, chain.signer = SECOND_SIGNER, NEXT
    grow(chain, 3)
    changed(chain, signers=(replace(SIGNER, until=2), NEXT))
    for known, found in ((3, ["revoked-signer"] * 2), (5, ["revoked-signer"] * 2)):
        report = _from(chain, Since(chain.made[known - 1].commit, known, chain.made[known - 1].state.root))
        assert set(codes(report)) == set(found)


def test_a_pin_that_is_not_on_the_branch_is_no_beginning() -> None:
    """Where the branch does not continue what is known, all of it is looked at."""
    chain = begun()
    other = begun()
    grow(other, 3)
    since = Since(chain.made[2].commit, 3, b"\0" * 32)
    assert (_from(chain, since).since, codes(_from(chain, since))) == (0, [])
    since = Since(other.made[3].commit, 4, other.made[3].state.root)
    assert _from(chain, since).since == 0


@pytest.mark.parametrize("by", ["a", "", "x", "other", "of nothing"])
def test_narrowing_needs_the_roots(by: str) -> None:
    """A configuration that audits less is in force only with the roots' approval of exactly that one."""
    chain = begun()
    narrow = Config(environments=(EnvironmentPattern("p.yaml", "p"),), reveal=("*",))
    chain.add(ConfigBody(source(3, 2), narrow, in_force=False))
    assert codes(chain.verify()) == []
    asked = 3 if by != "of nothing" else 2
    said = narrow if by != "other" else Config()
    key = {"x": SECOND_SIGNER}.get(by, OTHER_KEY)
    statement = keyset.config_statement(ORIGIN, first(chain), asked, said)
    approvals = () if not by else (approve(key, statement),)
    chain.add(ConfigBody(source(3, 3), narrow, in_force=True, of=asked if by else None, approvals=approvals))
    found = ["unapproved-config"] if by else ["wrong-step", "unapproved-config"]
    assert codes(chain.verify()) == ([] if by == "a" else found)


@pytest.mark.parametrize(
    ("old", "new", "narrower"),
    [
        (Config(), Config(environments=(EnvironmentPattern("a"),)), True),
        (Config(environments=(EnvironmentPattern("a"),)), Config(), False),
        (
            Config(environments=(EnvironmentPattern("a"),)),
            Config(environments=(EnvironmentPattern("b"), EnvironmentPattern("a"))),
            True,
        ),
        (
            Config(environments=(EnvironmentPattern("a"), EnvironmentPattern("b"))),
            Config(environments=(EnvironmentPattern("b"),)),
            True,
        ),
        (Config(reveal=("A",)), Config(), False),
        (Config(), Config(reveal=("A",)), True),
        (Config(), Config(branch="other"), True),
        (Config(), Config(audit_branch="other"), True),
    ],
)
def test_what_narrows(old: Config, new: Config, narrower: bool) -> None:
    """A pattern that goes, a name that may be shown, another branch: each needs the roots."""
    assert keyset.narrows(old, new) is narrower


@pytest.mark.parametrize("edit", ["size", "root", "text", "key", "no note"])
def test_an_anchor_is_of_this_log(edit: str) -> None:
    """An anchor names a state of the log, and its note is that checkpoint, signed by the log."""
    from envgit.log.anchoring import signed_note

    chain = begun()
    assert chain.state is not None
    root = chain.state.root if edit != "root" else bytes(32)
    size = 3 if edit != "size" else 2
    text = signed_note(KEY if edit != "key" else OTHER_KEY, ORIGIN, 3 if edit != "text" else 4, chain.state.root)
    body = AnchorBody(size, Digest(f"sha256:{root.hex()}"), AnchorType.NOTE, text if edit != "no note" else "x")
    chain.add(body)
    assert codes(chain.verify()) == ["false-anchor"]


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs OpenSSH's ssh-keygen")
@pytest.mark.parametrize("hardware", [False, True])
def test_ssh_keygen_agrees_on_approvals(hardware: bool, tmp_path: Path) -> None:
    """What approves here verifies by `ssh-keygen -Y verify`, and what ssh-keygen signs approves here."""
    statement = b'{"a":1}'
    line = hardware_line(HARDWARE) if hardware else OTHER_KEY.public_line
    text = approve_by_hardware(HARDWARE, statement) if hardware else approve(OTHER_KEY, statement)
    (tmp_path / "allowed").write_text(f'alice namespaces="{keyset.NAMESPACE}" {line}\n')
    (tmp_path / "sig").write_text(text + "\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "alice", "-n", keyset.NAMESPACE, "-s", "sig"]
    done = subprocess.run(command, cwd=tmp_path, input=statement, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert keyset.approved_by(statement, [text], verified) == {line}
    with pytest.raises(FormatError):
        keyset.approved_by(statement + b"x", [text], verified)


def test_a_key_of_another_kind_approves_nothing(tmp_path: Path) -> None:
    """RSA and ECDSA keys, another hash, armor of another form: none is an approval."""
    for kind in ("rsa", "ecdsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", kind], cwd=tmp_path, check=True)
        (tmp_path / "m").write_bytes(b"m")
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-n", keyset.NAMESPACE, "-f", kind, "m"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        text = (tmp_path / "m.sig").read_text().strip()
        (tmp_path / "m.sig").unlink()
        with pytest.raises(FormatError):
            sshsig.approval(text, b"m", keyset.NAMESPACE)
    good = approve(OTHER_KEY, b"m")
    for text in (
        "",
        good.replace("\n", "\r\n"),
        good + "\n",
        good.replace("SIGNATURE", "SIGNATURF"),
        good[:-40],
        "x" * 9000,
    ):
        with pytest.raises(FormatError):
            sshsig.approval(text, b"m", keyset.NAMESPACE)
