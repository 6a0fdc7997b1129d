"""Attacks on the key set, on approvals, and on whom the reader trusts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from envgit.audit import sshsig
from envgit.audit.codec import encode_entry
from envgit.audit.entry import ConfigBody, Reapproved, Signer, Signers, SignersBody
from envgit.audit.keyset import config_statement, signers_statement
from envgit.audit.merkle import leaf_hash
from envgit.model import Config, Digest, EnvironmentPattern
from envgit.signing import SigningKey
from tests.audit.approvals import approve
from tests.audit.chain import KINDS, SECOND_SIGNER
from tests.kit.values import replace

from .case import Case
from .keyless import other_log
from .line import Line
from .scene import Scene
from .world import ALICE, BOB, DESKTOP, KEY, MALLORY, SIGNER, SIGNERS

WHO = "keys and policy"
SECOND = Signer("next", "next@envgit.invalid", SECOND_SIGNER.public_line, KINDS, 8)
TWO = replace(SIGNERS, version=2, signers=(SIGNER, SECOND))
BOTH = (ALICE, BOB)


def _genesis(scene: Scene) -> Digest:
    return Digest(f"sha256:{leaf_hash(encode_entry(scene.entries[0])).hex()}")


def change(
    scene: Scene, signers: Signers, by: tuple[SigningKey, ...] = BOTH, namespace: str = "envgit-approval"
) -> None:
    """Append a key set, approved by some, signed by the log's key."""
    statement = signers_statement(scene.entries[0].origin, _genesis(scene), signers)
    approvals = tuple(approve(key, statement, namespace) for key in by)
    scene.append(scene.next(SignersBody(signers, approvals), "signers"))


def _set(signers: Signers, by: tuple[SigningKey, ...] = BOTH, namespace: str = "envgit-approval"):
    def attack(scene: Scene) -> None:
        change(scene, signers, by, namespace)

    return attack


def _rolled_back(scene: Scene) -> None:
    """Bring back the first key set, once a later one was there, with the approvals that it would have had."""
    change(scene, TWO)
    change(scene, SIGNERS)


def _replayed(scene: Scene) -> None:
    """Bring a key set again that was good once."""
    change(scene, TWO)
    change(scene, replace(TWO, version=3, signers=(SIGNER, replace(SECOND, until=9))))
    change(scene, TWO)


def _other_statement(scene: Scene) -> None:
    """Use the approvals of one key set for another."""
    statement = signers_statement(scene.entries[0].origin, _genesis(scene), TWO)
    third = replace(SECOND, key=MALLORY.public_line)
    approvals = tuple(approve(key, statement) for key in BOTH)
    scene.append(scene.next(SignersBody(replace(TWO, signers=(SIGNER, third)), approvals), "signers"))


def later(scene: Scene) -> None:
    """Append an entry for a commit that touches nothing, by the log's first key."""
    scene.repo.write("README.md", f"# {len(scene.entries)}\n")
    head = scene.repo.commit("Words")
    last = next(entry for entry in reversed(scene.entries) if entry.kind == "change").body
    source = replace(last.source, commit=head, previous=last.source.commit, merged=())
    scene.append(scene.next(replace(last, source=source, files=()), "change"))


def _retired(scene: Scene) -> None:
    """Sign on by a key that retired with the entry before."""
    change(scene, replace(TWO, signers=(replace(SIGNER, until=9), SECOND)))
    later(scene)


def _revoked(scene: Scene) -> None:
    change(scene, replace(TWO, signers=(replace(SIGNER, until=6), SECOND)))


def _reapproved(by: tuple[SigningKey, ...]) -> Callable[[Scene], None]:
    """Revoke the first key from entry 6 on, then vouch for what stands, by some."""

    def attack(scene: Scene) -> None:
        revoked = replace(TWO, signers=(replace(SIGNER, until=6), SECOND))
        change(scene, revoked)
        root = scene.line().state.root  # type: ignore[union-attr]
        vouched = Reapproved(6, 9, Digest(f"sha256:{root.hex()}"))
        signers = replace(revoked, version=3, reapproved=(vouched,))
        statement = signers_statement(scene.entries[0].origin, _genesis(scene), signers)
        body = SignersBody(signers, tuple(approve(key, statement) for key in by))
        scene.append(scene.next(body, "signers"), key=SECOND_SIGNER)

    return attack


