"""A file is read as the real sops reads it, and what is wrong with it is said."""

from __future__ import annotations

import re

import pytest

from envgit.model import Mac, Reason, Rules, Value, ValueType
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader, holds_sops_block
from tests.kit.sops import Sops, new_key
from tests.kit.values import replace

PLAIN = "a: one\nb:\n    c: two\n    d: three\nl:\n    - x\n    - y\nnum: 5\n"


def _values(snapshot) -> dict[str, bytes | None]:
    return {value.name: value.secret.reveal() if value.secret is not None else None for value in snapshot.values}


def _line(data: bytes, key: str) -> bytes:
    return next(line for line in data.split(b"\n") if line.strip().startswith(key.encode() + b":"))


def _agree(sops: Sops, reader: Reader, data: bytes) -> bool:
    """Tell whether the file is good, after holding our answer against sops's."""
    snapshot = reader.read(data)
    good = snapshot.reason is None and snapshot.mac is Mac.GOOD
    assert sops.accepts(data) == good, snapshot
    return good


def test_a_good_file_is_read_in_full(sops, reader):
    """Names, types, bytes, lines, recipients and rules of a file of sops's are all there."""
    data = sops.encrypt(PLAIN)
    snapshot = reader.read(data)
    assert snapshot.mac is Mac.GOOD
    assert snapshot.detail == ""
    assert _values(snapshot) == {"a": b"one", "b.c": b"two", "b.d": b"three", "l[0]": b"x", "l[1]": b"y", "num": b"5"}
    assert [value.line for value in snapshot.values] == [1, 3, 4, 6, 7, 8]
    assert [str(value.type) for value in snapshot.values] == ["str"] * 5 + ["int"]
    assert all(len(value.iv) == 32 and not value.by_rule and not value.clear for value in snapshot.values)
    assert snapshot.recipients == (sops.key.recipient,)
    assert (snapshot.groups, snapshot.threshold, snapshot.rules) == ((), 1, Rules())
    assert len(snapshot.data_key.reveal()) == 32


def test_what_sops_leaves_in_clear_is_a_value(sops, reader):
    """Empty strings, null, empty maps and lists, and what the rule leaves, are values in clear."""
    snapshot = reader.read(sops.encrypt('a: ""\nb: null\nc: {}\nd: []\ne_unencrypted: true\n# note\nf: x\n'))
    assert [(value.name, value.type, value.clear, value.by_rule) for value in snapshot.values] == [
        ("a", ValueType.STR, True, False),
        ("b", ValueType.NULL, True, False),
        ("c", ValueType.MAP, True, False),
        ("d", ValueType.LIST, True, False),
        ("e_unencrypted", ValueType.BOOL, True, True),
        ("f", ValueType.STR, False, False),
    ]
    assert _values(snapshot)["e_unencrypted"] == b"True"
    assert snapshot.mac is Mac.GOOD


def test_a_value_that_only_looks_encrypted_is_clear_where_the_rule_says_so(sops, reader):
    """Text in the form of ciphertext under a clear key is a string like any other."""
    snapshot = reader.read(sops.encrypt("x_unencrypted: 'ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]'\na: b\n"))
    assert snapshot.mac is Mac.GOOD
    assert snapshot.values[0].clear
    assert snapshot.values[0].secret.reveal().startswith(b"ENC[")


def test_several_documents_are_one_file(sops, reader):
    """Later documents are numbered, and one MAC covers all."""
    data = sops.encrypt("a: 1\n---\na: 2\nb: {c: 3}\n---\na: 4\n")
    assert _values(reader.read(data)) == {"a": b"1", "@1.a": b"2", "@1.b.c": b"3", "@2.a": b"4"}
    assert _agree(sops, reader, data)
    assert not _agree(sops, reader, data.replace(b"a: ENC", b"a: FNC", 1))
    assert not _agree(sops, reader, data[: data.rindex(b"\n---\n") + 1])


