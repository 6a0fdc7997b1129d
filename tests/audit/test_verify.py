"""The verifier: what it accepts, and by what name it tells each way to be wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envgit.audit import checkpoint
from envgit.audit import commit as commits
from envgit.audit.canonical import encode
from envgit.audit.codec import encode_entry
from envgit.audit.entry import ChangeBody, Entry, Event, FileChange, RewriteBody, Signers, SupplementBody
from envgit.audit.merkle import Frontier, leaf_hash
from envgit.audit.names import numbered
from envgit.audit.objects import blob_id, written
from envgit.audit.verify import Report
from envgit.errors import CannotTell
from envgit.model import ChangeKind, EventKind, ObjectId, ValueType
from tests.kit.values import replace

from .chain import KEY, KINDS, ORIGIN, OTHER_KEY, SIGNER, Chain, at, check, codes, commit_id, genesis
from .golden import FIRST_KEY, RECIPIENTS, Change, added, content, granted, key_event, mark, source
from .tamper import propagated


def grow(chain: Chain, number: int) -> None:
    """Append an honest change of one file."""
    file = FileChange(
        "prod",
        "prod.yaml",
        content(str(number - 1)) if number > 1 else None,
        content(str(number)),
        None,
        key=FIRST_KEY.id,
        events=(Event(EventKind.CREATED), *granted(*RECIPIENTS), key_event(FIRST_KEY)) if number == 1 else (),
        changes=(
            added("A", "1")
            if number == 1
            else Change("A", ChangeKind.CHANGED, ValueType.STR, after=mark("A", str(number)), previous=number - 1),
        ),
    )
    chain.add(ChangeBody(source(number, number - 1 if number > 1 else None), (file,)))


def made(size: int = 5, **fields: object) -> Chain:
    """Return an honest log of `size` entries."""
    chain = Chain(**fields)  # type: ignore[arg-type]
    chain.add(genesis(signers=Signers(1, 0, (), (chain.signer,))))
    for number in range(1, size):
        grow(chain, number)
    return chain


def raw(chain: Chain, number: int) -> bytes:
    """Return the raw commit of an entry."""
    return chain.objects[chain.made[number].commit][1]


def rebuilt(chain: Chain, commits_in_order: list[bytes]) -> Report:
    """Put raw commits on top of one another, each with the parent that it now has, and verify."""
    tip: ObjectId | None = None
    for data in commits_in_order:
        was = next(iter(commits.parents(data)), ObjectId("none"))
        tip = chain.commit(data.replace(was.encode(), (tip or was).encode(), 1))
    return chain.verify()


def resigned(chain: Chain, number: int, edit: Callable[[bytes], bytes]) -> Report:
    """Let the holder of the key sign another commit for the last entry, and verify."""
    plain = commits.without_signature(raw(chain, number))
    signed = chain.signed(edit(plain))
    chain.commit(signed.data)
    return chain.verify()


def test_an_honest_log_is_good(chain: Chain) -> None:
    """The golden log has no problem, and the report says what it holds."""
    seen: list[Entry] = []
    report = chain.verify(root_at=7, observe=seen.append)
    assert (codes(report), report.warnings, report.good, report.entries) == ([], [], 19, 19)
    assert report.genesis == f"sha256:{chain.made[0].leaf.hex()}"
    assert report.root_then == chain.made[6].state.root
    assert (report.root, report.state, report.tree) == (chain.state.root, chain.state, chain.made[-1].tree)
    assert dict(report.signers) == {("envgit", "SHA256:" + _print(KEY)): 19}
    assert [entry.sequence for entry in seen] == list(range(19))
    assert seen[3].body == chain.made[3].entry.body or "%FF" in str(seen[3])


def _print(key: object) -> str:
    return repr(key).removeprefix("SigningKey(SHA256:").removesuffix(")")


def test_every_prefix_of_a_log_is_good(chain: Chain) -> None:
    """A log that is cut is sound by itself: only a pin or the source branch shows what is missing."""
    for entry in chain.made:
        report = check(chain.objects, entry.commit)
        assert (codes(report), report.good) == ([], entry.entry.sequence + 1)


WITHOUT_KEY: dict[str, tuple[str, int, Callable[[Chain], Report]]] = {
    "an entry dropped": ("wrong-sequence", 2, lambda c: rebuilt(c, [raw(c, n) for n in (0, 1, 3, 4)])),
    "two entries swapped": ("wrong-sequence", 2, lambda c: rebuilt(c, [raw(c, n) for n in (0, 1, 3, 2, 4)])),
    "an entry twice": ("wrong-sequence", 2, lambda c: rebuilt(c, [raw(c, n) for n in (0, 1, 1, 2)])),
    "the first entry gone": ("wrong-sequence", 0, lambda c: rebuilt(c, [raw(c, 1).replace(_parent(c, 1), b"")])),
    "a commit on top": ("not-an-entry", 5, lambda c: _on_top(c, b"hello\n")),
    "a commit on top with a trailer": (
        "bad-signature",
        5,
        lambda c: _on_top(c, b"x\n\nEnvgit-Entry: sha256:" + b"0" * 64 + b"\n"),
    ),
    "signature of another entry": ("bad-signature", 4, lambda c: _transplanted(c)),
    "armor re-wrapped": ("bad-signature", 4, lambda c: _edited(c, lambda r: _rewrapped(r))),
    "text after the armor": (
        "bad-signature",
        4,
        lambda c: _edited(c, lambda r: r.replace(b"END SSH SIGNATURE-----", b"END SSH SIGNATURE-----\n x")),
    ),
    "a second signature": (
        "bad-signature",
        4,
        lambda c: _edited(c, lambda r: r.replace(b"-----\n\n", b"-----\ngpgsig-sha256 x\n\n")),
    ),
    "an unsigned header": (
        "commit-altered",
        4,
        lambda c: _edited(c, lambda r: r.replace(b"\ngpgsig", b"\nencoding UTF-16\ngpgsig")),
    ),
    "a header before the tree": ("commit-altered", 4, lambda c: _edited(c, lambda r: b"x y\n" + r)),
    "no tree": ("entry-altered", 4, lambda c: _edited(c, lambda r: b"x" + r)),
    "no tree before another": ("entry-altered", 4, lambda c: _edited(c, lambda r: b"tree none\n" + r)),
    "another tree behind the tree": ("commit-altered", 4, lambda c: _edited(c, lambda r: _twice(r))),
    "a second parent": (
        "extra-parent",
        4,
        lambda c: _edited(c, lambda r: r.replace(b"\nauthor", b"\nparent " + b"0" * 40 + b"\nauthor")),
    ),
    "another author": (
        "commit-altered",
        4,
        lambda c: _edited(c, lambda r: r.replace(b"author Alice", b"author Mallory")),
    ),
    "another message": ("commit-altered", 4, lambda c: _edited(c, lambda r: r.replace(b"changed", b"removed"))),
    "another time": ("commit-altered", 4, lambda c: _edited(c, lambda r: r.replace(b"17954", b"17953"))),
    "signed by somebody else": ("unknown-signer", 4, lambda c: _signed_by(c, OTHER_KEY)),
    "an entry edited": ("entry-altered", 2, lambda c: _entry_edited(c)),
    "log.json edited": ("tree-altered", 2, lambda c: _blob_edited(c, b'"size":3', b'"size":4')),
    "a variable edited": ("tree-altered", 2, lambda c: _blob_edited(c, b'"entry":2,"fing', b'"entry":1,"fing')),
    "a tree as the tip": ("not-an-entry", 0, lambda c: check(c.objects, c.made[-1].tree)),
    "a blob as the tip": ("not-an-entry", 0, lambda c: check(c.objects, blob_id(c.made[0].data))),
}


def _parent(chain: Chain, number: int) -> bytes:
    return f"parent {commits.parents(raw(chain, number))[0]}\n".encode()


def _twice(data: bytes) -> bytes:
    tree = data.partition(b"\n")[0]
    return data.replace(tree, tree + b"\ntree " + b"0" * 40, 1)


def _on_top(chain: Chain, message: bytes) -> Report:
    person = b"x <x@y> 1 +0000"
    head = f"tree {chain.made[-1].tree}\nparent {chain.tip}\n".encode()
    chain.commit(head + b"author " + person + b"\ncommitter " + person + b"\n\n" + message)
    return chain.verify()


def _edited(chain: Chain, edit: Callable[[bytes], bytes]) -> Report:
    data = raw(chain, 4)
    changed = edit(data)
    assert changed != data
    chain.commit(changed)
    return chain.verify()


def _transplanted(chain: Chain) -> Report:
    armor = commits.detach(raw(chain, 3))[1]
    return _edited(chain, lambda data: commits.attach(commits.without_signature(data), armor))


def _rewrapped(data: bytes) -> bytes:
    plain, armor = commits.detach(data)
    lines = armor.split("\n")
    return commits.attach(plain, "\n".join([lines[0], "".join(lines[1:-1]), lines[-1]]))


def _signed_by(chain: Chain, key: object) -> Report:
    chain.key = key  # type: ignore[assignment]
    return resigned(chain, 4, lambda plain: plain)


def _entry_edited(chain: Chain) -> Report:
    data = chain.made[2].data
    return propagated(chain, blob_id(data), data.replace(b'"previous":1', b'"previous":0')).verify()


def _blob_edited(chain: Chain, old: bytes, new: bytes) -> Report:
    first = next(
        made
        for made in chain.made[2].objects
        if made.kind == "blob" and old in made.data and b'"version":1,' not in made.data[-14:]
    )
    return propagated(chain, first.id, first.data.replace(old, new)).verify()


@pytest.mark.parametrize("name", WITHOUT_KEY)
def test_whoever_has_no_key_is_caught(name: str) -> None:
    """Each tampering is told by its code, at its entry, and everything before it still stands."""
    code, sequence, attack = WITHOUT_KEY[name]
    report = attack(made())
    assert (codes(report), report.problems[0].sequence, report.good) == ([code], sequence, sequence)


HOLDER: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "two committers": ("commit-altered", lambda p: p.replace(b"\n\n", b"\ncommitter x <x@y> 1 +0000\n\n", 1)),
    "two authors": ("commit-altered", lambda p: p.replace(b"\nauthor", b"\nauthor x <x@y> 1 +0000\nauthor")),
    "two trees": ("commit-altered", lambda p: p.replace(b"\nparent", b"\ntree " + b"0" * 40 + b"\nparent")),
    "two parents": ("extra-parent", lambda p: p.replace(b"\nauthor", b"\nparent " + b"0" * 40 + b"\nauthor")),
    "an encoding": ("commit-altered", lambda p: p.replace(b"\n\n", b"\nencoding UTF-16\n\n", 1)),
    "NUL in the message": ("commit-altered", lambda p: p.replace(b"[skip ci]", b"\0[skip ci]")),
    "carriage returns": ("commit-altered", lambda p: p.replace(b"[skip ci]", b"[skip ci]\r")),
    "a misleading subject": ("commit-altered", lambda p: p.replace(b"A changed", b"B changed")),
    "a backdated committer": ("commit-altered", lambda p: p.replace(b"1795", b"1695")),
    "another root": ("commit-altered", lambda p: p.replace(b"\n5\n", b"\n5\nA", 1)),
    "another size": ("wrong-sequence", lambda p: p.replace(b"\n5\n", b"\n6\n")),
    "another leaf": ("entry-altered", lambda p: p[:-65] + b"0" * 64 + b"\n"),
    "no leaf": ("not-an-entry", lambda p: p[:-66] + b"\n"),
    "no parent": ("wrong-sequence", lambda p: p.replace(p[46:94], b"")),
}


@pytest.mark.parametrize("name", HOLDER)
def test_even_the_key_signs_only_what_an_entry_makes(name: str) -> None:
    """Whoever has the signing key cannot sign a commit that says other than its entry."""
    code, edit = HOLDER[name]
    assert codes(resigned(made(), 4, edit)) == [code]


def test_a_file_beside_the_log_is_told() -> None:
    """A tree with one more file, signed by the key itself, is not what the entries make."""
    chain = made(3)
    chain.tree.put(("extra",), b"")
    grow(chain, 3)
    assert codes(chain.verify()) == ["tree-altered"]


def test_another_origin_is_told() -> None:
    """An entry of another log with the same key is not one of this."""
    chain = made(3)
    chain.origin = "git.example/other/envgit-audit"
    grow(chain, 3)
    assert codes(chain.verify()) == ["wrong-origin"]


def test_a_chain_of_another_log_is_another_genesis() -> None:
    """The whole log of another origin is sound, and its genesis is another one."""
    one, other = made(3).verify(), made(3, origin="git.example/other/envgit-audit").verify()
    assert codes(other) == []
    assert one.genesis != other.genesis


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"kinds": tuple(kind for kind in KINDS if kind != "change")}, "unknown-signer"),
        ({"from_": 1}, "unknown-signer"),
        ({"key": OTHER_KEY.public_line}, "unknown-signer"),
        ({"key": "no key"}, "wrong-signers"),
        ({"name": "a\nparent b <c>"}, ""),
    ],
)
def test_signers_are_held_to_what_genesis_says(edit: dict[str, object], code: str) -> None:
    """The key must be named, for the kind of the entry, from its sequence on; a hostile name ends no header."""
    signer = replace(SIGNER, **edit)  # type: ignore[arg-type]
    assert codes(made(2, signer=signer).verify()) == ([code] if code else [])


def test_second_genesis_and_none() -> None:
    """A genesis stands at the beginning and nowhere else."""
    chain = made(2)
    entry = replace(chain.made[0].entry, sequence=2, recorded_at=at(3))
    assert codes(_forged(chain, encode_entry(entry))) == ["second-genesis"]
    assert codes(_forged(Chain(), encode_entry(replace(made(2).made[1].entry, sequence=0)))) == ["wrong-genesis"]


def _forged(chain: Chain, data: bytes, edit: Callable[[bytes], bytes] = lambda plain: plain) -> Report:
    """Append bytes as an entry, with a checkpoint as it should be and no more than them in the tree, and verify."""
    frontier = (chain.state.frontier if chain.state else Frontier()).append(leaf_hash(data))
    chain.tree.put(numbered("entries", frontier.size - 1), data)
    root, objects = chain.tree.flush()
    person = "x <x@y> 1 +0000"
    head = (
        f"tree {root}\n" + (f"parent {chain.tip}\n" if chain.tip else "") + f"author {person}\ncommitter {person}\n\n"
    )
    middle = checkpoint.body(ORIGIN, frontier.size, frontier.root())
    body = f"x\n\n{middle}\nEnvgit-Entry: sha256:{leaf_hash(data).hex()}\n"
    signed = chain.signed(edit((head + body).encode()))
    chain.keep([*objects, signed])
    chain.tip = signed.id
    if chain.state is not None:
        record = replace(chain.state.record, size=frontier.size)
        chain.state = replace(chain.state, record=record, frontier=frontier)
    return chain.verify()


ENVELOPE = {"version": 1, "origin": ORIGIN, "sequence": 3, "recorded_at": at(9), "recorder": {"tool": "envgit 9"}}


def test_a_newer_kind_is_no_tampering() -> None:
    """From an unknown kind on, hash, root, headers and signature are checked, and no more is claimed."""
    chain = made(3)
    report = _forged(chain, encode({**ENVELOPE, "kind": "later", "size": 3}))
    assert (codes(report), report.good, report.newer_from) == ([], 4, 3)
    report = _forged(chain, encode({**ENVELOPE, "sequence": 4, "kind": "change", "files": "of another form"}))
    assert (codes(report), report.good, report.newer_from, report.entries) == ([], 5, 3, 5)
    assert report.root == chain.state.root if chain.state else False
    assert report.state is not None
    assert report.state.size == 3


def test_a_newer_version_is_no_tampering() -> None:
    """The same for an entry of another version of the format."""
    report = _forged(made(3), encode({**ENVELOPE, "version": 2, "kind": "change"}))
    assert (codes(report), report.good, report.newer_from) == ([], 4, 3)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda p: p.replace(b"\n\n", b"\nauthor x <x@y> 1 +0000\n\n", 1), "commit-altered"),
        (lambda p: p.replace(ORIGIN.encode(), b"elsewhere"), "commit-altered"),
        (lambda p: p.replace(b"\n4\n", b"\n4\nAAAA", 1), "commit-altered"),
    ],
)
def test_what_can_be_checked_of_a_newer_kind_is(edit: Callable[[bytes], bytes], code: str) -> None:
    """Its headers and its checkpoint are held to what every entry's are."""
    report = _forged(made(3), encode({**ENVELOPE, "kind": "later"}), edit)
    assert (codes(report), report.newer_from) == ([code], None)