def _narrowed(by: tuple[SigningKey, ...] | None) -> Callable[[Scene], None]:
    """Put a configuration into force that audits staging only; None is to ask nobody."""

    def attack(scene: Scene) -> None:
        config = Config(environments=(EnvironmentPattern("envs/staging.yaml", "staging"),))
        last = scene.entries[-1].body.source
        source = replace(last, previous=last.commit)
        of, approvals = None, ()
        if by is not None:
            scene.append(scene.next(ConfigBody(source, config, in_force=False), "config"))
            of = len(scene.entries) - 1
            statement = config_statement(scene.entries[0].origin, _genesis(scene), of, config)
            approvals = tuple(approve(key, statement) for key in by)
        body = ConfigBody(source, config, in_force=True, of=of, approvals=approvals)
        scene.append(scene.next(body, "config"))

    return attack


def _own_root(scene: Scene) -> None:
    """Begin the log anew, and let the repository's own configuration name that as the trust root."""
    made = other_log(scene, scene.entries[0].origin, MALLORY)
    scene.point(made.tip or "")
    genesis = scene.object(scene.repo.git("rev-parse", f"{made.tip}:entries/00/00/00.json"))
    name = "envgit.git.example/acme/platform.trustRoot"
    scene.repo.git("config", name, f"sha256:{leaf_hash(genesis).hex()}")
    scene.trust_root = ""


def _dodged(scene: Scene) -> None:
    """Begin the log anew under another origin; the reader has no trust root at hand."""
    made = other_log(scene, "git.example/acme/platform-2/envgit-audit", MALLORY)
    scene.point(made.tip or "")
    scene.trust_root = ""


# Signatures of another form over the last entry's commit.


def _signature(sign: Callable[[Scene, bytes], str]) -> Callable[[Scene], None]:
    def attack(scene: Scene) -> None:
        line: Line = scene.line(len(scene.entries) - 1)
        line.put(scene.entries[-1], sign=lambda plain: sign(scene, plain))
        scene.point(line.tip or "")

    return attack


def _namespace(name: str) -> Callable[[Scene, bytes], str]:
    return lambda _scene, plain: sshsig.armor(KEY.public, KEY.sign(sshsig.signed_data(plain, name)), name)


def _reserved(_scene: Scene, plain: bytes) -> str:
    """Return a signature whose reserved field is not empty, and is signed as it is."""
    parts = [b"git", b"reserved", b"sha512", __import__("hashlib").sha512(plain).digest()]
    signature = KEY.sign(b"SSHSIG" + b"".join(map(_s, parts)))
    blob = [sshsig.key_blob(KEY.public), b"git", b"reserved", b"sha512", _s(b"ssh-ed25519") + _s(signature)]
    return sshsig.wrapped(b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(_s, blob)))


def _s(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _keygen(scene: Scene, file: Path, plain: bytes, *options: str) -> str:
    message = scene.folder / "message"
    message.write_bytes(plain)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(file), *options, str(message)]
    subprocess.run(words, check=True, capture_output=True)
    return message.with_suffix(".sig").read_text().rstrip("\n")


def _stolen(scene: Scene) -> Path:
    file = scene.folder / "stolen"
    file.write_text(KEY.to_openssh())
    file.chmod(0o600)
    return file


def _sha256(scene: Scene, plain: bytes) -> str:
    return _keygen(scene, _stolen(scene), plain, "-O", "hashalg=sha256")


def _kind(kind: str, bits: str) -> Callable[[Scene, bytes], str]:
    def sign(scene: Scene, plain: bytes) -> str:
        file = scene.folder / kind
        words = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(file)]
        subprocess.run(words, check=True, capture_output=True)
        return _keygen(scene, file, plain)

    return sign