def test_anchors_and_merge_keys_are_as_sops_expands_them(sops, reader):
    """Aliases stand for what they name; `<<` is a key like any other."""
    data = sops.encrypt("base: &b\n    x: 1\nuse: *b\nmerged:\n    <<: *b\n    y: 2\n")
    assert _values(reader.read(data)) == {"base.x": b"1", "use.x": b"1", 'merged["<<"].x': b"1", "merged.y": b"2"}
    assert _agree(sops, reader, data)


def test_nested_duplicates_are_both_there(sops, reader):
    """The real sops keeps equal keys of a nested map; the second gets a name of its own."""
    data = sops.encrypt("m:\n    k: one\n    z: one\n").replace(b"    z:", b"    k:")
    snapshot = reader.read(data)
    assert [value.name for value in snapshot.values] == ["m.k", "m.k@2"]
    assert snapshot.mac is Mac.INVALID
    assert "m.k@2 (line 3) does not open" in snapshot.detail


CHANGES = {
    "an untouched file": lambda data: data,
    "a value of another place": lambda data: data.replace(_line(data, "c")[7:], _line(data, "d")[7:]),
    "lines in another order": lambda data: data.replace(_line(data, "c") + b"\n", b"").replace(
        _line(data, "d"), _line(data, "d") + b"\n" + _line(data, "c")
    ),
    "a removed value": lambda data: data.replace(_line(data, "c") + b"\n", b""),
    "a removed item": lambda data: re.sub(rb"    - ENC[^\n]*\n", b"", data, count=1),
    "a value in clear": lambda data: data.replace(_line(data, "c"), b"    c: hello"),
    "a number in clear": lambda data: data.replace(_line(data, "num"), b"num: 6"),
    "an empty value": lambda data: b'e: ""\nz: null\nm: {}\n' + data,
    "text behind ciphertext": lambda data: data.replace(_line(data, "c"), _line(data, "c") + b" x"),
    "a bracket behind ciphertext": lambda data: data.replace(_line(data, "c"), _line(data, "c") + b"x]"),
    "a flipped type": lambda data: data.replace(
        _line(data, "num"), _line(data, "num").replace(b"type:int", b"type:str")
    ),
    "a wrong type": lambda data: data.replace(_line(data, "a"), _line(data, "a").replace(b"type:str", b"type:int")),
    "an unknown type": lambda data: data.replace(_line(data, "a"), _line(data, "a").replace(b"type:str", b"type:x")),
    "the type bytes": lambda data: data.replace(_line(data, "a"), _line(data, "a").replace(b"type:str", b"type:bytes")),
    "a value as a comment": lambda data: data.replace(
        _line(data, "a"), _line(data, "a").replace(b"type:str", b"type:comment")
    ),
    "an item as a comment": lambda data: re.sub(rb"(    - ENC.*type:)str", rb"\1comment", data, count=1),
    "broken base64": lambda data: data.replace(_line(data, "a"), _line(data, "a").replace(b"data:", b"data:!")),
    "no padding": lambda data: data.replace(
        _line(data, "num"), re.sub(rb"data:(\w+)=+", rb"data:\1", _line(data, "num"))
    ),
    "no mac": lambda data: data.replace(_line(data, "mac") + b"\n", b""),
    "a mac in clear": lambda data: data.replace(_line(data, "mac"), b"    mac: abc"),
    "no lastmodified": lambda data: data.replace(_line(data, "lastmodified") + b"\n", b""),
    "another lastmodified": lambda data: re.sub(rb'lastmodified: "\d{4}', b'lastmodified: "2001', data),
    "lastmodified with a fraction": lambda data: data.replace(b'Z"', b'.25Z"'),
    "lastmodified with a zone": lambda data: data.replace(b'Z"', b'+00:00"'),
    "lastmodified unquoted": lambda data: re.sub(rb'"(20[^"]*)"', rb"\1", data),
    "no version": lambda data: data.replace(_line(data, "version") + b"\n", b""),
    "two rules": lambda data: data.replace(b"    version:", b"    encrypted_regex: x\n    version:"),
    "another rule": lambda data: data.replace(b"unencrypted_suffix: _unencrypted", b"encrypted_regex: '^a$'"),
    "no rule": lambda data: data.replace(b"    unencrypted_suffix: _unencrypted\n", b""),
    "an invalid pattern": lambda data: data.replace(b"unencrypted_suffix: _unencrypted", b"encrypted_regex: '(?=a)'"),
    "mac_only_encrypted added": lambda data: data.replace(
        b"    version:", b"    mac_only_encrypted: true\n    version:"
    ),
    "mac_only_encrypted as yes": lambda data: data.replace(
        b"    version:", b"    mac_only_encrypted: no\n    version:"
    ),
    "mac_only_encrypted as text": lambda data: data.replace(
        b"    version:", b'    mac_only_encrypted: "true"\n    version:'
    ),
    "an unknown field": lambda data: data.replace(b"    version:", b"    new_field: [1]\n    version:"),
    "a field twice": lambda data: data.replace(b"    version:", b"    version: 3\n    version:"),
    "a key twice at the top": lambda data: data.replace(b"b:\n", b'a: ""\nb:\n', 1),
    "the sops block twice": lambda data: data + data[data.index(b"sops:") :],
    "the sops block first": lambda data: data[data.index(b"sops:") :] + data[: data.index(b"sops:")],
    "no recipients": lambda data: re.sub(rb"    age:\n(        .*\n)+", b"", data),
    "recipients as text": lambda data: data.replace(b"    age:\n", b"    age: x\n    y:\n"),
    "a recipient without enc": lambda data: data.replace(b"enc: |", b"x: |"),
    "an empty enc": lambda data: data.replace(b"enc: |", b'enc: ""\n          x: |'),
    "a broken enc": lambda data: data.replace(b"-----BEGIN AGE", b"-----BEGIN AGO"),
    "a numeric key": lambda data: data.replace(b"b:\n", b"5:\n", 1),
    "a key of YAML 1.1": lambda data: b'y: ""\nno: ""\n' + data,
    "an alias": lambda data: data.replace(b"    c: ", b"    c: &z ").replace(b"    d: ", b"    e: *z\n    d: "),
    "a document more": lambda data: data + b"---\nq: 1\n",
    "an empty document more": lambda data: data + b"---\n",
    "a list as a document more": lambda data: data + b"---\n- 1\n",
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "Windows lines": lambda data: data.replace(b"\n", b"\r\n"),
    "a tab": lambda data: data.replace(b"    c: ", b"\tc: "),
    "merge conflict": lambda data: data.replace(b"b:\n", b"<<<<<<< HEAD\nb:\n", 1),
}
GOOD = {
    "an untouched file", "an empty value", "text behind ciphertext", "a flipped type", "lastmodified with a fraction",
    "lastmodified with a zone", "lastmodified unquoted", "no rule", "mac_only_encrypted as yes", "an unknown field",
    "the sops block first", "a key of YAML 1.1", "an empty document more", "a byte order mark", "UTF-16",
    "Windows lines",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_we_accept_what_sops_accepts_and_nothing_else(sops, reader, change):
    """A file that was meddled with is good to us exactly if it is to sops, and says why where it is not."""
    data = CHANGES[change](sops.encrypt(PLAIN))
    assert _agree(sops, reader, data) == (change in GOOD)
    assert bool(reader.read(data).detail) == (change not in GOOD)


def test_a_line_written_by_hand_is_named(sops, reader):
    """A plaintext line where the rule wants ciphertext is read, named with its line, and never quoted."""
    data = sops.encrypt(PLAIN)
    snapshot = reader.read(data.replace(_line(data, "d"), b"    d: hand-written"))
    assert _values(snapshot)["b.d"] == b"hand-written"
    assert not next(value for value in snapshot.values if value.name == "b.d").by_rule
    assert snapshot.mac is Mac.INVALID
    assert snapshot.detail == "b.d (line 4) is in clear, and the rule wants it encrypted"


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("field", ["unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex"])
def test_a_clear_value_is_covered_by_the_mac_unless_told_otherwise(sops, reader, field, only):
    """Editing a value in clear breaks the MAC, and with mac_only_encrypted does not, as in sops."""
    data = sops.encrypt("x_k: 1\nw: 2\n", Rules(field, "_k", mac_only_encrypted=only))
    assert _agree(sops, reader, data)
    clear = next(value.name for value in reader.read(data).values if value.clear)
    edited = re.sub(rb"(?m)^%s: .*$" % clear.encode(), b"%s: 7" % clear.encode(), data)
    assert _agree(sops, reader, edited) == only


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NOT_SOPS),
        (b"\n\n", Reason.NOT_SOPS),
        (b"# only a comment\n", Reason.NOT_SOPS),
        (b"- a\n- b\n", Reason.NOT_SOPS),
        (b"just text", Reason.NOT_SOPS),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Reason.NOT_SOPS),
        (b"a: caf\xe9\n", Reason.NOT_SOPS),
        (b"a: b\0c\n", Reason.NOT_SOPS),
        (b"a: caf\xe9\nsops:\n    mac: x\n", Reason.MALFORMED),
        (b"a: 1\n", Reason.PLAINTEXT),
        (b"a: 1\nsops:\n", Reason.PLAINTEXT),
        (b"a: 1\n---\nsops: {}\n", Reason.PLAINTEXT),
        (b"a: [1\n", Reason.MALFORMED),
        (b"\ta: 1\n", Reason.MALFORMED),
        (b"sops: {}\n", Reason.MALFORMED),
        (b"sops: [1]\n", Reason.MALFORMED),
        (b"sops: text\n", Reason.MALFORMED),
        (b"a: *b\n", Reason.MALFORMED),
        (b"a: &b [*b]\n", Reason.MALFORMED),
    ],
)
def test_what_is_no_file_of_sops_says_what_it_is(data, reason):
    """A file that cannot be read has a reason and a sentence, and no values."""
    snapshot = Reader(None).read(data)
    assert snapshot.reason is reason
    assert snapshot.detail
    assert snapshot.values == ()
    assert snapshot.digest.startswith("sha256:")