def test_the_signer_of_a_newer_kind_is_known() -> None:
    """A newer kind by a strange key is told; after one, a strange key may have been named by it."""
    chain = made(3)
    chain.key = OTHER_KEY
    assert codes(_forged(chain, encode({**ENVELOPE, "kind": "later"}))) == ["unknown-signer"]
    chain = made(3)
    _forged(chain, encode({**ENVELOPE, "kind": "later"}))
    chain.key = OTHER_KEY
    report = _forged(chain, encode({**ENVELOPE, "sequence": 4, "kind": "change"}))
    assert (codes(report), report.good, report.entries, report.newer_from) == ([], 4, 5, 3)


def _change(**fields: object) -> ChangeBody:
    given: dict[str, object] = {
        "before": content("2"), "after": content("3"), "previous": 2, "commit": 3, "last": 2, "variable": "A", **fields,
    }  # fmt: skip
    change = Change(
        str(given["variable"]), ChangeKind.CHANGED, ValueType.STR, after=mark("A", "3"), previous=given["previous"],  # type: ignore[arg-type]
    )  # fmt: skip
    file = FileChange("prod", "prod.yaml", given["before"], given["after"], None, key=FIRST_KEY.id, changes=(change,))  # type: ignore[arg-type]
    return ChangeBody(source(given["commit"], given["last"]), (file,))  # type: ignore[arg-type]


