"""No input makes the reader raise, hang or tell content: what strangers send in a pull request is read too."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from envgit.model import Mac, Reason, Snapshot
from envgit.sops import cipher
from envgit.sops.identities import Keyring
from envgit.sops.reader import MAX_BYTES, MAX_VARIABLES, Reader
from tests.kit.sops import Sops, new_key

SECONDS = 4.0
CANARY = "canary-5b1e"


def _laughs(levels: int) -> bytes:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode() + b"\n"


INPUTS = {
    "deep lists": (b"[" * 60_000, Reason.MALFORMED),
    "deep maps": (b"{a: " * 20_000, Reason.MALFORMED),
    "deep lists closed": (b"a: " + b"[" * 101 + b"]" * 101, Reason.MALFORMED),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(2_000)).encode(), Reason.MALFORMED),
    "deep dashes": (b"a:\n  " + b"- " * 30_000 + b"x\n", Reason.MALFORMED),
    "billion laughs": (_laughs(10), Reason.TOO_LARGE),
    "laughs under sops": (_laughs(10) + b"sops: {}\n", Reason.TOO_LARGE),
    "a million aliases": (b"a: &a x\nl: [" + b"*a," * 1_000_000 + b"]\n", Reason.TOO_LARGE),
    "an alias of itself": (b"a: &a\n  b: *a\n", Reason.MALFORMED),
    "too many variables": (b"".join(b"k%d: 1\n" % n for n in range(250_000)), Reason.TOO_LARGE),
    "too large": (b"a: " + b"x" * (MAX_BYTES + 1), Reason.TOO_LARGE),
    "far too large": (b"\0" * 100_000_000, Reason.TOO_LARGE),
    "one long line": (b"a: " + b"x" * 10_000_000, Reason.PLAINTEXT),
    "many colons": (b"a" + b":" * 1_000_000, None),
    "many quotes": (b'"' * 200_000, Reason.MALFORMED),
    "many question marks": (b"? " * 100_000, Reason.MALFORMED),
    "many comments": (b"#\n" * 1_000_000 + b"a: 1\n", Reason.PLAINTEXT),
    "many documents": (b"---\n" * 300_000, Reason.TOO_LARGE),
    "ciphertext without end": (b"a: ENC[AES256_GCM,data:" + b",iv:,tag:" * 100_000, None),
    "a python object": (b"a: !!python/object/apply:os.system [id]\n", Reason.PLAINTEXT),
    "NUL": (b"a: 1\0\n", Reason.NOT_SOPS),
    "UTF-16 cut short": (b"\xff\xfea", Reason.NOT_SOPS),
    "a surrogate": (b'a: "\\ud800"\n', Reason.MALFORMED),
    "a directive": (b"%YAML 9.9\n---\na: 1\n", Reason.MALFORMED),
    "a complex key": (b"? [a, b]\n: 1\n", Reason.MALFORMED),
}


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_files_end_soon_and_with_a_reason(name):
    """Each file has a reason, and takes no longer than it should."""
    data, reason = INPUTS[name]
    began = time.perf_counter()
    snapshot = Reader(Keyring.of(new_key().identity)).read(data)
    assert time.perf_counter() - began < SECONDS
    assert snapshot.reason is reason if reason is not None else snapshot.reason is not None
    assert snapshot.detail


def test_a_file_at_the_limit_is_read(sops, reader):
    """As many variables as the limit says are read; one more is too many."""
    block = sops.encrypt("x: 1\n")
    block = block[block.index(b"sops:") :]
    text = b"".join(b"k%d: ''\n" % n for n in range(MAX_VARIABLES))
    assert len(reader.read(text + block).values) == MAX_VARIABLES
    assert reader.read(text + b"more: ''\n" + block).reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    "key", ["../../x", "a\nb", "\x1b[31mred", "\u202eevil", "k" * 300, "", " ", "sops ", "a:b", "é", "🔑", "@1"]
)
def test_hostile_names_are_read_and_written_safely(sops, reader, key):
    """A key of any text is one variable whose name is printable ASCII, and whose value opens."""
    data = sops.encrypt(
        f"{json.dumps(key, ensure_ascii=False) if key.isprintable() else json.dumps(key)}: v\nm: {{q: 1}}\n"
    )
    snapshot = reader.read(data)
    assert snapshot.mac is Mac.GOOD
    assert snapshot.values[0].secret.reveal() == b"v"
    assert snapshot.values[0].name.isascii()
    assert snapshot.values[0].name.isprintable()


@pytest.mark.parametrize(
    "token",
    [
        "ENC[AES256_GCM,data:!!!!,iv:AAAA,tag:AAAA,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:,tag:AAAA,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:AA==,tag:AAAA,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:" + "A" * 400_000 + ",tag:AAAA,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:]",
        "ENC[AES256_GCM,",
        "ENC[AES256_GCM,data:AAAA]",
    ],
    ids=range(8),
)
def test_broken_ciphertext_is_a_value_that_does_not_open(sops, reader, token):
    """A forged ciphertext leaves the other values readable and the MAC invalid, and says which variable it is."""
    data = f"forged: '{token}'\n".encode() + sops.encrypt("a: 1\n")
    snapshot = reader.read(data)
    assert snapshot.reason is None
    assert snapshot.mac is Mac.INVALID
    assert snapshot.values[0].secret is None
    assert snapshot.values[1].secret.reveal() == b"1"
    assert snapshot.detail == "forged (line 1) does not open"
    assert not sops.accepts(data)


def test_an_old_nonce_of_twelve_bytes_is_read():
    """Other writers use twelve bytes, and sops reads them."""
    sealed = AESGCM(bytes(32)).encrypt(bytes(12), b"v", b"a:")
    text = f"ENC[AES256_GCM,data:{b64encode(sealed[:-16]).decode()},iv:{b64encode(bytes(12)).decode()},"
    token = cipher.parse(f"{text}tag:{b64encode(sealed[-16:]).decode()},type:str]")
    assert cipher.Cipher(bytes(32)).open(token, "a:") == b"v"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Reader]:
    sops = Sops(tmp_path_factory.mktemp("real"))
    text = f"# note\na: {CANARY}\nb:\n    c: [1, {CANARY}, {{x: y}}]\n    # more\n    d_unencrypted: 5\n"
    return sops.encrypt(text), Reader(Keyring.of(sops.key.identity))


def _sound(snapshot: Snapshot) -> None:
    assert len({value.name for value in snapshot.values}) == len(snapshot.values)
    assert (snapshot.reason is None) == (snapshot.data_key is not None)
    assert snapshot.mac is not Mac.INVALID or snapshot.detail
    assert CANARY not in snapshot.detail
    assert CANARY not in repr(snapshot)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_mutation_of_a_real_file_makes_the_reader_fail(real, data):
    """Bytes cut, doubled, flipped or spliced in anywhere give a snapshot that holds together."""
    text, reader = real
    for _ in range(data.draw(st.integers(1, 4))):
        at, size = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 80))
        piece = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [
                        b"",
                        b"\n",
                        b"- ",
                        b"? ",
                        b": ",
                        b"&a ",
                        b"*a ",
                        b"---\n",
                        b"    ",
                        b"sops:\n",
                        b"[",
                        b"}",
                        b'"',
                        b"!!int ",
                    ]
                ),
                st.just(text[at : at + size]),
            )
        )
        text = text[:at] + piece + text[at + data.draw(st.sampled_from([0, 1, size])) :]
    _sound(reader.read(text))
    _sound(Reader(None).read(text))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_no_bytes_make_the_reader_fail(data):
    """Any bytes at all give a snapshot, and so do they as the body of a sops block."""
    reader = Reader(None)
    _sound(reader.read(data))
    _sound(reader.read(b"a: 1\nsops:\n    " + data))