def _certificate(scene: Scene, plain: bytes) -> str:
    """Sign by a certificate that an authority of the attacker's made for the log's key."""
    file, authority = _stolen(scene), scene.folder / "authority"
    file.with_suffix(".pub").write_text(KEY.public_line + "\n")
    for words in (
        ["-t", "ed25519", "-N", "", "-f", str(authority)],
        ["-s", str(authority), "-I", "envgit", "-n", "envgit@envgit.invalid", str(file.with_suffix(".pub"))],
    ):
        subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)
    (scene.folder / "stolen-cert").write_bytes(file.read_bytes())
    (scene.folder / "stolen-cert").chmod(0o600)
    return _keygen(scene, scene.folder / "stolen-cert.pub", plain)


_twice = (ALICE, DESKTOP)
_gap = replace(TWO, version=3)
_repeat = replace(TWO, version=1)

CASES = (
    Case(46, "the first key set comes back", WHO, "", _rolled_back, "signers-version", 1),
    Case(46, "a key set that was good once is replayed", WHO, "", _replayed, "signers-version", 1),
    Case(47, "a version of the key set is skipped", WHO, "", _set(_gap), "signers-version", 1),
    Case(47, "a version of the key set is used again", WHO, "", _set(_repeat), "signers-version", 1),
    Case(48, "a key set that only the log's key signed", WHO, "", _set(TWO, ()), "unapproved-signers", 1),
    Case(48, "a key set with the approvals of another", WHO, "", _other_statement, "unapproved-signers", 1),
    Case(49, "one person approves with two keys", WHO, "", _set(TWO, _twice), "unapproved-signers", 1),
    Case(49, "one approval is there twice", WHO, "", _set(TWO, (ALICE, ALICE)), "unapproved-signers", 1),
    Case(49, "a stranger's approval beside those of two persons", WHO, "", _set(TWO, (*BOTH, MALLORY)),
         "unapproved-signers", 1),
    Case(50, "a retired key signs on", WHO, "", _retired, "unknown-signer", 1),
    Case(51, "what a key signed is revoked afterwards", WHO, "", _revoked, "revoked-signer", 1),
    Case(51, "revoked entries are vouched for by one who is no root", WHO, "", _reapproved((MALLORY,)),
         "revoked-signer unapproved-signers", 1),
    Case(51, "revoked entries are vouched for by the roots", WHO, "", _reapproved(BOTH), "", 0, level="A"),
    Case(52, "a commit's signature for files", WHO, "", _signature(_namespace("file")), "bad-signature", 1,
         "G but 1 B"),
    Case(52, "a commit's signature that is an approval", WHO, "", _signature(_namespace("envgit-approval")),
         "bad-signature", 1, "G but 1 B"),
    Case(52, "approvals that are signatures of commits", WHO, "", _set(TWO, namespace="git"), "unapproved-signers", 1),
    Case(52, "a reserved field that is not empty", WHO, "", _signature(_reserved), "bad-signature", 1, "G but 1 B"),
    Case(52, "a signature over SHA-256", WHO, "", _signature(_sha256), "bad-signature", 1),
    Case(52, "an RSA key", WHO, "", _signature(_kind("rsa", "2048")), "bad-signature", 1, "G but 1 U"),
    Case(52, "an ECDSA key", WHO, "", _signature(_kind("ecdsa", "256")), "bad-signature", 1, "G but 1 U"),
    Case(52, "an SSH certificate for the log's key", WHO, "", _signature(_certificate), "bad-signature", 1,
         "G but 1 U"),
    Case(53, "production is no longer audited, nobody asked", WHO, "", _narrowed(None),
         "unapproved-config wrong-step", 1),
    Case(53, "production is no longer audited, one person approves", WHO, "", _narrowed((ALICE, DESKTOP)),
         "unapproved-config wrong-step", 1),
    Case(54, "another log, named as trust root by the repository", WHO, "", _own_root, "", 0, "no G but 8 U"),
    Case(55, "another origin, so that no pin would be found", WHO, "pin", _dodged, "forked wrong-genesis", 1, "no G but 8 U",
         without="0"),
)  # fmt: skip
