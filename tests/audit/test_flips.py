"""Every byte of every object of a small log counts."""

from __future__ import annotations

import pytest

from envgit.audit.entry import ChangeBody, Event, FileChange
from envgit.errors import CannotTell
from envgit.model import EventKind

from .chain import Chain, genesis
from .golden import FIRST_KEY, added, content, key_event, source
from .tamper import propagated


def small() -> Chain:
    """Return a log of three entries."""
    chain = Chain(origin="o")
    chain.add(genesis())
    created = (Event(EventKind.CREATED), key_event(FIRST_KEY))
    for number, (events, change) in enumerate(((created, added("A", "1")), ((), added("B", "2"))), start=1):
        file = FileChange(
            "p", "p", content(str(number - 1)) if number > 1 else None, content(str(number)), None,
            key=FIRST_KEY.id, events=events, changes=(change,),
        )  # fmt: skip
        chain.add(ChangeBody(source(number, number - 1 or None), (file,)))
    return chain


CHAIN = small()
# The store refuses bytes that are not what their name says, so that a flip is a new object, and a new log on top of it.
OBJECTS = [(oid, kind) for oid, (kind, _data) in CHAIN.objects.items()]


@pytest.mark.parametrize(("oid", "kind"), OBJECTS, ids=[f"{kind}-{oid[:7]}" for oid, kind in OBJECTS])
def test_any_flipped_byte_is_reported(oid: str, kind: str) -> None:
    """Whichever byte of an object is another one: the log is wrong, or names what is not there, never good."""
    data = CHAIN.objects[oid][1]  # type: ignore[index]
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        try:
            report = propagated(CHAIN, oid, bytes(changed)).verify()  # type: ignore[arg-type]
        except CannotTell:
            assert kind != "blob"
            continue
        assert report.problems, f"byte {place} of a {kind}"
        assert report.good < len(CHAIN.made)


def test_the_untouched_log_is_good() -> None:
    """The same way of making a log anew, with nothing changed, gives a good one."""
    oid, (_kind, data) = next(iter(CHAIN.objects.items()))
    report = propagated(CHAIN, oid, data).verify()
    assert (report.problems, report.good) == ([], 3)
