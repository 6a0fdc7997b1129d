"""The single-file verifier of bundles: what it proves of honest ones, and by what name it refuses each false one."""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envgit import outside
from envgit.audit import sshsig
from envgit.audit.codec import to_json
from envgit.audit.entry import (
    AnchorBody,
    AnchorType,
    ChangeBody,
    Entry,
    Reapproved,
    Recorder,
    Root,
    Signer,
    Signers,
    SignersBody,
)
from envgit.audit.merkle import Frontier, leaf_hash, node_hash
from envgit.model import Digest
from envgit.signing import SigningKey, verified
from tests.kit.values import replace

from .chain import KEY, KINDS, ORIGIN, Chain, at, codes, commit_id, genesis
from .golden import golden, source

OUTSIDE = Path(outside.__file__)
ALL = (*KINDS, "anchor", "signers")
SIGNER = Signer("envgit", "envgit@envgit.invalid", KEY.public_line, ALL, 0)
NEXT_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"envgit test key, the second one!"))
STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"envgit test key, of a stranger!!"))
NAMESPACE = "envgit-approval"


# Bundles, made without any of envgit's code for them.


def leaves(chain: Chain) -> list[bytes]:
    return [hashlib.sha256(b"\0" + made.data).digest() for made in chain.made]


def tree(hashes: list[bytes]) -> bytes:
    """Return RFC 6962's MTH, by its definition."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(tree(hashes[:half]), tree(hashes[half:]))


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """Return RFC 6962's PATH, by its definition."""
    if len(hashes) == 1:
        return []
    half = 1 << (len(hashes) - 1).bit_length() - 1
    if index < half:
        return [*path(index, hashes[:half]), tree(hashes[half:])]
    return [*path(index - half, hashes[half:]), tree(hashes[:half])]


def perfect(hashes: list[bytes]) -> list[str]:
    """Return the frontier over all hashes, in hex."""
    if not hashes:
        return []
    half = 1 << len(hashes).bit_length() - 1
    return [tree(hashes[:half]).hex(), *perfect(hashes[half:])]


def checkpoint(chain: Chain, size: int) -> str:
    return f"{chain.origin}\n{size}\n{b64encode(tree(leaves(chain)[:size])).decode()}\n"


def base64s(items: list[bytes]) -> list[str]:
    return [b64encode(item).decode() for item in items]


def bundled(chain: Chain, since: int = 0, **fields: object) -> dict[str, Any]:
    """Return the bundle of a whole log, or of its entries from `since` on."""
    hashes = leaves(chain)
    items = [
        {"sequence": n, "entry": made.data.decode(), "commit": chain.objects[made.commit][1].decode()}
        for n, made in enumerate(chain.made)
    ]
    keys = [n for n, made in enumerate(chain.made) if n < since and made.entry.kind in ("genesis", "signers")]
    read = [json.loads(made.data) for made in chain.made[since:]]
    named = [
        commit
        for entry in read
        for commit in (
            [entry["to"]]
            if entry["kind"] == "rewrite"
            else [side["commit"] for side in (*entry["source"].get("merged", []), entry["source"])]
            if entry["kind"] in ("change", "config")
            else []
        )
    ]
    return {
        "schema": "envgit.bundle/1",
        "origin": chain.origin,
        "genesis": f"sha256:{hashes[0].hex()}",
        "since": since,
        "until": len(items),
        "frontier": perfect(hashes[:since]),
        "entries": items[since:],
        "keys": [{**items[n], "proof": base64s(path(n, hashes))} for n in keys],
        "checkpoint": checkpoint(chain, len(items)),
        "notes": [],
        "tokens": [],
        "commits": list(dict.fromkeys(named)),
        **fields,
    }


def root_of(chain: Chain) -> str:
    return f"sha256:{leaves(chain)[0].hex()}"


class Verifier:
    """The program, run in this process on a file."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capsys = capsys

    def data(self, data: bytes, *arguments: str) -> tuple[int, str, str]:
        file = self.directory / "bundle.json"
        file.write_bytes(data)
        status = outside.main([str(file), *arguments])
        out, err = self.capsys.readouterr()
        assert (status == 0) == (err == "")
        assert (status != 0) == (out == "")
        assert err.count("\n") == (status != 0)
        assert "Traceback" not in err
        return status, out, err

    def __call__(self, bundle: object, trust_root: str, *arguments: str) -> tuple[int, str, str]:
        return self.data(json.dumps(bundle).encode(), "--trust-root", trust_root, *arguments)

    def said(self, chain: Chain, bundle: object, *arguments: str) -> str:
        """Return what a good bundle proves."""
        status, out, err = self(bundle, root_of(chain), *arguments)
        assert (status, err) == (0, "")
        return out

    def refused(self, chain: Chain, bundle: object, *arguments: str) -> str:
        """Return the entry and the code by which a false bundle is refused."""
        status, out, err = self(bundle, root_of(chain), *arguments)
        assert (status, out) == (1, "")
        return ": ".join(err.removeprefix("verify_bundle: ").split(": ")[: 2 if ": entry " in err else 1])


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verifier:
    return Verifier(tmp_path, capsys)


# Logs.


def add(chain: Chain, body: Any, **envelope: object) -> None:
    """Append an entry of any kind, whatever it says."""
    n = len(chain.made)
    kind = {Signers: "signers", SignersBody: "signers", AnchorBody: "anchor"}.get(type(body), "change")
    entry = Entry(1, chain.origin, n, kind, at(n), Recorder("envgit test"), body)
    chain.put(replace(entry, **envelope))  # type: ignore[arg-type]


def change(chain: Chain) -> None:
    """Append the next step of the source branch."""
    last = chain.state.record.source_commit if chain.state else None
    number = int(last, 16) if last else 0
    add(chain, ChangeBody(source(number + 1, number or None), ()))


def began(*roots: Root, threshold: int = 0, signers: tuple[Signer, ...] = (SIGNER,), changes: int = 3) -> Chain:
    """Return a log of a genesis and some changes."""
    chain = Chain(signer=SIGNER)
    chain.add(genesis(signers=Signers(1, threshold, roots, signers)))
    for _ in range(changes):
        change(chain)
    return chain


def keys_of(chain: Chain) -> Signers:
    assert chain.state is not None
    return chain.state.signers


def statement(chain: Chain, signers: Signers) -> bytes:
    said = {"genesis": root_of(chain), "kind": "signers", "origin": chain.origin, "signers": to_json(signers)}
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


Sign = Callable[[bytes], str]


def turn(chain: Chain, *by: Sign, said: bytes | None = None, **fields: object) -> None:
    """Append a key set: the one in force, with other fields and one version on, approved by some."""
    signers = replace(keys_of(chain), **{"version": keys_of(chain).version + 1, **fields})
    message = statement(chain, signers) if said is None else said
    add(chain, SignersBody(signers, tuple(sign(message) for sign in by)))


def rotated(chain: Chain, *by: Sign, until: int | None = None, **fields: object) -> None:
    """Append a key set with a second key, which signs from then on; the first may be revoked from an entry on."""
    n = len(chain.made)
    second = Signer("envgit 2", "envgit@envgit.invalid", NEXT_KEY.public_line, ALL, n)
    first = replace(SIGNER, until=until)
    chain.key, chain.signer = NEXT_KEY, second
    turn(chain, *by, signers=(first, second), **fields)


def vouched(chain: Chain, first: int, size: int | None = None) -> Reapproved:
    size = len(chain.made) if size is None else size
    return Reapproved(first, size, Digest(f"sha256:{tree(leaves(chain)[:size]).hex()}"))


# People, with keys on disk and on hardware.


class Person:
    """Somebody with a key that ssh-keygen made."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.file = directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.file], check=True)
        self.line = self.file.with_suffix(".pub").read_text().strip()
        self.root = Root(name, self.line)

    def __call__(self, message: bytes, namespace: str = NAMESPACE) -> str:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.file]
        made = subprocess.run(command, input=message, capture_output=True, check=True)
        return made.stdout.decode().strip()


