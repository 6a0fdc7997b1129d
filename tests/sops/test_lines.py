"""Files of the usual form, read by their lines: the parser of YAML and a reader that remembers nothing are the measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.model import Mac, Rules
from envgit.sops import lines
from envgit.sops.document import DocumentError
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.sops.yaml import YamlError
from envgit.sops.yaml_documents import load
from tests.kit.sops import Sops

DATA = Path(__file__).parent.parent / "data"

PLAIN = '# why\nURL: "https://x"\nEMPTY: ""\nNUMBER: 7\nFLAG: true\nLONG_NAME-1: "a b"\n'
SOURCES = {
    "plain": PLAIN,
    "one": "A: b\n",
    "no comment": "A: b\nB: c\n",
    "words": "yes: a\nno_: b\nnull_: c\nn: d\n",
}


@pytest.fixture(scope="module")
def sops(tmp_path_factory: pytest.TempPathFactory) -> Sops:
    return Sops(tmp_path_factory.mktemp("lines"))


def by_lines(data: bytes) -> object:
    """Return the documents of a file as its lines give them, None where it is not of the form."""
    text = lines.split(data)
    found = lines.document(text) if text is not None else None
    return (found,) if found is not None else None


def by_yaml(data: bytes) -> object:
    """Return what the parser gives, or the kind of its refusal."""
    try:
        return load(data)
    except (YamlError, DocumentError) as error:
        return type(error)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("rules", [None, Rules("encrypted_regex", "^(A|URL)$"), Rules(mac_only_encrypted=True)])
def test_what_sops_writes_is_read_alike(sops: Sops, name: str, rules: Rules | None) -> None:
    """The real sops's files are of the form unless a rule leaves values in clear, and say what the parser says, lines too."""
    data = sops.encrypt(SOURCES[name], rules)
    found = by_lines(data)
    assert found in (None, by_yaml(data))
    assert found is not None or name == "words" or (rules is not None and rules.field == "encrypted_regex")


def test_what_a_real_history_holds_is_read_alike(tmp_path: Path) -> None:
    """So are the files of three years of a real project, of which most are of the form."""
    git = ["git", "-C", str(tmp_path / "repo")]
    bundle = DATA / "langfuse" / "history.bundle"
    subprocess.run(["git", "clone", "-q", "-b", "main", str(bundle), str(tmp_path / "repo")], check=True)
    rows = subprocess.run([*git, "rev-list", "--objects", "main"], check=True, capture_output=True, text=True).stdout
    blobs = [row.split(" ")[0] for row in rows.splitlines() if row.endswith(".yaml")][::6]
    usual = 0
    for blob in blobs:
        data = subprocess.run([*git, "cat-file", "blob", blob], check=True, capture_output=True).stdout
        found = by_lines(data)
        assert found in (None, by_yaml(data))
        usual += found is not None
    assert usual > len(blobs) * 0.7, (usual, len(blobs))


ODD = (
    b"sops: x\n", b"A: 1\n", b"A: \"\"\n", b"a: ''\n", b"#c\n", b" A: b\n", b"\n", b"---\n", b"A:\n", b"B: &x y\n", b"true: \"\"\n",
    b"1: \"\"\n", b"<<: \"\"\n", b"NO: \"\"\n", b"key: ENC[AES256_GCM,data:a]\n", b"key: ENC[AES256_GCM,data:a] #\n", b"k\xc3\xa9y: \"\"\n",
    b"#\x07\n", b"A: \"\"\r\n", b"    mac: ENC[AES256_GCM,data:x]\n", b"    lastmodified: \"2026-01-01T00:00:00Z\"\n", b"    version: 3.9\n",
    b"    version: 3.11.0\n", b"    version: |\n", b"    mac_only_encrypted: true\n", b"    kms: []\n", b"    age:\n", b"    age: []\n",
    b"        - recipient: age1qq\n          enc: |\n            abc\n", b"          enc: |\n", b"             deep\n", b"            x \n",
    b"            ---\n",
    b"            abc            def\n", b"...\n", b"    unencrypted_suffix: _x\n", b"    encrypted_regex: ^(a|b)$\n", b"    unencrypted_suffix: *x\n",
    b"    unencrypted_suffix: a: b\n", b"    shamir_threshold: 2\n", b"sops:\n", b"B: \"\"\n", b"z: x",
)  # fmt: skip


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_read_by_lines_the_parser_reads_alike(sops: Sops, data: st.DataObject) -> None:
    """Lines added, dropped, doubled and mixed up: either it is none of ours, or the parser says the same."""
    pieces = _file(sops).splitlines(keepends=True)
    for _change in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(pieces)))
        kind = data.draw(st.sampled_from("add drop double swap".split()))
        if kind == "add":
            pieces.insert(place, data.draw(st.sampled_from(ODD)))
        elif pieces[place:]:
            other = data.draw(st.integers(0, len(pieces) - 1))
            if kind == "drop":
                del pieces[place]
            elif kind == "double":
                pieces.insert(other, pieces[place])
            else:
                pieces[place], pieces[other] = pieces[other], pieces[place]
    text = b"".join(pieces)
    found = by_lines(text)
    assert found is None or found == by_yaml(text)


