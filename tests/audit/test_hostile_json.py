"""Hostile JSON in an entry that the holder of the signing key put on the log: each is refused by name, and nothing else happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from envgit.audit import checkpoint
from envgit.audit import commit as commits
from envgit.audit.canonical import MAX_BYTES, FormatError
from envgit.audit.codec import decode_entry
from envgit.audit.entry import ChangeBody, Event, FileChange
from envgit.audit.merkle import leaf_hash
from envgit.audit.names import ENTRIES, numbered
from envgit.audit.verify import Report
from envgit.errors import CannotTell
from envgit.model import EventKind

from .chain import Chain, codes, genesis
from .golden import content, source

PLACE = 2  # where the hostile entry stands: behind a genesis and one change
MALFORMED, ALTERED = ["malformed-entry"], ["entry-altered"]

Value = dict[str, Any]


def _log() -> Chain:
    """Return an honest log of two entries."""
    chain = Chain()
    chain.add(genesis())
    file = FileChange("prod", "prod.yaml", None, content("1"), None, events=(Event(EventKind.CREATED),))
    chain.add(ChangeBody(source(1, None), (file,)))
    return chain


def _value(chain: Chain) -> Value:
    """Return the next entry, as JSON: sound but for what a case does to it."""
    file = {"environment": "prod", "path": "prod.yaml", "before": content("1"), "after": content("2"), "state": None}
    made: Value = json.loads(chain.made[-1].data)
    made["sequence"] = PLACE
    made["source"] |= {"commit": "0" * 39 + "2", "previous": "0" * 39 + "1"}
    made["files"] = [{**file, "changes": [{"kind": "added", "type": "str", "variable": "A"}]}]
    return made


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _put(chain: Chain, data: bytes) -> Report:
    """Let the holder of the key put bytes on the log, in a commit that is sound by itself, and verify."""
    assert chain.state is not None
    leaf = leaf_hash(data)
    chain.tree.put(numbered(ENTRIES, len(chain.made)), data)
    root, objects = chain.tree.flush()
    frontier = chain.state.frontier.append(leaf)
    stamp = "envgit <envgit@envgit.invalid> 1795464127 +0000"
    said = checkpoint.body(chain.origin, frontier.size, frontier.root())
    plain = (
        f"tree {root}\nparent {chain.tip}\nauthor {stamp}\ncommitter {stamp}\n\n"
        f"an entry [skip ci]\n\n{said}\nEnvgit-Entry: sha256:{leaf.hex()}\n"
    ).encode()
    chain.keep(objects)
    chain.commit(commits.attach(plain, chain.key.sign_commit(plain)))
    return chain.verify()


def _said(value: Value, key: str, text: str) -> bytes:
    """Return the entry with a key whose value is written as it is."""
    return _bytes({**value, key: "HERE"}).replace(b'"HERE"', text.encode("utf-8", "surrogatepass"))


def _variable(value: Value, text: str) -> bytes:
    """Return the entry with a variable whose name is written as it is."""
    return _bytes(value).replace(b'"variable":"A"', b'"variable":' + text.encode("utf-8", "surrogatepass"))


def _nested(levels: int, opening: str = "[", closing: str = "]", core: str = "") -> str:
    return opening * levels + core + closing * levels


def _changes(value: Value, number: int) -> bytes:
    rows = ",".join(f'{{"kind":"added","type":"str","variable":"V{place:07}"}}' for place in range(number))
    return _bytes(value).replace(b'{"kind":"added","type":"str","variable":"A"}', rows.encode())


Make = Callable[[Value], bytes]
NUMBERS = {
    "a float": "1.0",
    "a fraction": "2.5",
    "an exponent": "2e0",
    "an exponent in capitals": "2E0",
    "beyond all floats": "1e400",
    "below all floats": "-1e400",
    "near nothing": "1e-400",
    "minus nothing": "-0",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "2^53": str(2**53),
    "-2^53": str(-(2**53)),
    "2^64": str(2**64),
    "4,299 digits": "9" * 4_299,
    "4,301 digits": "9" * 4_301,
    "a million digits": "9" * 1_000_000,
    "a million digits, negative": "-" + "9" * 1_000_000,
    "a leading zero": "02",
    "a plus": "+2",
    "hexadecimal": "0x2",
    "digits of another script": "\u0662",
    "true": "true",
    "a text": '"2"',
}
FORMS: dict[str, tuple[Make, list[str]]] = {
    "nothing": (lambda v: b"", MALFORMED),
    "null": (lambda v: b"null", MALFORMED),
    "a list": (lambda v: b"[]", MALFORMED),
    "a text": (lambda v: b'"x"', MALFORMED),
    "a number": (lambda v: b"1", MALFORMED),
    "an empty object": (lambda v: b"{}", MALFORMED),
    "a byte order mark": (lambda v: b"\xef\xbb\xbf" + _bytes(v), MALFORMED),
    "UTF-16": (lambda v: _bytes(v).decode().encode("utf-16"), MALFORMED),
    "UTF-32": (lambda v: _bytes(v).decode().encode("utf-32-le"), MALFORMED),
    "a space before": (lambda v: b" " + _bytes(v), MALFORMED),
    "a newline behind": (lambda v: _bytes(v) + b"\n", MALFORMED),
    "a zero byte behind": (lambda v: _bytes(v) + b"\0", MALFORMED),
    "garbage behind": (lambda v: _bytes(v) + b"x", MALFORMED),
    "a second document behind": (lambda v: _bytes(v) * 2, MALFORMED),
    "cut off": (lambda v: _bytes(v)[:-1], MALFORMED),
    "spaces between": (lambda v: json.dumps(v, sort_keys=True).encode(), MALFORMED),
    "a comment": (lambda v: _bytes(v).replace(b"{", b"{/**/", 1), MALFORMED),
    "a comma too many": (lambda v: _bytes(v)[:-1] + b",}", MALFORMED),
    "other quotes": (lambda v: _bytes(v).replace(b'"', b"'"), MALFORMED),
    "another order of keys": (lambda v: json.dumps(v, separators=(",", ":")).encode(), MALFORMED),
    "another order inside": (
        lambda v: _bytes(v).replace(b'"kind":"added","type":"str"', b'"type":"str","kind":"added"'), MALFORMED,
    ),
    "a key twice": (lambda v: _bytes(v)[:-1] + b',"version":1}', MALFORMED),
    "a key twice, the other first": (lambda v: _bytes(v).replace(b'"version":1', b'"version":2,"version":1'), MALFORMED),
    "a key twice, the other last": (lambda v: _bytes(v).replace(b'"version":1', b'"version":1,"version":2'), MALFORMED),
    "a key twice inside": (lambda v: _bytes(v).replace(b'"kind":"added"', b'"kind":"added","kind":"added"'), MALFORMED),
    "a key twice, once escaped": (
        lambda v: _bytes(v).replace(b'"version":1', b'"\\u0076ersion":2,"version":1'), MALFORMED,
    ),
    "a key more": (lambda v: _said(v, "z", "1"), MALFORMED),
    "a key that is not ASCII": (lambda v: _said(v, "\u00fc", "1"), MALFORMED),
    "an empty key": (lambda v: _said(v, "", "1"), MALFORMED),
    "a letter escaped": (lambda v: _variable(v, r'"\u0041"'), MALFORMED),
    "a slash escaped": (lambda v: _variable(v, r'"a\/b"'), MALFORMED),
    "an escape in capitals": (lambda v: _variable(v, r'"\u001B"'), MALFORMED),
    "a tab escaped by number": (lambda v: _variable(v, r'"\u0009"'), MALFORMED),
    "a raw tab": (lambda v: _variable(v, '"\t"'), MALFORMED),
    "a raw zero": (lambda v: _variable(v, '"\0"'), MALFORMED),
    "an umlaut escaped": (lambda v: _variable(v, r'"\u00fc"'), MALFORMED),
    "a pair of surrogates escaped": (lambda v: _variable(v, r'"\ud83d\ude00"'), MALFORMED),
    "a lone surrogate escaped": (lambda v: _variable(v, r'"\ud800"'), MALFORMED),
    "a low surrogate escaped": (lambda v: _variable(v, r'"\udc80"'), MALFORMED),
    "surrogates in the wrong order": (lambda v: _variable(v, r'"\ude00\ud83d"'), MALFORMED),
    "a lone surrogate in bytes": (lambda v: _variable(v, '"\ud800"'), MALFORMED),
    "a pair of surrogates in bytes": (lambda v: _variable(v, '"\ud83d\ude00"'), MALFORMED),
    "bytes that are no UTF-8": (lambda v: _bytes(v).replace(b'"A"', b'"\xff"'), MALFORMED),
    "an overlong byte": (lambda v: _bytes(v).replace(b'"A"', b'"\xc1\x81"'), MALFORMED),
    "a character beyond Unicode": (lambda v: _bytes(v).replace(b'"A"', b'"\xf4\x90\x80\x80"'), MALFORMED),
    "a text cut off": (lambda v: _bytes(v).replace(b'"A"', b'"A'), MALFORMED),
    "an escape of nothing": (lambda v: _variable(v, r'"\x41"'), MALFORMED),
    "an escape cut off": (lambda v: _variable(v, r'"\u00"'), MALFORMED),
    "64 levels": (lambda v: _said(v, "z", _nested(64)), MALFORMED),
    "900 levels": (lambda v: _said(v, "z", _nested(900)), MALFORMED),
    "100,000 levels": (lambda v: _said(v, "z", _nested(100_000)), MALFORMED),
    "100,000 levels of objects": (lambda v: _said(v, "z", _nested(100_000, '{"a":', "}", "1")), MALFORMED),
    "a million levels, open": (lambda v: b"[" * 1_000_000, MALFORMED),
    "16 MiB of levels": (lambda v: b"[" * MAX_BYTES, MALFORMED),
    "16 MiB of objects": (lambda v: b'{"a":' * (MAX_BYTES // 5), MALFORMED),
    "16 MiB of spaces": (lambda v: b" " * MAX_BYTES, MALFORMED),
    "16 MiB of a number": (lambda v: b"1" * MAX_BYTES, MALFORMED),
    "16 MiB of a text": (lambda v: b'"' + b"x" * (MAX_BYTES - 2) + b'"', MALFORMED),
    "16 MiB of escapes": (lambda v: b'"' + rb"\u0000" * ((MAX_BYTES - 2) // 6) + b'"', MALFORMED),
    "16 MiB and a byte": (lambda v: b"x" * (MAX_BYTES + 1), ALTERED),
    "16 MiB and a byte of an entry": (lambda v: _variable(v, f'"{"x" * MAX_BYTES}"'), ALTERED),
    "20,000 changes": (lambda v: _changes(v, 20_000), ["tree-altered"]),
    "a version of 400 digits": (lambda v: _said(v, "version", "1" + "0" * 400), MALFORMED),
    "a version of 2.0": (lambda v: _said(v, "version", "2.0"), MALFORMED),
    "a version that is true": (lambda v: _said(v, "version", "true"), MALFORMED),
    "a version that is a text": (lambda v: _said(v, "version", '"2"'), MALFORMED),
    "a version that is null": (lambda v: _said(v, "version", "null"), MALFORMED),
    "a version that is a list": (lambda v: _said(v, "version", "[2]"), MALFORMED),
    "no version": (lambda v: _bytes({key: item for key, item in v.items() if key != "version"}), MALFORMED),
    "version 2 and not canonical": (lambda v: _said(v, "version", "2") + b" ", MALFORMED),
    "version 2 and a float": (lambda v: _said({**v, "version": 2}, "z", "1.5"), MALFORMED),
    "a kind in capitals": (lambda v: _bytes({**v, "kind": "Change"}), MALFORMED),
    "a kind of 65 letters": (lambda v: _bytes({**v, "kind": "x" * 65}), MALFORMED),
    "a kind with a newline": (lambda v: _bytes({**v, "kind": "change\n"}), MALFORMED),
    "an empty kind": (lambda v: _bytes({**v, "kind": ""}), MALFORMED),
    "a kind that is a list": (lambda v: _bytes({**v, "kind": ["change"]}), MALFORMED),
    "a kind that is an object": (lambda v: _bytes({**v, "kind": {}}), MALFORMED),
    "a kind to come, 65 levels deep": (lambda v: _said({**v, "kind": "x"}, "z", _nested(65)), MALFORMED),
    "a kind to come and 2^53": (lambda v: _said({**v, "kind": "x"}, "z", str(2**53)), MALFORMED),
    "a kind to come and a key that is not ASCII": (lambda v: _said({**v, "kind": "x"}, "\u00fc", "1"), MALFORMED),
    "a kind to come without an origin": (
        lambda v: _bytes({key: item for key, item in {**v, "kind": "x"}.items() if key != "origin"}), MALFORMED,
    ),
    "another origin": (lambda v: _bytes({**v, "origin": "git.example/other"}), ["wrong-origin"]),
    "an origin of two lines": (lambda v: _bytes({**v, "origin": "git.example/a\nb"}), MALFORMED),
    "an origin of a megabyte": (lambda v: _bytes({**v, "origin": "x" * (1 << 20)}), MALFORMED),
    "a sequence below nothing": (lambda v: _bytes({**v, "sequence": -1}), MALFORMED),
    "another sequence": (lambda v: _bytes({**v, "sequence": 2**53 - 1}), ["wrong-sequence"]),
    "a second genesis": (lambda v: b"GENESIS", ["second-genesis"]),
}  # fmt: skip
FORMS |= {
    f"{name}, for a sequence": (lambda v, text=text: _said(v, "sequence", text), MALFORMED)
    for name, text in NUMBERS.items()
}
NEWER: dict[str, Make] = {
    "version 2": lambda v: _said(v, "version", "2"),
    "version 0": lambda v: _said(v, "version", "0"),
    "version -1": lambda v: _said(v, "version", "-1"),
    "the last version": lambda v: _said(v, "version", str(2**53 - 1)),
    "version 2 and nothing else": lambda v: b'{"version":2}',
    "a kind to come": lambda v: _bytes({**v, "kind": "later"}),
    "a kind to come, 64 levels deep": lambda v: _said({**v, "kind": "later"}, "z", _nested(63)),
    "a kind to come, with a million lists": lambda v: _said({**v, "kind": "later"}, "z", f"[{'[],' * 999_999}[]]"),
}


SMALL = [name for name, (_make, said) in FORMS.items() if said == MALFORMED and "16 MiB" not in name]


@pytest.mark.parametrize("name", FORMS)
def test_hostile_json_is_refused_by_name(name: str) -> None:
    """Well signed and not what a writer would have made: the entries before it stand, and this one has one problem."""
    make, expected = FORMS[name]
    chain = _log()
    data = make(_value(chain))
    report = _put(chain, chain.made[0].data.replace(b'"sequence":0', b'"sequence":2') if data == b"GENESIS" else data)
    assert (codes(report), report.good, report.entries, report.newer_from) == (expected, PLACE, PLACE + 1, None)
    assert "\n" not in report.problems[0].detail
    assert len(report.problems[0].detail) < 300


def test_a_million_changes_are_refused() -> None:
    """An entry of 40 MB is altered, or too large to be looked at; it is neither decoded nor accepted."""
    chain = _log()
    data = _changes(_value(chain), 1_000_000)
    with pytest.raises(FormatError):
        decode_entry(data)
    try:
        report = _put(chain, data)
    except CannotTell as error:
        assert "too large" in str(error)
    else:
        assert (codes(report), report.good) == (ALTERED, PLACE)


@pytest.mark.parametrize("name", NEWER)
def test_what_is_to_come_is_left_to_a_newer_program(name: str) -> None:
    """A version or kind that is not known is no problem and not accepted: from there on a newer envgit is needed."""
    chain = _log()
    report = _put(chain, NEWER[name](_value(chain)))
    assert (codes(report), report.newer_from, report.good) == ([], PLACE, PLACE + 1)
    assert report.state is not None
    assert report.state.size == PLACE


@pytest.mark.parametrize("name", FORMS)
def test_decoding_hostile_json_raises_nothing_else(name: str) -> None:
    """Who reads the entry without verifying it gets FormatError, or an entry, and no other exception."""
    try:
        decode_entry(FORMS[name][0](_value(_log())))
    except FormatError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", SMALL)
def test_hostile_json_begins_no_log(name: str) -> None:
    """The same bytes in the place of the genesis begin no log."""
    chain = _log()
    data = FORMS[name][0](_value(chain))
    first = chain.made[0]
    parts = chain.objects[first.commit][1].decode(), leaf_hash(first.data).hex(), leaf_hash(data).hex()
    tree = type(chain.tree)(lambda oid: chain.objects[oid][1], first.tree)
    tree.put(numbered(ENTRIES, 0), data)
    root, objects = tree.flush()
    chain.keep(objects)
    plain = commits.without_signature(parts[0].replace(parts[1], parts[2]).replace(first.tree, root).encode())
    chain.commit(commits.attach(plain, chain.key.sign_commit(plain)))
    report = chain.verify()
    assert (codes(report), report.good, report.state) == (MALFORMED, 0, None)


@pytest.mark.parametrize(
    "text", [_nested(200), _nested(900), _nested(65, '{"a":', "}", "1")], ids=["200", "900", "objects"]
)
def test_another_version_is_no_way_around_the_depth(text: str) -> None:
    """What lies deeper than 64 levels is no JSON of any version: whoever reads it on whatever Python says the same."""
    chain = _log()
    report = _put(chain, _said({**_value(chain), "version": 2}, "z", text))
    assert (codes(report), report.newer_from) == (MALFORMED, None)


def test_a_version_that_is_false_is_malformed() -> None:
    """A version is an integer: false is none, as true is none, and needs no newer program."""
    chain = _log()
    report = _put(chain, _said(_value(chain), "version", "false"))
    assert (codes(report), report.newer_from) == (MALFORMED, None)