def test_without_an_identity_it_is_said_for_whom_the_file_is(sops):
    """The detail names recipients and what was tried by their public halves."""
    other, key = new_key(), new_key()
    data = sops.encrypt(PLAIN, recipients=(other.recipient,))
    first = min(sops.key.recipient, other.recipient)
    snapshot = Reader(Keyring.of(key.identity)).read(data)
    assert snapshot.reason is Reason.NO_IDENTITY
    assert snapshot.mac is Mac.UNCHECKED
    assert snapshot.data_key is None
    assert snapshot.detail == f"for {first[:12]}… and 1 more; tried {key.recipient[:12]}… (given)"
    assert Reader(None).read(data).detail == f"for {first[:12]}… and 1 more; read without identities"
    assert Reader(Keyring.of()).read(data).detail == f"for {first[:12]}… and 1 more; no identity is at hand"
    assert [value.type for value in snapshot.values] == [ValueType.STR] * 5 + [ValueType.INT]


def test_every_recipient_opens_the_file(sops):
    """A file for several recipients is the same to each."""
    other = new_key()
    data = sops.encrypt(PLAIN, recipients=(other.recipient,))
    mine, theirs = (Reader(Keyring.of(key.identity)).read(data) for key in (sops.key, other))
    assert mine == theirs
    assert mine.recipients == tuple(sorted((sops.key.recipient, other.recipient)))