class Hardware:
    """Somebody with a key on hardware, which here is software."""

    KIND = b"sk-ssh-ed25519@openssh.com"

    def __init__(self, name: str, flags: int = 1, application: bytes = b"ssh:") -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.flags, self.application = flags, application
        public = self.key.public_key().public_bytes_raw()
        self.blob = b"".join(map(_string, (self.KIND, public, application)))
        self.line = f"{self.KIND.decode()} {b64encode(self.blob).decode()}"
        self.root = Root(name, self.line)

    def __call__(self, message: bytes, namespace: str = NAMESPACE) -> str:
        tail = bytes([self.flags]) + (7).to_bytes(4, "big")
        said = hashlib.sha256(sshsig.signed_data(message, namespace)).digest()
        made = self.key.sign(hashlib.sha256(self.application).digest() + tail + said)
        parts = (self.blob, namespace.encode(), b"", b"sha512", _string(self.KIND) + _string(made) + tail)
        text = b64encode(b"SSHSIG\0\0\0\1" + b"".join(map(_string, parts))).decode()
        rows = [text[place : place + 70] for place in range(0, len(text), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *rows, "-----END SSH SIGNATURE-----"])


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("alice"), "Alice")


@pytest.fixture(scope="module")
def bob(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("bob"), "Bob")


@pytest.fixture(scope="module")
def mallory(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("mallory"), "Mallory")


# Honest bundles.


def test_a_whole_log_is_proved(check: Verifier) -> None:
    """Every entry of the golden log, of every kind, is proved, and its commits are listed where that is asked for."""
    chain = golden()
    out = check.said(chain, bundled(chain), "--commits")
    assert f"entries 0 to {len(chain.made) - 1} of {ORIGIN}" in out
    assert out.endswith("".join(f"{commit}\n" for commit in bundled(chain)["commits"]))
    assert bundled(chain)["commits"][:12] == [commit_id(n) for n in range(1, 13)]


@pytest.mark.parametrize("since", range(1, 16))
def test_a_part_of_a_log_is_proved(check: Verifier, since: int) -> None:
    """So is a log from any entry on, with the genesis proved to be in it."""
    chain = golden()
    out = check.said(chain, bundled(chain, since))
    assert f"entries {since} to {len(chain.made) - 1} of" in out
    assert f"left out at the end of those before entry {since}" in out


def test_key_sets_follow_each_other(check: Verifier, alice: Person, bob: Person) -> None:
    """A rotation that two roots approved is proved from the beginning, from the middle, and from behind it."""
    hardware = Hardware("Carol")
    chain = began(alice.root, bob.root, threshold=2)
    turn(chain, alice, bob, roots=(alice.root, bob.root, hardware.root))
    change(chain)
    rotated(chain, alice, hardware)
    change(chain)
    change(chain)
    assert codes(chain.verify()) == []
    for since in range(len(chain.made)):
        out = check.said(chain, bundled(chain, since))
        assert ("envgit 2" in out) and ("signed by envgit," in out) == (since < 6)
        assert "key set: version 3; to change it, 2 of its roots" in out


def test_a_revoked_key_is_told_unless_roots_vouch(check: Verifier, alice: Person) -> None:
    """What a key signed from the entry on at which it is revoked is named, and stands again where roots reapprove it."""
    chain = began(alice.root, threshold=1)
    rotated(chain, alice, until=2)
    change(chain)
    assert check.refused(chain, bundled(chain)) == "entry 2: revoked-signer"
    assert codes(chain.verify()) == ["revoked-signer"]
    assert "[2, 3]" in check(bundled(chain), root_of(chain))[2]
    change(chain)
    turn(chain, alice, reapproved=(vouched(chain, 3, 4),))
    assert check.refused(chain, bundled(chain)) == "entry 2: revoked-signer"
    turn(chain, alice, reapproved=(*keys_of(chain).reapproved, vouched(chain, 2, 3)))
    assert codes(chain.verify()) == []
    for since in range(len(chain.made)):
        check.said(chain, bundled(chain, since))


def test_a_part_tells_what_a_later_key_set_revokes(check: Verifier, alice: Person) -> None:
    """A part of a log is held against the key set at its end, and so are the key sets before it."""
    chain = began(alice.root, threshold=1)
    turn(chain, alice)  # signed by the key that is revoked later
    change(chain)
    rotated(chain, alice, until=4)
    change(chain)
    assert check.refused(chain, bundled(chain, 5)) == "entry 4: revoked-signer"
    change(chain)
    turn(chain, alice, reapproved=(vouched(chain, 4, 6),))
    check.said(chain, bundled(chain, 5))
    check.said(chain, bundled(chain, 7))


# Key sets that must not follow.


