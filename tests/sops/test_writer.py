"""A new file is as sops would write it: accepted by it, comments and order kept, and laid out the same."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envgit.errors import UsageError
from envgit.model import Mac, Rules
from envgit.sops.emit import string
from envgit.sops.scalars import resolve
from envgit.sops.writer import encrypt
from envgit.sops.yaml import plain
from tests.kit.sops import new_key
from tests.sops.trees import tree

NOW = datetime(2026, 11, 23, 20, 51, 36, 999, tzinfo=UTC)
SOURCE = """# head

A: hello
B: 5   # inline
c: # behind a key
    # inside
    d: yes
    "true": "true"
    # tail in c
f:
    - 1
    # second
    - x: 1
      y: [2, {z: 3}]
l:
    - 1
    # tail in the list
g: {}
h: []
i: ""
j:
k: |
    line one
    line two
open_unencrypted: 'a: b'
time_unencrypted: 2020-01-02
float_unencrypted: 1e3
small_unencrypted: 0.00001
huge_unencrypted: 1.5e+30
big_unencrypted: 123456789.5
"tls.crt": x
# end
"""


def _layout(text: str) -> str:
    return re.sub(r"ENC\[[^\]]*type:(\w+)\]", r"ENC \1", text).split("sops:\n")[0]


def test_the_layout_is_that_of_sops(sops):
    """But for ciphertext, a file is the very text that sops writes."""
    ours = encrypt(SOURCE, [sops.key.recipient], now=NOW)
    assert _layout(ours) == _layout(sops.encrypt(SOURCE).decode())
    assert sops.json(ours.encode()) == sops.json(sops.encrypt(SOURCE))


@pytest.mark.parametrize("seed", range(12))
def test_the_layout_of_random_trees_is_that_of_sops(sops, seed):
    """Random trees are laid out as by sops, but for comments behind empty lists, which it puts inside or drops."""
    text = tree(seed).replace("]  # public inline", "]").replace("}  # public inline", "}")
    ours = encrypt(text, [sops.key.recipient], now=NOW)
    assert _layout(ours) == _layout(sops.encrypt(text).decode())


def test_comments_are_encrypted_and_come_back(sops):
    """Every comment that sops keeps is in what sops decrypts."""
    (sops.folder / "x.yaml").write_text(encrypt(SOURCE, [sops.key.recipient], now=NOW))
    text = sops.ok("decrypt", "x.yaml").decode()
    assert re.findall(r"# ?(.*)", text) == re.findall(r"# ?(.*)", SOURCE)


def test_sops_goes_on_where_we_began(sops, reader):
    """A file of ours takes sops's set and rotate, and stays good."""
    data = encrypt(SOURCE, [sops.key.recipient], now=NOW).encode()
    changed = sops.set(data, '["c"]["d"]', "new")
    for file in (data, changed, sops.rotate(changed)):
        assert reader.read(file).mac is Mac.GOOD
    kept = zip(reader.read(data).values, reader.read(changed).values, strict=True)
    assert [old.name for old, new in kept if old.token != new.token] == ["c.d"]


def test_key_recipients_rules_and_time_are_those_given(sops, reader):
    """The data key is the one given, `lastmodified` is UTC in whole seconds, recipients stay in order."""
    other = new_key()
    now = NOW.astimezone(timezone(timedelta(hours=5)))
    rules = Rules("encrypted_regex", "^a: ", mac_only_encrypted=True)
    data = encrypt("a: 1\nb: 2\n", [other.recipient, sops.key.recipient], rules=rules, now=now, data_key=bytes(32))
    snapshot = reader.read(data.encode())
    assert snapshot.data_key.reveal() == bytes(32)
    assert snapshot.rules == rules
    assert 'lastmodified: "2026-11-23T20:51:36Z"' in data
    assert re.findall(r"recipient: (\S+)", data) == [other.recipient, sops.key.recipient]
    assert sops.accepts(data.encode())


def test_several_documents_are_written(sops, reader):
    """Each document carries the block, and sops reads them all."""
    data = encrypt("a: 1\n---\nb: 2\n", [sops.key.recipient], now=NOW).encode()
    assert sops.accepts(data)
    assert [value.name for value in reader.read(data).values] == ["a", "@1.b"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "line 1: it is no mapping"),
        ("a: [\n", "no valid YAML"),
        ("a: 1\nsops: {}\n", "sops key"),
        ("5: x\n", "line 1"),
        ("a: 1\na: 2\n", "line 2"),
    ],
)
def test_what_sops_would_refuse_is_refused(text, problem):
    """Text that sops does not take is an error that says where."""
    with pytest.raises(UsageError, match=problem):
        encrypt(text, [new_key().recipient], now=NOW)


def test_without_recipients_nothing_is_written():
    """A file that nobody can open is an error."""
    with pytest.raises(UsageError, match="recipient"):
        encrypt("a: 1\n", [], now=NOW)


def test_a_negative_zero_in_clear_stays_good(sops, reader):
    """The real sops refuses the file that it writes of a clear -0.0; ours it takes."""
    source = "a_unencrypted: -0.0\n"
    assert not sops.accepts(sops.encrypt(source))
    ours = encrypt(source, [sops.key.recipient], now=NOW).encode()
    assert sops.accepts(ours)
    assert reader.read(ours).mac is Mac.GOOD


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=40))
def test_any_text_is_emitted_as_itself(text):
    """A string in clear, as key or value, is read back as the same string."""
    assert plain(f"k: {string(text, 4)}\n".encode()) == {"k": text}
    if "\n" not in text:
        assert plain(f"{string(text, 0)}: v\n".encode()) == {text: "v"}
        assert string(text, 0)[:1] in "\"'" or resolve(text, "", None)[1] == text.encode()


def test_clear_texts_of_every_kind_are_taken_by_sops(sops, reader):
    """Odd strings in clear survive sops's own reading, its MAC with them."""
    texts = ["a: b", "#x", "- x", "'q'", '"d"', "yes", "5", "0x1", "~", "", " lead",
             "trail ", "tab\tx", "a\nb\n", "a\n\nb", "\n", "é🔑", "x #y",
             "x:", ":x", "@x", "`x", "%x", "&x", "*x", "!x", "|", ">", "{}", "[x]", "?", "? x", "1:20", "<<", "=",
             "\x07", "\u2028", "a\r\nb", "---"]  # fmt: skip
    source = "".join(
        f"k{number}_unencrypted: {json.dumps(text, ensure_ascii=False)}\n" for number, text in enumerate(texts)
    )
    data = encrypt(source, [sops.key.recipient], now=NOW).encode()
    assert reader.read(data).mac is Mac.GOOD
    assert list(sops.json(data).values()) == texts