def test_what_sops_does_to_a_file_is_followed(sops, reader):
    """After set, rotate and updatekeys the file is read on, with new iv, data key or recipients alone."""
    first = sops.encrypt(PLAIN)
    changed = sops.set(first, '["b"]["c"]', "new")
    rotated = sops.rotate(changed)
    other = new_key()
    shared = sops.updatekeys(rotated, (sops.key.recipient, other.recipient))
    a, b, c, d = map(reader.read, (first, changed, rotated, shared))
    assert {a.mac, b.mac, c.mac, d.mac} == {Mac.GOOD}
    assert [x.name for x, y in zip(a.values, b.values, strict=True) if x.token != y.token] == ["b.c"]
    assert a.data_key == b.data_key != c.data_key == d.data_key
    assert [value.iv for value in b.values] == [value.iv for value in c.values]
    assert [value.token for value in c.values] == [value.token for value in d.values]
    assert len(d.recipients) == 2
    assert Reader(Keyring.of(other.identity)).read(d_data := shared).mac is Mac.GOOD, d_data


def test_other_providers_are_recipients_too(sops, reader):
    """Keys of PGP, cloud providers and Vault are named by provider and key."""
    more = b"""    pgp: [{fp: ABCD, enc: x, created_at: "2020-01-01T00:00:00Z"}]
    kms: [{arn: "arn:aws:kms:x", enc: x}]
    gcp_kms: [{resource_id: projects/p, enc: x}]
    azure_kv: [{vault_url: "https://v", name: k, version: v1, enc: x}]
    hc_vault: [{vault_address: "https://h", engine_path: sops, key_name: k, enc: x}]
"""
    data = sops.encrypt(PLAIN).replace(b"    lastmodified", more + b"    lastmodified")
    snapshot = reader.read(data)
    assert snapshot.mac is Mac.GOOD
    assert set(snapshot.recipients) == {
        sops.key.recipient,
        "pgp:ABCD",
        "kms:arn:aws:kms:x",
        "gcp_kms:projects/p",
        "azure_kv:https://v/k/v1",
        "hc_vault:https://h/sops/k",
    }