BAD_TURNS: dict[str, tuple[str, Callable[..., None]]] = {
    "a version left out": ("signers-version", lambda c, a, b, m: turn(c, a, b, version=3)),
    "the same version": ("signers-version", lambda c, a, b, m: turn(c, a, b, version=1)),
    "approved by nobody": ("unapproved-signers", lambda c, a, b, m: turn(c)),
    "approved by one": ("unapproved-signers", lambda c, a, b, m: turn(c, a)),
    "by one twice": ("unapproved-signers", lambda c, a, b, m: turn(c, a, a)),
    "by one with two keys": ("unapproved-signers", lambda c, a, b, m: turn(c, a, Hardware("Alice"))),
    "by two and a stranger": ("unapproved-signers", lambda c, a, b, m: turn(c, a, b, m)),
    "by a stranger whom it brings": (
        "unapproved-signers",
        lambda c, a, b, m: turn(c, a, m, roots=(a.root, m.root), threshold=2),
    ),
    "by the old alone": ("unapproved-signers", lambda c, a, b, m: turn(c, a, b, roots=(m.root,), threshold=1)),
    "in git's namespace": ("unapproved-signers", lambda c, a, b, m: turn(c, a, lambda text: b(text, "git"))),
    "over another key set": (
        "unapproved-signers",
        lambda c, a, b, m: turn(c, a, b, said=statement(c, keys_of(c))),
    ),
    "untouched hardware": ("unapproved-signers", lambda c, a, b, m: turn(c, a, Hardware("Dora", flags=4))),
    "no signature": ("unapproved-signers", lambda c, a, b, m: turn(c, a, b, lambda text: "x")),
    "armor with more": ("unapproved-signers", lambda c, a, b, m: turn(c, a, lambda text: b(text) + "\n")),
    "another's armor": (
        "unapproved-signers",
        lambda c, a, b, m: turn(c, a, lambda text: b(text).replace("SSH SIGNATURE", "PGP SIGNATURE")),
    ),
    "no threshold": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, threshold=0)),
    "no roots": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, roots=(), threshold=0)),
    "a threshold beyond the people": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, roots=(a.root, replace(b.root, name="Alice"))),
    ),
    "a root twice": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, roots=(a.root, b.root, b.root))),
    "a signer as root": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, roots=(a.root, b.root, Root("Eve", KEY.public_line))),
    ),
    "a signer twice": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, signers=(SIGNER, replace(SIGNER, kinds=("change",)))),
    ),
    "a signer gone": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, signers=(replace(SIGNER, key=NEXT_KEY.public_line, from_=4),)),
    ),
    "a signer from another entry": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, signers=(replace(SIGNER, from_=1),))),
    "the genesis revoked": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, signers=(replace(SIGNER, until=0),))),
    "vouching for what comes": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, reapproved=(replace(vouched(c, 1), size=5),)),
    ),
    "vouching for nothing": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, reapproved=(vouched(c, 3, 3),))),
    "vouching from before": ("wrong-signers", lambda c, a, b, m: turn(c, a, b, reapproved=(vouched(c, -1, 3),))),
    "vouching for another log": (
        "wrong-signers",
        lambda c, a, b, m: turn(c, a, b, reapproved=(replace(vouched(c, 1, 2), size=3),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TURNS)
def test_no_key_set_follows_against_the_rules(
    check: Verifier, alice: Person, bob: Person, mallory: Person, case: str
) -> None:
    """Each breach of the rules for the next key set is told by its code, at its entry, as envgit itself tells it."""
    code, attack = BAD_TURNS[case]
    chain = began(alice.root, bob.root, Hardware("Alice").root, Hardware("Dora", flags=4).root, threshold=2)
    attack(chain, alice, bob, mallory)
    change(chain)
    assert codes(chain.verify()) == [code]
    assert check.refused(chain, bundled(chain)) == f"entry 4: {code}"
    if not case.startswith("vouching"):  # before `since`, the roots are not known
        assert check.refused(chain, bundled(chain, 5)) == f"entry 4: {code}"


LATER_TURNS: dict[str, Callable[..., None]] = {
    "a revocation taken back": lambda c, a: turn(c, a, signers=(SIGNER, *keys_of(c).signers[1:])),
    "a revocation put off": lambda c, a: turn(c, a, signers=(replace(SIGNER, until=4), *keys_of(c).signers[1:])),
    "a voucher taken back": lambda c, a: turn(c, a, reapproved=()),
    "a voucher changed": lambda c, a: turn(c, a, reapproved=(vouched(c, 2, 4),)),
    "a voucher before another": lambda c, a: turn(c, a, reapproved=(vouched(c, 2, 3), *keys_of(c).reapproved)),
}


@pytest.mark.parametrize("case", LATER_TURNS)
def test_nothing_that_a_key_set_took_comes_back(check: Verifier, alice: Person, case: str) -> None:
    """A revocation can only be drawn nearer, and what roots vouched for stays, in its order."""
    chain = began(alice.root, threshold=1)
    rotated(chain, alice, until=3, reapproved=(vouched(chain, 3, 4),))
    check.said(chain, bundled(chain))
    LATER_TURNS[case](chain, alice)
    assert codes(chain.verify()) == ["wrong-signers"]
    assert check.refused(chain, bundled(chain)) == "entry 5: wrong-signers"


def test_a_left_out_key_set_is_a_gap(check: Verifier, alice: Person) -> None:
    """Of the key sets before a part, none but the last can be left out without its number showing it."""
    chain = began(alice.root, threshold=1)
    turn(chain, alice)
    turn(chain, alice)
    change(chain)
    bundle = bundled(chain, 6)
    del bundle["keys"][1]
    assert check.refused(chain, bundle) == "entry 5: signers-version"
    bundle = bundled(chain, 6)
    bundle["keys"].reverse()
    assert check.refused(chain, bundle) == "entry 5: wrong-genesis"
    bundle = bundled(chain, 6)
    bundle["keys"].insert(2, bundle["keys"][1])
    assert check.refused(chain, bundle) == "entry 4: wrong-sequence"
    bundle["keys"] = []
    assert check.refused(chain, bundle) == "entry 6: wrong-genesis"


def test_software_that_signs_as_hardware_is_what_ssh_keygen_takes(tmp_path: Path) -> None:
    """The tests' hardware key makes signatures that OpenSSH verifies; only what nobody touched is good there and not here."""
    message = b'{"kind":"signers"}'
    for flags, application, good in (
        (1, b"ssh:", True),
        (5, b"ssh:other", True),
        (0, b"ssh:", False),
        (4, b"ssh:", False),
    ):
        key = Hardware("Carol", flags, application)
        (tmp_path / "allowed").write_text(f"carol {key.line}\n")
        (tmp_path / "signature").write_text(key(message) + "\n")
        command = ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "carol", "-n", NAMESPACE]
        made = subprocess.run([*command, "-s", tmp_path / "signature"], input=message, capture_output=True, check=False)
        assert made.returncode == 0
        (tmp_path / "signature").write_text(key(message, "git") + "\n")
        again = subprocess.run(
            [*command, "-s", tmp_path / "signature"], input=message, capture_output=True, check=False
        )
        assert again.returncode != 0
        assert outside.signed_by(key(message, "git"), NAMESPACE, message) == ""
        assert outside.signed_by(key(message), NAMESPACE, message) == (key.line if good else "")


# Logs and bundles by somebody who has not all keys.


def resigned(chain: Chain, n: int, edit: Callable[[bytes], bytes], key: SigningKey = KEY) -> dict[str, Any]:
    """Return the bundle of a log whose entry `n` has another commit, signed by a key."""
    bundle = bundled(chain)
    head, _, rest = bundle["entries"][n]["commit"].encode().partition(b"\ngpgsig ")
    changed = edit(head + b"\n\n" + rest.partition(b"\n\n")[2])
    armor = key.sign_commit(changed).replace("\n", "\n ").encode()
    head, _, rest = changed.partition(b"\n\n")
    bundle["entries"][n]["commit"] = (head + b"\ngpgsig " + armor + b"\n\n" + rest).decode()
    return bundle


def swapped(bundle: dict[str, Any], one: int, other: int, *fields: str) -> None:
    for field in fields:
        a, b = bundle["entries"][one], bundle["entries"][other]
        a[field], b[field] = b[field], a[field]


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "an entry dropped": ("entry 2: wrong-sequence", lambda b: b["entries"].pop(2)),
    "the last entry dropped": ("entry 5: wrong-sequence", lambda b: b["entries"].pop()),
    "the first entry dropped": ("entry 0: wrong-sequence", lambda b: b["entries"].pop(0)),
    "two entries swapped": ("entry 2: wrong-sequence", lambda b: swapped(b, 2, 3, "entry", "commit", "sequence")),
    "two entries swapped but their numbers": ("entry 2: wrong-sequence", lambda b: swapped(b, 2, 3, "entry", "commit")),
    "two commits swapped": ("entry 2: entry-altered", lambda b: swapped(b, 2, 3, "commit")),
    "an entry twice": ("entry 3: wrong-sequence", lambda b: b["entries"].insert(2, b["entries"][2])),
    "a checkpoint of fewer": ("forked", lambda b: b.update(checkpoint=b["checkpoint"].replace("\n6\n", "\n5\n"))),
    "another origin": ("entry 0: commit-altered", lambda b: b.update(origin="git.example/other")),
    "another trust root": ("wrong-genesis", lambda b: b.update(genesis="sha256:" + "0" * 64)),
    "a commit more": ("uncovered", lambda b: b["commits"].append("0" * 40)),
    "a commit fewer": ("uncovered", lambda b: b["commits"].pop()),
    "commits in another order": ("uncovered", lambda b: b["commits"].reverse()),
    "a commit twice": ("uncovered", lambda b: b["commits"].append(b["commits"][-1])),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_a_bundle_that_was_edited_is_refused(check: Verifier, case: str) -> None:
    """What is taken out, put in, or moved is told by its code."""
    code, edit = EDITS[case]
    chain = began(changes=5)
    bundle = bundled(chain)
    edit(bundle)
    assert check.refused(chain, bundle) == code


COMMITS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "another leaf": ("entry-altered", lambda c: c[:-65] + bytes(reversed(c[-65:-1])) + b"\n"),
    "no leaf": ("not-an-entry", lambda c: c[:-66] + b"\n"),
    "another size": ("wrong-sequence", lambda c: c.replace(b"\n4\n", b"\n5\n")),
    "another origin": ("commit-altered", lambda c: c.replace(b"\ngit.example", b"\ngit.attacker")),
    "another root": ("commit-altered", lambda c: c.replace(b"\n4\n", b"\n4\nA").replace(b"=\n\nEnvgit", b"\n\nEnvgit")),
    "no mark for CI": ("not-an-entry", lambda c: c.replace(b" [skip ci]", b"")),
    "a line more": ("not-an-entry", lambda c: c + b"\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMITS)
def test_a_commit_that_says_other_than_its_entry_is_refused(check: Verifier, case: str) -> None:
    """Even who has the key cannot sign a commit that names another entry, number, log or root."""
    code, edit = COMMITS[case]
    chain = began(changes=5)
    assert check.refused(chain, resigned(chain, 3, edit)) == f"entry 3: {code}"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda text: text.replace("\nauthor ", "\nauthor mallory, not "), "bad-signature"),
        (lambda text: text.replace("SIGNATURE-----\n\n", "SIGNATURE-----\n x\n\n"), "bad-signature"),
        (lambda text: text.replace("SIGNATURE-----\n\n", "SIGNATURE-----\nx y\n\n"), "bad-signature"),
        (lambda text: text.replace("\ngpgsig", "\nencoding UTF-16\ngpgsig"), "bad-signature"),
        (lambda text: text.replace("\n U1NIU0lH", "\nU1NIU0lH"), "bad-signature"),
        (lambda text: text.replace("[skip ci]", "x [skip ci]"), "bad-signature"),
        (lambda text: text.replace("gpgsig", "gpgsig-sha256"), "bad-signature"),
        (lambda text: text.partition("gpgsig")[0].rstrip("\n") + "\n\n" + text.partition("\n\n")[2], "bad-signature"),
        (lambda text: "", "not-an-entry"),
    ],
)
def test_a_commit_that_was_edited_is_refused(check: Verifier, edit: Callable[[str], str], code: str) -> None:
    """The signature goes over all of a commit but itself, and has one form only."""
    chain = began(changes=5)
    bundle = bundled(chain)
    text = bundle["entries"][3]["commit"]
    bundle["entries"][3]["commit"] = edit(text)
    assert edit(text) != text
    assert check.refused(chain, bundle) == f"entry 3: {code}"


