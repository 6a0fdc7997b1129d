"""The raw commit of an entry, and its signature."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.entry import ChangeBody
from envgit.model import Person
from envgit.signing import SigningKey, verified

from .chain import KEY, SIGNER, Chain, genesis
from .golden import source


def test_commit_is_a_pure_function(chain: Chain) -> None:
    """From entry, tree, parent and state the same bytes are made again, and the signature is ed25519's only one."""
    parent = None
    for made in chain.made:
        plain = commits.unsigned(made.entry, made.leaf, made.tree, parent, made.state, SIGNER)
        assert commits.attach(plain, KEY.sign_commit(plain)) == chain.objects[made.commit][1]
        parent = made.commit


def test_message_is_subject_checkpoint_and_hash(chain: Chain) -> None:
    """The message has the form that the design gives."""
    made = chain.made[2]
    text = chain.objects[made.commit][1].split(b"\n\n", 1)[1].decode()
    subject, middle, trailer = text.split("\n\n")
    assert subject.endswith("[skip ci]")
    assert "production: DATABASE_URL changed, DEBUG removed" in subject
    assert middle.split("\n")[:2] == ["git.example/acme/platform/envgit-audit", "3"]
    assert trailer == f"Envgit-Entry: sha256:{made.leaf.hex()}\n"
    plain = commits.without_signature(chain.objects[made.commit][1])
    assert commits.signed_checkpoint(plain) == (made.entry.origin, 3, made.state.root)
    assert commits.signed_leaf(plain) == made.leaf.hex()


def test_subjects_are_plain_and_bounded(chain: Chain) -> None:
    """Whatever the names, a subject is one short line of ASCII."""
    for made in chain.made:
        subject = commits.subject(made.entry)
        assert subject.isascii()
        assert subject.isprintable()
        assert len(subject) <= 500


@pytest.mark.parametrize("number", range(16))
def test_detach_undoes_attach(chain: Chain, number: int) -> None:
    """What was attached is detached to the same two parts."""
    raw = chain.objects[chain.made[number].commit][1]
    plain, armor = commits.detach(raw)
    assert commits.attach(plain, armor) == raw
    assert sshsig.dearmor(armor)[0] == KEY.public


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    """Arbitrary bytes raise FormatError at most."""
    commits.parents(data)
    commits.signed_leaf(data)
    commits.signed_checkpoint(data)
    assert commits.without_signature(data) == data
    with pytest.raises(FormatError):
        commits.detach(data)
    with pytest.raises(FormatError):
        commits.tree_of(data)


@pytest.mark.parametrize(
    ("author", "header"),
    [
        (
            Person("a\nb <c>", "x", "2026-11-20T14:02:11+01:00"),
            b"author ab c <unknown@envgit.invalid> 1795179731 +0000",
        ),
        (Person("", "a@b", "1960-01-01T00:00:00Z"), b"author unknown <a@b> 0 +0000"),
        (Person("x", "a@b", "9999-12-31T23:59:59Z"), b"author x <a@b> 253402300799 +0000"),
    ],
)
def test_author_header_is_clean(author: Person, header: bytes) -> None:
    """Names end no line, times are UTC and not before 1970, whatever an entry says."""
    chain = Chain()
    chain.add(genesis())
    made = chain.add(ChangeBody(source(1, None, author), ()))
    assert chain.objects[made.commit][1].split(b"\n")[2] == header


def test_sshsig_is_what_ssh_keygen_signs(tmp_path: Path) -> None:
    """Over the same bytes with the same key, ssh-keygen makes the very same armor."""
    key = SigningKey.generate()
    path = tmp_path / "key"
    path.write_text(key.to_openssh())
    path.chmod(0o600)
    (tmp_path / "data").write_bytes(b"some commit\n")
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", path, tmp_path / "data"], check=True, capture_output=True
    )
    assert (tmp_path / "data.sig").read_text() == key.sign_commit(b"some commit\n") + "\n"


def test_ssh_keygen_verifies_ours(tmp_path: Path) -> None:
    """`ssh-keygen -Y verify` accepts the signature, and not over other bytes."""
    (tmp_path / "allowed").write_text(f"me {KEY.public_line}\n")
    (tmp_path / "sig").write_text(KEY.sign_commit(b"data"))
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "me", "-n", "git", "-s", "sig"]
    for data, status in ((b"data", 0), (b"date", 255)):
        done = subprocess.run(command, input=data, cwd=tmp_path, capture_output=True, env=dict(os.environ), check=False)
        assert done.returncode == status


def test_fingerprint_is_ssh_keygens(tmp_path: Path) -> None:
    """The fingerprint is the one that ssh-keygen -l shows."""
    (tmp_path / "key.pub").write_text(KEY.public_line + "\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert sshsig.fingerprint(KEY.public) in shown.stdout.split()


def _armor_variants() -> dict[str, str]:
    armor = KEY.sign_commit(b"data")
    lines = armor.split("\n")
    text = "".join(lines[1:-1])
    return {
        "re-wrapped": "\n".join([lines[0], text, lines[-1]]),
        "text after the end": armor + "\nx",
        "newline after the end": armor + "\n",
        "carriage returns": armor.replace("\n", "\r\n"),
        "no end": "\n".join(lines[:-1]),
        "no base64": armor.replace(lines[1][:4], "####"),
        "not ASCII": armor.replace(lines[1][:1], "\u00e9"),
        "cut": "\n".join([lines[0], *lines[2:]]),
        "empty": "",
        "another namespace": sshsig.armor(KEY.public, b"x" * 64, "file"),
        "short signature": sshsig.armor(KEY.public, b"x" * 63),
        "short key": sshsig.armor(b"x" * 31, b"x" * 64),
        "other bits at the end": armor.replace(text[-4:], text[-4:-2] + "x="),
    }


@pytest.mark.parametrize("name", _armor_variants())
def test_only_one_armor_is_a_signature(name: str) -> None:
    """Every armor but the canonical one is refused, even where it decodes to the same signature."""
    with pytest.raises(FormatError):
        sshsig.dearmor(_armor_variants()[name])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-rsa AAAA",
        "ssh-ed25519",
        "ssh-ed25519 !!!!",
        KEY.public_line + " comment",
        KEY.public_line[:-4],
        " " + KEY.public_line,
    ],
)
def test_other_key_lines_are_refused(line: str) -> None:
    """A signer's key is exactly one ssh-ed25519 line without comment."""
    assert sshsig.public_bytes(KEY.public_line) == KEY.public
    with pytest.raises(FormatError):
        sshsig.public_bytes(line)


@given(st.binary(max_size=50))
def test_signature_covers_every_byte(data: bytes) -> None:
    """A signature is good over what was signed, and over nothing else."""
    _public, signature = sshsig.dearmor(KEY.sign_commit(data))
    assert verified(KEY.public, sshsig.signed_data(data), signature)
    assert not verified(KEY.public, sshsig.signed_data(data + b"x"), signature)
    assert not verified(KEY.public[:31], sshsig.signed_data(data), signature)