def test_a_second_reading_opens_nothing_again(sops, monkeypatch):
    """Data keys and values once opened are remembered across revisions."""
    calls = []
    keyring = Keyring.of(sops.key.identity)
    unwrap = Keyring.unwrap
    monkeypatch.setattr(Keyring, "unwrap", lambda self, armored: calls.append(armored) or unwrap(self, armored))
    reader = Reader(keyring)
    first = sops.encrypt(PLAIN)
    one, again, two = reader.read(first), reader.read(first), reader.read(sops.set(first, '["a"]', "x"))
    assert len(calls) == 1
    assert one == again
    kept = [(x, y) for x, y in zip(one.values, two.values, strict=True) if x.token == y.token]
    assert len(kept) == 5
    assert all(x.secret is y.secret for x, y in kept)


def test_what_one_key_opened_another_reader_does_not_know(sops, reader):
    """A keyless reading of the same bytes shows no plaintext."""
    data = sops.encrypt(PLAIN)
    assert reader.read(data).values[0].secret is not None
    assert Reader(None).read(data).values[0].secret is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\nsops:\n    mac: x\n", True),
        (b'"sops":\n  mac: x\n', True),
        (b"sops: {mac: x}\na: 1\n", True),
        (b"a: 1\r\nsops:\r\n    mac: x\r\n", True),
        (b"sops: # note\n    mac: x\n", True),
        (b"a:\n    sops:\n        mac: x\n", False),
        (b"# sops:\n", False),
        (b"sops-version: 3\n", False),
        (b"We use sops: it is good\n", False),
        (b"sops:\n", False),
        (b"", False),
    ],
)
def test_a_glance_tells_whether_there_is_a_sops_block(data, expected):
    """A block at the top of YAML counts, a word in a text does not."""
    assert holds_sops_block(data) is expected


def test_no_plaintext_is_in_what_a_snapshot_shows(sops, reader):
    """Neither `repr` nor `detail` holds a value."""
    data = sops.encrypt("a: canary-7f3a\nb_unencrypted: canary-7f3a\n")
    broken = data.replace(_line(data, "a"), b"a: canary-7f3a")
    for snapshot in (reader.read(data), replace(reader.read(broken), values=())):
        assert "canary" not in repr(snapshot)
        assert "canary" not in snapshot.detail
    assert isinstance(reader.read(data).values[0], Value)
