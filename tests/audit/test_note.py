"""Signed notes, cosignatures and policies: the words of C2SP, its published examples, and what is no note."""

from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envgit.audit import note, quorum
from envgit.audit.canonical import FormatError
from envgit.signing import SigningKey, verified

from .chain import HARDWARE, KEY, ORIGIN, OTHER_KEY

# The example in the documentation of golang.org/x/mod/sumdb/note: key, secret key and note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The checkpoint in c2sp.org/tlog-checkpoint.
C2SP = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
TEXT = f"{ORIGIN}\n3\n/wudr27NBCevVhZGFtDrd++/fxUmjoWNcS9GEL9fPjY=\n"


def witness(name: str, key: SigningKey) -> note.NoteKey:
    """Return a witness's key."""
    return note.NoteKey(name, note.COSIGNATURE, key.public)


def cosigned(text: str, *witnesses: tuple[str, SigningKey, int]) -> note.Note:
    """Return a note that witnesses cosigned at a time each."""
    lines = tuple(
        note.cosignature(witness(name, key), at, key.sign(note.cosigned_message(text, at)))
        for name, key, at in witnesses
    )
    return note.parse(note.joined(text, lines))


def test_gos_example_is_read_and_made() -> None:
    """The published note verifies under its key, and its secret key makes the same one again."""
    key = note.vkey(GO_KEY)
    assert (key.vkey, key.kind) == (GO_KEY, note.ED25519)
    given = note.parse(GO_NOTE)
    assert note.signed_by(given, key, verified)
    secret = SigningKey(Ed25519PrivateKey.from_private_bytes(b64decode(GO_SECRET)[1:]))
    assert note.joined(given.text, (note.Line(key.name, key.id, secret.sign(given.text.encode())),)) == GO_NOTE


def test_c2sps_example_is_read() -> None:
    """The published checkpoint has the origin, size and root that stand in it, and one signature line."""
    given = note.parse(C2SP)
    assert note.checkpoint(given.text)[:2] == ("example.com/behind-the-sofa", 20852163)
    assert [(line.name, len(line.signature)) for line in given.lines] == [("example.com/behind-the-sofa", 64)]
    assert note.joined(given.text, given.lines) == C2SP


def test_a_cosignature_says_when() -> None:
    """A witness's line carries its time; another's key, name or time is not its word, and a broken one refuses the note."""
    given = cosigned(TEXT, ("w", KEY, 1_795_000_000), ("w", KEY, 1_795_000_900))
    assert note.cosigned_at(given, witness("w", KEY), verified) == 1_795_000_900
    assert note.cosigned_at(given, witness("v", KEY), verified) is None
    assert note.cosigned_at(given, witness("w", OTHER_KEY), verified) is None
    line = given.lines[0]
    later = line._replace(signature=(1_795_000_001).to_bytes(8, "big") + line.signature[8:])
    for broken in (later, line._replace(signature=line.signature[:-1]), line._replace(signature=b"\xff" * 72)):
        with pytest.raises(FormatError):
            note.cosigned_at(given._replace(lines=(broken,)), witness("w", KEY), verified)
    with pytest.raises(FormatError):
        note.cosigned_at(given._replace(text=TEXT.replace("\n3\n", "\n4\n")), witness("w", KEY), verified)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name !!!!\n",
        "text\n\n— name AAAA\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n— na+me AAAAAAAA\n",
        "text\n\n— name AAAAAAAA",
        "te\x1bxt\n\n— name AAAAAAAA\n",
        "te\rxt\n\n— name AAAAAAAA\n",
        "text\n\n" + "— name AAAAAAAA\n" * 65,
        "x" * 70_000 + "\n\n— name AAAAAAAA\n",
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
    ],
)
def test_what_is_no_note(text: str | bytes) -> None:
    """Whatever is no signed note is refused by the one error."""
    with pytest.raises(FormatError):
        note.parse(text)


@pytest.mark.parametrize(
    "text",
    ["a\n1\n", "a\n01\n" + "A" * 43 + "=\n", "a\n-1\n" + "A" * 43 + "=\n", "\n1\n" + "A" * 43 + "=\n", "a\n1\nAAAA\n"],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """A text without origin, plain size and whole root is no checkpoint."""
    with pytest.raises(FormatError):
        note.checkpoint(text)


@pytest.mark.parametrize(
    "text", ["", "a+b+c", GO_KEY.replace("c74f20a3", "c74f20a4"), GO_KEY[:-4], GO_KEY.replace("+AR", "+BR")]
)
def test_what_is_no_key(text: str) -> None:
    """A key whose id is not that of its name and bytes, or of another kind, is refused."""
    with pytest.raises(FormatError):
        note.vkey(text)


KEYS = {name: witness(name, key) for name, key in (("a", KEY), ("b", OTHER_KEY), ("c", HARDWARE))}
LINES = "".join(f"witness {name} {key.vkey}\n" for name, key in KEYS.items())


@pytest.mark.parametrize(
    ("rule", "there", "met"),
    [
        ("quorum a", "a", True),
        ("quorum a", "bc", False),
        ("quorum none", "", True),
        ("group g any a b c\nquorum g", "c", True),
        ("group g all a b c\nquorum g", "ab", False),
        ("group g 2 a b c\nquorum g", "ac", True),
        ("group g 2 a b c\nquorum g", "b", False),
        ("group x any a b\ngroup g all x c\nquorum g", "bc", True),
        ("group x any a b\ngroup g all x c\nquorum g", "ab", False),
        ("  # a remark\n\n\tquorum  a ", "a", True),
    ],
)
def test_a_quorum_is_counted(rule: str, there: str, met: bool) -> None:
    """Groups of witnesses and of groups count as the policy says, each name once."""
    policy = quorum.parse(LINES + rule + "\n")
    given = (
        cosigned(
            TEXT,
            *(
                (name, {"a": KEY, "b": OTHER_KEY, "c": HARDWARE}[name], 1_795_000_000)
                for name in there or "x"
                if name != "x"
            ),
        )
        if there
        else note.parse(GO_NOTE)
    )
    assert policy.met(frozenset(policy.cosigned(given, verified))) is met


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "quorum d",
        "quorum a\nquorum b",
        "group g 2 a\nquorum g",
        "group g 0 a\nquorum g",
        "group g all\nquorum a",
        "group g any d\nquorum g",
        "group g any a a\nquorum g",
        "group g any a\ngroup h any a\nquorum h",
        "group a any b\nquorum a",
        "group g any none\nquorum g",
        f"witness d {KEYS['a'].vkey}\nquorum a",
        f"witness d {GO_KEY}\nquorum a",
        "witness d x\nquorum a",
        "say a\nquorum a",
        "quorum a\x1b",
        "#" * 70_000 + "\nquorum a",
    ],
)
def test_a_policy_that_is_none_is_refused(rule: str) -> None:
    """A policy that names what is not above it, a key or a member twice, or no quorum, is refused."""
    with pytest.raises(FormatError):
        quorum.parse(LINES + rule)
