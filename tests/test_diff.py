"""Two snapshots of one file: what changed is told from what was only encrypted again, with and without values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.diff import compare
from envgit.model import ChangeKind, Digest, EventKind, Reason, Secret, Snapshot, Value, ValueType


def value(name: str, text: str | None, token: str = "t", kind: ValueType = ValueType.STR, iv: bytes = b"i") -> Value:
    return Value(name, kind, None if text is None else Secret(text.encode()), token, iv if token else b"", False, 1)


def snapshot(*values: Value, digest: str = "a", **more: object) -> Snapshot:
    return Snapshot(Digest(digest), values, **more)  # type: ignore[arg-type]


CASES = [
    (value("A", "one"), value("A", "two", "u"), ChangeKind.CHANGED),
    (value("A", "one"), value("A", "one", "u"), ChangeKind.REENCRYPTED),
    (value("A", "one"), value("A", "one"), None),
    (value("A", "1"), value("A", "1", "u", ValueType.INT), ChangeKind.RETYPED),
    (value("A", "one"), value("A", "one", ""), ChangeKind.DISCLOSED),
    (value("A", "one", ""), value("A", "one"), ChangeKind.CONCEALED),
    (value("A", None), value("A", None, "u"), ChangeKind.OPAQUE),
    (value("A", None), value("A", None), None),
    (value("A", None), value("A", "one"), None),
    (value("A", ""), value("A", "", "", ValueType.NULL), ChangeKind.CHANGED),
]


@pytest.mark.parametrize(("old", "new", "kind"), CASES)
def test_a_pair_of_values_is_of_one_kind(old: Value, new: Value, kind: ChangeKind | None) -> None:
    """Plaintext decides where it is known, ciphertext where it is not."""
    changes = compare(snapshot(old), snapshot(new, digest="b")).changes
    assert [change.kind for change in changes] == ([] if kind is None else [kind])


def test_a_rename_needs_one_pair_of_a_long_value() -> None:
    """Same value of eight bytes and more, exactly once on either side; else it is one added and one removed."""
    renamed = compare(snapshot(value("A", "long-value")), snapshot(value("B", "long-value", "u"), digest="b"))
    assert [(change.kind, change.before and change.before.name) for change in renamed.changes] == [
        (ChangeKind.RENAMED, "A")
    ]
    short = compare(snapshot(value("A", "short")), snapshot(value("B", "short", "u"), digest="b"))
    assert {change.kind for change in short.changes} == {ChangeKind.ADDED, ChangeKind.REMOVED}
    twice = compare(
        snapshot(value("A", "long-value")),
        snapshot(value("B", "long-value", "u"), value("C", "long-value", "v"), digest="b"),
    )
    assert ChangeKind.RENAMED not in {change.kind for change in twice.changes}


def test_the_same_nonce_is_a_hint_and_no_verdict() -> None:
    """Without values a kept nonce stays opaque: whoever holds the data key could forge it."""
    change = compare(snapshot(value("A", None)), snapshot(value("A", None, "u"), digest="b")).changes[0]
    assert (change.kind, change.same_iv) == (ChangeKind.OPAQUE, True)


def test_an_unreadable_file_changes_no_variable_and_says_why() -> None:
    """What cannot be read is an event; its variables are not said to be gone."""
    found = compare(snapshot(value("A", "one")), Snapshot(Digest("b"), reason=Reason.PLAINTEXT))
    assert [(event.kind, event.reason) for event in found.events] == [(EventKind.UNREADABLE, Reason.PLAINTEXT)]
    assert found.changes == ()


def test_against_an_unreadable_file_nothing_is_known_to_change() -> None:
    """No variable is called added and no access granted where the older side is not known; nor is it called text only."""
    unread = Snapshot(Digest("b"), reason=Reason.MALFORMED)
    found = compare(unread, snapshot(value("A", "one"), recipients=("age1x",)))
    assert (found.events, found.changes) == ((), ())
    assert [event.kind for event in compare(unread, None).events] == [EventKind.DELETED]


def test_nothing_but_bytes_is_text_only() -> None:
    """Comments, order and format are said to be that, where nothing else is."""
    assert [
        event.kind for event in compare(snapshot(value("A", "x")), snapshot(value("A", "x"), digest="b")).events
    ] == [EventKind.TEXT_CHANGED]


VALUES = st.dictionaries(
    st.sampled_from("ABCDEF"), st.sampled_from(["one", "two", "a-long-value", "another-long-one"]), max_size=6
)


@given(VALUES, VALUES)
def test_the_changes_lead_from_one_side_to_the_other(old: dict[str, str], new: dict[str, str]) -> None:
    """Applied to the older side, what is told gives exactly the newer one."""
    before = snapshot(*(value(name, text, f"{name}{text}") for name, text in old.items()))
    after = snapshot(*(value(name, text, f"{name}{text}") for name, text in new.items()), digest="b")
    state = dict(old)
    for change in compare(before, after).changes:
        if change.before is not None and change.kind in (ChangeKind.REMOVED, ChangeKind.RENAMED):
            del state[change.before.name]
    for change in compare(before, after).changes:
        if change.after is not None and change.after.secret is not None:
            state[change.name] = change.after.secret.reveal().decode()
    assert state == new