def test_an_unknown_key_signs_nothing(check: Verifier) -> None:
    """An entry by a key that no key set names, or not for its kind, or not from there on, is refused."""
    chain = began(changes=5)
    assert check.refused(chain, resigned(chain, 3, lambda c: c, STRANGER)) == "entry 3: unknown-signer"
    for edit in ({"kinds": ("genesis",)}, {"from_": 2}, {"key": "no key"}, {"until": 1}):
        chain = began(signers=(replace(SIGNER, **edit),))
        assert (
            check.refused(chain, bundled(chain))
            == f"entry {0 if len(edit) == 1 and set(edit) & {'key', 'from_'} else 1}: unknown-signer"
        )


def test_a_hardware_key_signs_no_commit(check: Verifier) -> None:
    """A signer's key is an ed25519 key on disk, whatever its key set says."""
    hardware = Hardware("Carol")
    chain = began(signers=(replace(SIGNER, key=hardware.line),))
    bundle = resigned(chain, 0, lambda c: c)
    plain = bundle["entries"][0]["commit"]
    head, _, message = plain.partition("\ngpgsig ")[0], "", plain.partition("\n\n")[2]
    armor = hardware(f"{head}\n\n{message}".encode(), "git").replace("\n", "\n ")
    bundle["entries"][0]["commit"] = f"{head}\ngpgsig {armor}\n\n{message}"
    assert check.refused(chain, bundle) == "entry 0: bad-signature"


def test_another_logs_entries_are_refused(check: Verifier) -> None:
    """A bundle of another log, with the same key, is not one of the trusted log, and its entries do not fit in."""
    one, other = began(changes=5), Chain(signer=SIGNER, origin="git.example/other/envgit-audit")
    other.add(genesis(nonce="other", signers=Signers(1, 0, (), (SIGNER,))))
    for _ in range(5):
        change(other)
    assert check.refused(one, bundled(other)) == "wrong-genesis"
    assert check.refused(one, {**bundled(other), "genesis": root_of(one)}) == "entry 0: wrong-genesis"
    mixed = bundled(one)
    mixed["entries"][3] = bundled(other)["entries"][3]
    assert check.refused(one, mixed) == "entry 3: commit-altered"
    late = {**bundled(one, 2), "keys": bundled(other, 2)["keys"]}
    assert check.refused(one, late) == "entry 0: commit-altered"


# Notes, witnesses and tokens.


def note_key(name: str, kind: int, key: SigningKey) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + key.public).digest()[:4]


def signature_line(name: str, kind: int, key: SigningKey, made: bytes) -> str:
    return f"\u2014 {name} {b64encode(note_key(name, kind, key) + made).decode()}\n"


def raw(key: SigningKey, data: bytes) -> bytes:
    return key._key.sign(data)


def note(chain: Chain, size: int, *witnesses: tuple[str, SigningKey], key: SigningKey = KEY, text: str = "") -> str:
    """Return a checkpoint that the log signed, and witnesses after it."""
    text = text or checkpoint(chain, size)
    lines = [signature_line(chain.origin, 1, key, raw(key, text.encode()))]
    for name, witness in witnesses:
        made = raw(witness, f"cosignature/v1\ntime 1795464127\n{text}".encode())
        lines.append(signature_line(name, 4, witness, (1795464127).to_bytes(8, "big") + made))
    return f"{text}\n{''.join(lines)}"


def vkey(name: str, key: SigningKey, kind: int = 4) -> str:
    return f"{name}+{note_key(name, kind, key).hex()}+{b64encode(bytes([kind]) + key.public).decode()}"


WITNESSES = {
    f"w{number}.example/w": SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    for number in range(1, 5)
}
W1, W2, W3, W4 = WITNESSES.items()
POLICY = f"""# who has to have seen the log
log {vkey(ORIGIN, KEY, 1)} https://log.example/
witness one {vkey(*W1)}
witness\ttwo  {vkey(*W2)} https://w2.example/

 witness three {vkey(*W3)}
group pair 2 one two
group some any pair three
quorum some
"""


def anchor(chain: Chain, size: int, kind: AnchorType, evidence: str, root: str = "") -> None:
    add(chain, AnchorBody(size, Digest(root or f"sha256:{tree(leaves(chain)[:size]).hex()}"), kind, evidence))


def witnessed(*witnesses: tuple[str, SigningKey]) -> Chain:
    """Return a log whose fourth entry anchors the first three."""
    chain = began(changes=2)
    anchor(chain, 3, AnchorType.COSIGNED, note(chain, 3, *witnesses))
    change(chain)
    return chain