def _told(of: int, **fields: object) -> SupplementBody:
    file = FileChange(
        "prod", "prod.yaml", content("1"), content("2"), None, key=FIRST_KEY.id,
        changes=(Change("A", ChangeKind.CHANGED, ValueType.STR, after=mark("A", "2"), previous=1),),
    )  # fmt: skip
    return SupplementBody(of, (replace(file, **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bodies", "code"),
    [
        ([_change()], None),
        ([_change(before=content("1"))], "digest-gap"),
        ([_change(before=None)], "digest-gap"),
        ([_change(previous=1)], "wrong-previous"),
        ([_change(previous=3)], "wrong-previous"),
        ([_change(previous=7)], "wrong-previous"),
        ([_change(previous=None)], "wrong-previous"),
        ([_change(variable="B")], "wrong-previous"),
        ([_change(last=1)], "wrong-step"),
        ([_change(last=None)], "wrong-step"),
        ([_change(commit=2)], "wrong-step"),
        ([RewriteBody("main", commit_id(1), commit_id(9), at(0), ())], "wrong-step"),
        ([_told(2)], None),
        ([_told(2), _told(2)], "wrong-supplement"),
        ([_told(3)], "wrong-supplement"),
        ([_told(1, changes=())], "wrong-supplement"),
        ([_told(2, changes=(replace(_told(2).files[0].changes[0], previous=2),))], "wrong-previous"),
        ([_told(2, after=content("x"))], "wrong-supplement"),
        ([_told(2, environment="other")], "wrong-supplement"),
    ],
)
def test_links_between_entries(bodies: list[ChangeBody], code: str | None) -> None:
    """What the key's holder left out or told wrongly shows where an entry does not take up what was there."""
    chain = made(3)
    for body in bodies:
        chain.add(body)
    report = chain.verify()
    assert set(codes(report)) == ({code} if code else set())
    assert report.good == report.entries == 3 + len(bodies)


def test_time_that_goes_back_is_a_warning() -> None:
    """Clocks differ: an entry recorded before its predecessor is odd and proves nothing."""
    chain = made(2)
    chain.add(_change(before=content("1"), previous=1, last=1), recorded_at=at(0))
    report = chain.verify()
    assert (codes(report), [str(warning.code) for warning in report.warnings]) == ([], ["time-goes-back"])


@pytest.mark.parametrize("kind", ["commit", "blob", "tree"])
def test_what_is_not_here_cannot_be_told(kind: str) -> None:
    """A missing or damaged object is no tampering, and never a good log."""
    for damage in (lambda objects, oid: objects.pop(oid), lambda objects, oid: objects.update({oid: (kind, b"other")})):
        chain = made(3)
        entry = chain.made[1]
        oid = {"commit": entry.commit, "blob": blob_id(entry.data), "tree": chain.made[-1].tree}[kind]
        damage(chain.objects, oid)
        with pytest.raises(CannotTell):
            chain.verify()


def test_an_entry_that_is_too_large_is_not_read() -> None:
    """The size is asked before the bytes: no memory is spent on a bomb."""
    chain = made(2)
    entry = chain.made[1]
    bomb = written("blob", b"x" * ((16 << 20) + 1))
    changed = propagated(chain, blob_id(entry.data), bomb.data)
    assert codes(changed.verify()) == ["entry-altered"]


def test_malformed_entries_are_told_and_nothing_is_raised() -> None:
    """What is signed and no entry is malformed, whatever it is."""
    for data in (b"", b"x", b"[]", b"{}", encode({**ENVELOPE, "kind": "change"}), b"[" * 10_000):
        assert codes(_forged(made(3), data)) == ["malformed-entry"]


def test_a_re_encryption_of_nothing_does_not_follow() -> None:
    """An entry that is well-formed and cannot be applied is malformed too."""
    file = FileChange(
        "prod", "prod.yaml", content("2"), content("3"), None, changes=(Change("Z", ChangeKind.REENCRYPTED),)
    )
    entry = replace(made(3).made[2].entry, sequence=3, body=ChangeBody(source(3, 2), (file,)))
    assert codes(_forged(made(3), encode_entry(entry))) == ["malformed-entry"]