_FILES: dict[Path, bytes] = {}


def _file(sops: Sops) -> bytes:
    if sops.folder not in _FILES:
        _FILES[sops.folder] = sops.encrypt(PLAIN)
    return _FILES[sops.folder]


def test_many_recipients_cost_what_they_are() -> None:
    """Ten times the lines take some ten times the work, whatever stands in the block: counted, since nothing here is timed."""
    looked = []

    class Block(str):
        """A text that tells how much of it is looked through for ends of lines."""

        __slots__ = ()

        def count(self, mark: str, start: int = 0, end: int = sys.maxsize) -> int:  # type: ignore[override]
            looked.append(min(end, len(self)) - start)
            return super().count(mark, start, end)

    block = Block("    version: x\n" * 5_000)
    assert [entry.value.line for entry in lines._fields(block, 7)] == list(range(7, 5_007))
    assert sum(looked) <= len(block)


def test_a_successor_is_read_as_if_it_were_the_first(sops: Sops) -> None:
    """A reader that remembers and one that does not give the same, whatever `sops set`, `rotate` or a stranger did."""
    keyring = Keyring.discover({"SOPS_AGE_KEY": sops.key.identity}, sops.folder)
    first = _file(sops)
    changed = sops.set(first, '["URL"]', "https://y")
    again = sops.set(changed, '["NUMBER"]', 8)
    rotated = sops.rotate(again)
    other = sops.encrypt(PLAIN)
    code = next(line for line in first.splitlines() if line.startswith(b"    mac:"))
    later = next(line for line in changed.splitlines() if line.startswith(b"    mac:"))
    revisions = [
        first, changed, again, rotated, first, sops.set(again, '["NEW"]', "x"), again,
        changed.replace(later, code), changed, changed.replace(b"URL: ENC", b"URL: DEC"), first, first.replace(b"https", b"x"),
        _swapped(first, b"URL", b"FLAG"), first, first.replace(b"lastmodified: \"2", b"lastmodified: \"3"), first,
        first.replace(b'EMPTY: ""', b'EMPTY: "a"'), changed,
    ]  # fmt: skip
    revisions += [first, other, changed, sops.set(other, '["URL"]', "https://z"), again, other]
    reader = Reader(keyring)
    for number, data in enumerate(revisions):
        found, fresh = reader.read(data), Reader(keyring).read(data)
        assert found == fresh, number
    assert [Reader(keyring).read(revisions[number]).mac for number in (0, 1, 2, 7)] == [Mac.GOOD] * 3 + [Mac.INVALID]


def _swapped(data: bytes, one: bytes, other: bytes) -> bytes:
    """Exchange the ciphertexts of two variables, as somebody without sops could."""
    found = data.splitlines(keepends=True)
    rows = {line.partition(b": ")[0]: number for number, line in enumerate(found)}
    a, b = rows[one], rows[other]
    found[a], found[b] = one + b": " + found[b].partition(b": ")[2], other + b": " + found[a].partition(b": ")[2]
    return b"".join(found)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_successor_is_read_as_if_it_were_the_first(sops: Sops, data: st.DataObject) -> None:
    """The same for bytes changed at any place."""
    keyring = Keyring.discover({"SOPS_AGE_KEY": sops.key.identity}, sops.folder)
    first = bytearray(_file(sops))
    reader = Reader(keyring)
    reader.read(bytes(first))
    for _change in range(data.draw(st.integers(1, 3))):
        first[data.draw(st.integers(0, len(first) - 1))] = data.draw(st.sampled_from(b'Aa0=+/,:"[]\n #'))
    assert reader.read(bytes(first)) == Reader(keyring).read(bytes(first))