@pytest.mark.parametrize(
    ("witnesses", "enough"),
    [
        ((W1, W2), True),
        ((W3,), True),
        ((W1, W2, W3, W4), True),
        ((W1,), False),
        ((W2, W4), False),
        ((W4,), False),
        ((), False),
        ((W1, W1), False),
        (((W3[0], W4[1]),), False),
        (((W4[0], W3[1]),), False),
    ],
)
def test_a_policy_asks_for_its_quorum(
    check: Verifier, tmp_path: Path, witnesses: tuple[tuple[str, SigningKey], ...], enough: bool
) -> None:
    """Only known witnesses count, each once, in groups and groups of groups; the note may stand in an entry or beside."""
    (tmp_path / "policy").write_text(POLICY)
    chain = witnessed(*witnesses)
    apart = began(changes=5)
    apart_bundle = bundled(apart, 2, notes=[note(apart, 4, *witnesses)])
    policy = ("--policy", str(tmp_path / "policy"))
    for log, bundle, size in ((chain, bundled(chain), 3), (apart, apart_bundle, 4)):
        assert "witness" not in check.said(log, bundle)
        if enough:
            assert f"saw its first {size} entries" in check.said(log, bundle, *policy)
        else:
            assert check.refused(log, bundle, *policy) == "false-anchor"


def test_notes_are_of_this_log(check: Verifier, tmp_path: Path) -> None:
    """A note says what the log was at some size, and the log signed it; of sizes beyond the bundle only that is known."""
    chain = began(changes=5)
    (tmp_path / "policy").write_text(POLICY)
    other = Chain(signer=SIGNER)
    other.add(genesis(nonce="other", signers=Signers(1, 0, (), (SIGNER,))))
    for size in (2, 3, 6):
        assert f"over its first {size} entries" in check.said(chain, bundled(chain, 2, notes=[note(chain, size)] * 2))
    later = note(chain, 9, W3, text=f"{ORIGIN}\n9\n{'A' * 43}=\n")
    check.said(chain, bundled(chain, notes=[later]))
    assert check.refused(chain, bundled(chain, notes=[later]), "--policy", str(tmp_path / "policy")) == "false-anchor"
    good = note(chain, 3)
    false = {
        "another root": note(chain, 3, text=checkpoint(chain, 4).replace("\n4\n", "\n3\n")),
        "another log": note(other, 1),
        "another origin": note(chain, 3, text=checkpoint(chain, 3).replace("git.example", "git.other")),
        "a stranger's": note(chain, 3, key=STRANGER),
        "another name": good.replace(f"\u2014 {ORIGIN}", "\u2014 git.other"),
        "a size with a zero": note(chain, 3, text=checkpoint(chain, 3).replace("\n3\n", "\n03\n")),
        "one line more": note(chain, 3, text=checkpoint(chain, 3) + "more\n"),
        "no signature": checkpoint(chain, 3) + "\n",
        "no note": "x",
        "nothing": "",
        "a broken signature": good[:-10] + ("A" if good[-10] != "A" else "B") + good[-9:],
        "a note after the note": good + good,
        "a cosignature of the log": note(chain, 3, text=checkpoint(chain, 3)).replace(
            signature_line(ORIGIN, 1, KEY, raw(KEY, checkpoint(chain, 3).encode())),
            note(chain, 3, (ORIGIN, KEY)).split("\n\n")[1].split("\n")[1] + "\n",
        ),
    }
    for name, text in false.items():
        assert check.refused(chain, bundled(chain, notes=[good, text])) == "false-anchor", name


def test_a_witness_whose_signature_is_bad_spoils_the_note(check: Verifier, tmp_path: Path) -> None:
    """A known witness's line that is not good refuses the note, even where the others were enough."""
    (tmp_path / "policy").write_text(POLICY)
    chain = began(changes=5)
    text = note(chain, 3, W3)
    line = signature_line(*W1[:1], 4, W1[1], (1).to_bytes(8, "big") + bytes(64))
    bundle = bundled(chain, notes=[text + line])
    assert "first 3 entries" in check.said(chain, bundle)
    assert check.refused(chain, bundle, "--policy", str(tmp_path / "policy")) == "false-anchor"


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "quorum nobody\n",
        "quorum none\nquorum none\n",
        "witness none KEY1\nquorum none\n",
        "witness one KEY1\nwitness one KEY2\nquorum one\n",
        "witness one KEY1\nwitness two KEY1\nquorum one\n",
        "witness one\nquorum none\n",
        "witness one KEY1 url more\nquorum none\n",
        "witness one KEY1x\nquorum one\n",
        "witness one LOG\nquorum one\n",
        "witness one OTHER\nquorum one\n",
        "witness one x+y+z\nquorum one\n",
        "group g 1 one\nwitness one KEY1\nquorum g\n",
        "witness one KEY1\ngroup g 2 one\nquorum g\n",
        "witness one KEY1\ngroup g 0 one\nquorum g\n",
        "witness one KEY1\ngroup g -1 one\nquorum g\n",
        "witness one KEY1\ngroup g x one\nquorum g\n",
        "witness one KEY1\ngroup g 1.0 one\nquorum g\n",
        "witness one KEY1\ngroup g +1 one\nquorum g\n",
        "witness one KEY1\ngroup g all\nquorum g\n",
        "witness one KEY1\ngroup g any one one\nquorum g\n",
        "witness one KEY1\ngroup g any one\ngroup h any one\nquorum h\n",
        "witness one KEY1\ngroup g any none\nquorum g\n",
        "witness one KEY1\ngroup g any g\nquorum g\n",
        "witness one KEY1\ngroup one any one\nquorum one\n",
        "witness one KEY1\nquorum one two\n",
        "quorum one\nwitness one KEY1\n",
        "quorum none\r\n",
        "quorum none\x0b\n",
        "members one\nquorum none\n",
        "Quorum none\n",
    ],
)
def test_what_is_no_policy_is_a_matter_of_usage(
    check: Verifier, tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    """A policy with a name twice, an unknown one, a key twice, or what nobody understands ends with 2."""
    odd = vkey(*W1).replace(note_key(W1[0], 4, W1[1]).hex(), "00000000")
    names = {"KEY1": vkey(*W1), "KEY2": vkey(*W2), "LOG": vkey(ORIGIN, KEY, 1), "OTHER": odd}
    for name, key in names.items():
        policy = policy.replace(name, key)
    (tmp_path / "policy").write_text(policy, newline="")
    chain = began()
    with pytest.raises(SystemExit) as status:
        check(bundled(chain), root_of(chain), "--policy", str(tmp_path / "policy"))
    assert status.value.code == 2
    assert "--policy" in capsys.readouterr().err


def test_a_policy_that_asks_for_nobody(check: Verifier, tmp_path: Path) -> None:
    """Without a witness in its quorum a policy is content with a note of the log."""
    (tmp_path / "policy").write_bytes("quorum none\n# \u00e9\n".encode())
    chain = witnessed()
    assert "saw its first 3 entries" in check.said(chain, bundled(chain), "--policy", str(tmp_path / "policy"))


def test_an_anchor_that_is_false_is_told(check: Verifier) -> None:
    """An anchor's size and root are the log's, and its note is over them; which of it is signed does not matter."""
    chain = began(changes=2)
    anchor(chain, 2, AnchorType.NOTE, note(chain, 2), "sha256:" + "0" * 64)
    assert check.refused(chain, bundled(chain)) == "entry 3: false-anchor"
    chain = began(changes=2)
    anchor(chain, 4, AnchorType.NOTE, note(chain, 3), "sha256:" + "0" * 64)
    assert check.refused(chain, bundled(chain)) == "entry 3: false-anchor"
    chain = began(changes=2)
    anchor(chain, 3, AnchorType.NOTE, "x")
    assert check.refused(chain, bundled(chain)) == "false-anchor"
    chain = began(changes=2)
    anchor(chain, 2, AnchorType.NOTE, note(chain, 2))
    check.said(chain, bundled(chain, 3))


AUTHORITY = """[tsa]
dir = .
serial = ./serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[stamps]
extendedKeyUsage = critical,timeStamping
"""


def stamped(directory: Path, text: str, digest: str) -> tuple[str, str]:
    """Return a time-stamp response over a text in base64, and its authority's certificate."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    (directory / "text").write_text(text)
    if not (directory / "cert.pem").exists():
        (directory / "conf").write_text(AUTHORITY)
        (directory / "serial").write_text("01\n")
        openssl(
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "csr.pem",
            "-subj",
            "/CN=stamps",
        )
        openssl(
            "x509",
            "-req",
            "-in",
            "csr.pem",
            "-signkey",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "36500",
            "-extfile",
            "conf",
            "-extensions",
            "stamps",
        )
    openssl("ts", "-query", "-data", "text", f"-{digest}", "-cert", "-out", "query")
    openssl(
        "ts",
        "-reply",
        "-config",
        "conf",
        "-section",
        "tsa",
        "-queryfile",
        "query",
        "-signer",
        "cert.pem",
        "-inkey",
        "key.pem",
        "-out",
        "reply",
    )
    return b64encode((directory / "reply").read_bytes()).decode(), (directory / "cert.pem").read_text()


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_tokens_are_over_this_log_and_the_rest_is_for_openssl(check: Verifier, tmp_path: Path, digest: str) -> None:
    """A token's imprint is that of a checkpoint of this log, and the command that is printed verifies it."""
    chain = began(changes=5)
    token, certificate = stamped(tmp_path, checkpoint(chain, 4), digest)
    made = {"size": 4, "root": f"sha256:{tree(leaves(chain)[:4]).hex()}", "token": token, "certificates": [certificate]}
    out = check.said(chain, bundled(chain, tokens=[made]))
    (tmp_path / "TOKEN").write_bytes(b64decode(token))
    for name in ("CA", "CERTIFICATES"):
        (tmp_path / name).write_text(certificate)
    command = out[out.index("openssl ts") :].split("\n")[0].split(" ")
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in said.stdout, said.stderr
    for field, value in (("size", 3), ("size", 9), ("root", "sha256:" + "0" * 64), ("token", "AAAA"), ("token", "")):
        assert check.refused(chain, bundled(chain, tokens=[{**made, field: value}])) == "false-anchor"


# Every field of a bundle.


def rich(alice: Person, bob: Person) -> tuple[Chain, dict[str, Any]]:
    """Return a log with every kind of rule, and its bundle from the middle on, with all that a bundle can have."""
    hardware = Hardware("Carol")
    chain = began(alice.root, bob.root, hardware.root, threshold=2)
    turn(chain, alice, bob)
    anchor(chain, 4, AnchorType.COSIGNED, note(chain, 4, W4))
    rotated(chain, bob, hardware, until=5, reapproved=(vouched(chain, 5, 6),))
    change(chain)
    change(chain)
    text = checkpoint(chain, 7)
    token = b64encode(b"response " + hashlib.sha256(text.encode()).digest()).decode()
    tokens = [{"size": 7, "root": f"sha256:{tree(leaves(chain)[:7]).hex()}", "token": token, "certificates": ["PEM"]}]
    notes = [note(chain, 7, W1, W2), note(chain, 6)]
    return chain, bundled(chain, 5, notes=notes, tokens=tokens)


Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Return the way to every value in a JSON value, itself first."""
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*place, key))


def at_place(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**53 - 1,
    2**63,
    1.5,
    "",
    "x",
    [],
    {},
    [[]],
    {"x": 1},
    ["\ud800"],
)


def altered(value: Any) -> Iterator[Any]:
    """Return other values in the place of one: of other types, and such that differ in little."""
    yield from (other for other in OTHERS if repr(other) != repr(value))
    if isinstance(value, int):
        yield from (value + 1, value - 1, -value if value else 7, str(value), float(value), bool(value))
    elif isinstance(value, str):
        yield from (
            value + " ",
            value + "\n",
            " " + value,
            value[:-1],
            value[1:],
            value * 2,
            value.swapcase(),
            value + "=",
        )
        for spot in {0, 7, len(value) // 3, len(value) // 2, len(value) - 2, len(value) - 1} & set(range(len(value))):
            for char in ("A", "0", "\n", "\x00", "\u202e", "\ud800"):
                yield value[:spot] + char + value[spot + 1 :]
    elif isinstance(value, list):
        yield from (value[:spot] + value[spot + 1 :] for spot in range(len(value)))
        yield from (value[: spot + 1] + value[spot:] for spot in range(len(value)))
        yield from (value[:spot] + [value[spot + 1], value[spot]] + value[spot + 2 :] for spot in range(len(value) - 1))
        yield from ([*value, other] for other in OTHERS)
    elif isinstance(value, dict):
        yield from ({name: item for name, item in value.items() if name != gone} for gone in value)
        yield {**value, "more": 1}


# What a bundle may say in another way without saying anything else, each with the reason.
MEANINGLESS = {
    ("tokens", 0, "token"): "only its imprint is looked at here: the rest is for openssl and the reader's authorities",
    ("tokens", 0, "certificates"): "they go to openssl as they are",
    ("tokens", 0, "certificates", 0): "they go to openssl as they are",
    ("tokens",): "evidence beside the log: with less of it, less is said to be proved",
    ("notes",): "evidence beside the log: with less of it, less is said to be proved",
}


def without_meaning(place: Place, new: Any, old: Any) -> bool:
    """Tell whether another value in a place is one that MEANINGLESS names."""
    if place[:2] == ("tokens", 0) and place in MEANINGLESS:
        return isinstance(new, list) or (isinstance(new, str) and place != ("tokens", 0, "certificates"))
    return place in MEANINGLESS and isinstance(new, list) and all(item in old for item in new)


def test_no_field_of_a_bundle_can_be_altered(
    check: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alice: Person, bob: Person
) -> None:
    """Every value that is altered, removed, doubled, moved or of another type ends with 1 or 3, but for what is named."""
    monkeypatch.setattr(outside, "ed25519", lru_cache(maxsize=None)(outside.ed25519))
    (tmp_path / "policy").write_text(POLICY)
    chain, bundle = rich(alice, bob)
    policy = ("--policy", str(tmp_path / "policy"))
    assert "saw its first 7 entries" in check.said(chain, bundle, *policy)
    assert codes(chain.verify()) == []
    tried, kept = 0, set()
    for place in list(places(bundle)):
        old = at_place(bundle, place)
        for new in altered(old):
            if repr(new) == repr(old):
                continue
            other = copy.deepcopy(bundle)
            if place:
                at_place(other, place[:-1])[place[-1]] = new
            status = check(other if place else new, root_of(chain), *policy)[0]
            tried += 1
            if without_meaning(place, new, old):
                kept.add(place)
                continue
            assert status in (1, 3), f"{place}: {str(new)[:200]!r}"
    assert tried > 2000
    assert kept == set(MEANINGLESS)


def test_no_byte_of_an_entry_or_commit_can_be_altered(
    check: Verifier, monkeypatch: pytest.MonkeyPatch, alice: Person, bob: Person
) -> None:
    """Any byte that is flipped in the text of an entry or a commit is told, at that entry and no later."""
    monkeypatch.setattr(outside, "ed25519", lru_cache(maxsize=None)(outside.ed25519))
    chain, bundle = rich(alice, bob)
    for group in ("keys", "entries"):
        for number, item in enumerate(bundle[group]):
            for field in ("entry", "commit"):
                for spot in range(0, len(item[field]), 13):
                    other = copy.deepcopy(bundle)
                    text = item[field]
                    other[group][number][field] = text[:spot] + chr(ord(text[spot]) ^ 1) + text[spot + 1 :]
                    status, _, err = check(other, root_of(chain))
                    assert status == 1, (group, number, field, spot)
                    assert f"entry {item['sequence']}: " in err


# What is no bundle at all.


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"null",
        b"[]",
        b"{}",
        b"1",
        b'"x"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 900 + b"]" * 900,
        b"9" * 100_000,
        b"-" + b"9" * 5000,
        b"1e999999999",
        b"NaN",
        b"-Infinity",
        b'"\\ud800"',
        b'{"schema":"envgit.bundle/1"}',
        b'{"schema":"envgit.bundle/2"}',
        b'{"\\ud800":1,"schema":"\\udfff"}',
        b"\0" * 100,
    ],
    ids=range(22),
)
def test_what_is_no_bundle_is_one_line_and_3(check: Verifier, data: bytes) -> None:
    """Whatever the bytes are, they end in one sentence and the status for what cannot be read."""
    status, _, err = check.data(data, "--trust-root", "sha256:" + "0" * 64)
    assert (status, len(err) < 1200) == (3, True)
    assert err.isascii()
    assert err[:-1].isprintable()


def test_a_key_that_stands_twice_is_refused(check: Verifier) -> None:
    """JSON that two readers could read as two things is none, in the bundle and in an entry."""
    chain = began()
    text = json.dumps(bundled(chain))
    for double in (
        text.replace('{"schema"', '{"since": 0, "schema"'),
        text.replace('{"sequence": 1', '{"sequence": 1, "sequence": 1'),
    ):
        assert double != text
        assert check.data(double.encode(), "--trust-root", root_of(chain))[0] == 3
    assert check.data(json.dumps(bundled(chain), indent=4).encode(), "--trust-root", root_of(chain))[0] == 0


MALFORMED: dict[str, Callable[[str], str]] = {
    "a key twice": lambda text: text.replace('{"files"', '{"files":[],"files"'),
    "a space": lambda text: text.replace(",", ", ", 1),
    "keys out of order": lambda text: text.replace('"version":1}', '"a":1,"version":1}'),
    "a fraction": lambda text: text.replace('"version":1}', '"version":1.0}'),
    "a large integer": lambda text: text.replace('"version":1}', '"version":1' + "0" * 30 + "}"),
    "an escaped letter": lambda text: text.replace('"main"', '"\\u006dain"'),
    "half a character": lambda text: text.replace('"main"', '"\\ud800"'),
    "a depth": lambda text: text.replace('"version":1}', '"version":' + "[" * 3000 + "]" * 3000 + "}"),
    "no object": lambda text: f"[{text}]",
    "nothing": lambda text: "",
    "a text": lambda text: '"x"',
}


def forged(chain: Chain, data: str) -> dict[str, Any]:
    """Return the bundle of a log to which the holder of the key appended any bytes as an entry."""
    bundle = bundled(chain)
    size = len(chain.made) + 1
    leaf = leaf_hash(data.encode())
    root = b64encode(tree([*leaves(chain), leaf])).decode()
    person = "x <x@y> 1 +0000"
    message = f"x [skip ci]\n\n{chain.origin}\n{size}\n{root}\n\nEnvgit-Entry: sha256:{leaf.hex()}\n"
    plain = f"tree {'0' * 40}\nparent {chain.tip}\nauthor {person}\ncommitter {person}\n\n{message}"
    armor = KEY.sign_commit(plain.encode()).replace("\n", "\n ")
    commit = plain.replace("\n\n", f"\ngpgsig {armor}\n\n", 1)
    bundle["entries"].append({"sequence": size - 1, "entry": data, "commit": commit})
    return {**bundle, "until": size, "checkpoint": f"{chain.origin}\n{size}\n{root}\n"}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_signed_entry_that_is_not_canonical_is_refused(check: Verifier, case: str) -> None:
    """What the key signed and is no canonical JSON is malformed."""
    chain = began()
    text = chain.made[3].data.decode().replace('"sequence":3', '"sequence":4')
    assert MALFORMED[case](text) != text
    assert check.refused(chain, forged(chain, MALFORMED[case](text))) == "entry 4: malformed-entry"


def test_signed_entries_of_other_shapes_are_not_proved(check: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that the key signed and that has a field gone or of another type is malformed, or beyond this program."""
    monkeypatch.setattr(outside, "ed25519", lru_cache(maxsize=None)(outside.ed25519))
    chain = began()
    envelope = {"origin": ORIGIN, "recorded_at": at(9), "recorder": {"tool": "x"}, "sequence": 4, "version": 1}
    signers = {**to_json(keys_of(chain)), "version": 2}
    root = f"sha256:{tree(leaves(chain)[:3]).hex()}"
    bodies: dict[str, dict[str, Any]] = {
        "change": {"source": {"commit": commit_id(9)}},
        "config": {"source": {"commit": commit_id(9)}},
        "rewrite": {"to": commit_id(9)},
        "signers": {"signers": {**signers, "reapproved": [{"from": 1, "size": 3, "root": root}]}},
        "anchor": {"size": 3, "root": root, "type": "note", "evidence": note(chain, 3)},
    }

    def status(entry: dict[str, Any]) -> int:
        text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        bundle = forged(chain, text)
        if entry.get("kind") in ("change", "config", "rewrite"):
            bundle["commits"] = [*bundle["commits"], commit_id(9)]
        return check(bundle, root_of(chain))[0]

    for kind, body in bodies.items():
        good = {**envelope, **body, "kind": kind}
        assert status(good) == 0, kind
        for place in list(places(good))[1:]:
            old = at_place(good, place)
            for new in (other for other in OTHERS[:-1] if type(other) is not type(old)):
                other = copy.deepcopy(good)
                at_place(other, place[:-1])[place[-1]] = new
                assert place[0] == "recorder" or status(other) in (1, 3), (kind, place, new)
            if isinstance(place[-1], str) and place not in (
                ("recorder",),
                ("recorder", "tool"),
                ("signers", "reapproved"),
            ):
                other = copy.deepcopy(good)
                del at_place(other, place[:-1])[place[-1]]
                assert status(other) in (1, 3), (kind, place)


def test_a_newer_kind_is_beyond_this_program(check: Verifier) -> None:
    """An entry of a kind or version that is not known cannot be judged, and that is said."""
    chain = began()
    for edit in (('"kind":"change"', '"kind":"weather"'), ('"version":1}', '"version":2}')):
        text = chain.made[3].data.decode().replace('"sequence":3', '"sequence":4').replace(*edit)
        status, _, err = check(forged(chain, text), root_of(chain))
        assert (status, "newer" in err) == (3, True)


def test_what_is_large_is_refused(check: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and each entry have their bounds."""
    chain = began()
    assert (outside.MAX_FILE, outside.MAX_ENTRY) == (512 << 20, 16 << 20)
    size = len(json.dumps(bundled(chain)))
    monkeypatch.setattr(outside, "MAX_FILE", size)
    check.said(chain, bundled(chain))
    monkeypatch.setattr(outside, "MAX_FILE", size - 1)
    assert check(bundled(chain), root_of(chain))[0] == 3
    monkeypatch.undo()
    monkeypatch.setattr(outside, "MAX_ENTRY", len(chain.made[0].data) - 1)
    assert check.refused(chain, bundled(chain)) == "entry 0: malformed-entry"


def test_what_is_printed_moves_no_cursor(check: Verifier) -> None:
    """Names and the origin are printed in ASCII on their line, on both ways out."""
    name = "Al\x1b[31m\u202eice\n\u0430"
    chain = Chain(signer=replace(SIGNER, name=name), origin="git.example/\u0430\u200b")
    chain.add(genesis(signers=Signers(1, 0, (), (chain.signer,))))
    out = check.said(chain, bundled(chain))
    assert "signed by Al\\x1b[31m\\u202eice\\n\\u0430" in out
    assert "git.example/\\u0430\\u200b" in out
    assert out.isascii()
    err = check({**bundled(chain), "genesis": "\x1b[31m\n" * 1000}, root_of(chain))[2]
    assert err.isascii()
    assert len(err) < 6000


def test_usage(check: Verifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that are none end with 2, a file that is not there with 3, and help with 0."""
    file = str(tmp_path / "bundle.json")
    root = "sha256:" + "0" * 64
    for arguments, status in (
        ([], 2),
        ([file], 2),
        ([file, "--trust-root", "x"], 2),
        ([file, "--trust-root", root.upper()], 2),
        ([file, "--trust-root", root + "\n"], 2),
        ([file, "--trust", root], 2),
        ([file, "--trust-root", root, "--policy", str(tmp_path / "none")], 2),
        (["--help"], 0),
    ):
        with pytest.raises(SystemExit) as exit_:
            outside.main(arguments)
        assert exit_.value.code == status, arguments
    assert "sha256:..." in capsys.readouterr().out
    for name in (file, str(tmp_path), "\0", "\udcff"):
        assert outside.main([name, "--trust-root", root]) == 3
        err = capsys.readouterr().err
        assert err.startswith("verify_bundle: ")
        assert err.count("\n") == 1


# The file by itself.


def test_it_runs_alone(tmp_path: Path) -> None:
    """The file runs by itself: from an empty directory, without site packages, environment, or anything of envgit."""
    chain = golden()
    shutil.copy(OUTSIDE, tmp_path / "verify_bundle.py")
    (tmp_path / "bundle.json").write_text(json.dumps(bundled(chain)))
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [sys.executable, "-I", "-S", "-W", "error", tmp_path / "verify_bundle.py", tmp_path / "bundle.json"]
    for root, status in ((root_of(chain), 0), ("sha256:" + "0" * 64, 1), ("x", 2)):
        made = subprocess.run([*command, "--trust-root", root], cwd=empty, env={}, capture_output=True, check=False)
        assert made.returncode == status, made.stderr
        assert (made.stdout != b"") is (status == 0)
        assert (made.stderr == b"") is (status == 0)
    made = subprocess.run(
        [*command[:-1], empty, "--trust-root", root_of(chain)], env={}, capture_output=True, check=False
    )
    assert made.returncode == 3


def test_it_knows_the_standard_library_alone() -> None:
    """It imports nothing of envgit and nothing that does not come with Python, and is Python 3.9."""
    parsed = ast.parse(OUTSIDE.read_text(), feature_version=(3, 9))
    found = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    assert found <= set(sys.stdlib_module_names)
    assert not found & {"socket", "subprocess", "urllib", "ctypes", "importlib", "pickle"}


# ed25519.


RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",  # order 1
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # order 2
    "0000000000000000000000000000000000000000000000000000000000000000",  # order 4
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # order 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_takes_the_vectors_of_its_rfc(public: str, message: str, signature: str) -> None:
    """The signatures of RFC 8032 are good, and no longer with any bit flipped, or with the order added to their number."""
    key, data, made = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert outside.ed25519(key, data, made)
    assert not outside.ed25519(key, data + b"x", made)
    for spot in range(0, 64 * 8, 37):
        flipped = bytearray(made)
        flipped[spot // 8] ^= 1 << spot % 8
        assert not outside.ed25519(key, data, bytes(flipped))
    for more in range(1, 9):
        scalar = int.from_bytes(made[32:], "little") + more * L
        if scalar < 1 << 256:
            assert not outside.ed25519(key, data, made[:32] + scalar.to_bytes(32, "little"))
    for broken in (made[:-1], made + b"\0", b"", made[:32]):
        assert not outside.ed25519(key, data, broken)
    for broken in (key[:-1], key + b"\0", b""):
        assert not outside.ed25519(broken, data, made)


def test_ed25519_takes_no_point_of_small_order_for_a_key() -> None:
    """A key for which everybody can sign is none, in any of its forms, nor is one off the curve."""
    for text in SMALL:
        key = bytes.fromhex(text)
        for other in SMALL:
            for message in (b"", b"x", b"y", b"z"):
                assert not outside.ed25519(key, message, bytes.fromhex(other) + bytes(32))
    for y in range(2, 30):
        for number in (y, P + y if y < 19 else y, P - y):
            key = number.to_bytes(32, "little")
            assert not outside.ed25519(key, b"x", SMALL and bytes.fromhex(SMALL[0]) + bytes(32))
    for number in (P, P + 1, P + 18):
        for sign in (0, 1 << 255):
            key = (number | sign).to_bytes(32, "little")
            assert outside.point(key) is None
            assert not outside.ed25519(key, b"x", key + bytes(32))
    assert outside.point((1 | 1 << 255).to_bytes(32, "little")) is None  # minus nothing
    assert outside.point((2).to_bytes(32, "little")) is None  # not on the curve


def test_ed25519_takes_no_second_form_of_a_point_in_a_signature() -> None:
    """A signature whose point is written in another form is not good, though its owner made it and the equation holds."""
    seed = b"envgit test key, of second forms"
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    number = bytearray(hashlib.sha512(seed).digest()[:32])
    number[0] &= 248
    number[31] = number[31] & 63 | 64
    for form, good in ((1, True), (P + 1, False), (1 | 1 << 255, False)):
        point = form.to_bytes(32, "little")
        hashed = int.from_bytes(hashlib.sha512(point + public + b"x").digest(), "little")
        scalar = hashed * int.from_bytes(number, "little") % L
        assert outside.ed25519(public, b"x", point + scalar.to_bytes(32, "little")) is good


def test_ed25519_says_what_another_program_says() -> None:
    """Over many keys and messages, good and broken, it says what OpenSSL says."""
    for number in range(60):
        key = SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest()))
        message = hashlib.shake_128(bytes([number])).digest(number * 3)
        made = bytearray(raw(key, message))
        made[number] ^= number % 3
        assert outside.ed25519(key.public, message, bytes(made)) is verified(key.public, message, bytes(made))
        assert (number % 3 == 0) is verified(key.public, message, bytes(made))


def test_ed25519_is_quick_enough() -> None:
    """A signature takes less than 10 ms, so that a log of thousands of entries is checked in a minute."""
    from time import process_time

    key, message, made = (bytes.fromhex(part) for part in RFC_8032[2])
    times = []
    for _ in range(10):
        begun = process_time()
        assert outside.ed25519(key, message, made)
        times.append(process_time() - begun)
    assert min(times) < 0.010


# The Merkle tree.


def test_inclusion_is_proved_as_rfc_6962_has_it() -> None:
    """Every leaf of trees of any size is proved by its path, and by no other path, place or size."""
    hashes = [hashlib.sha256(bytes([number])).digest() for number in range(20)]
    for size in range(1, 20):
        root, frontier = tree(hashes[:size]), Frontier()
        for hash_ in hashes[:size]:
            frontier = frontier.append(hash_)
        assert outside.joined(list(frontier.hashes)) == root
        assert [h.hex() for h in frontier.hashes] == perfect(hashes[:size])
        for index in range(size):
            proof = path(index, hashes[:size])
            assert outside.from_proof(hashes[index], index, size, proof) == root
            for wrong in (proof[1:], proof[:-1], [*proof, root], [hashes[0], *proof], proof[::-1]):
                if wrong != proof:
                    assert outside.from_proof(hashes[index], index, size, wrong) != root
            if size > 1:
                assert outside.from_proof(hashes[index], (index + 1) % size, size, proof) != root
