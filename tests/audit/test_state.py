"""What an entry does to the branch's tree."""

from __future__ import annotations

import pytest

from envgit.audit.canonical import FormatError
from envgit.audit.codec import encode_entry
from envgit.audit.entry import Change, ChangeBody, Event, FileChange, Restated, SupplementBody
from envgit.audit.records import FileRecord, VariableRecord
from envgit.audit.state import apply, read_file, read_files, read_state, read_supplements, read_variable, read_variables
from envgit.audit.tree import Tree
from envgit.model import ChangeKind, EventKind, Reason, ValueType
from tests.kit.values import replace

from .chain import Chain, genesis
from .golden import FIRST_KEY, RECIPIENTS, SECOND_KEY, added, content, granted, key_event, mark, source


def step(chain: Chain, number: int, *changes: Change, events: tuple[Event, ...] = (), **other: object) -> None:
    """Append a change of the one file of these tests."""
    before = content(str(number - 1)) if number > 1 else None
    fields = {"key": FIRST_KEY.id, **other}
    file = FileChange("prod", "prod.yaml", before, content(str(number)), None, events=events, changes=changes, **fields)
    chain.add(ChangeBody(source(number, number - 1 if number > 1 else None), (file,)))


@pytest.fixture
def log() -> Chain:
    """Return a log with one file of two variables."""
    chain = Chain()
    chain.add(genesis())
    events = (Event(EventKind.CREATED), *granted(*RECIPIENTS), key_event(FIRST_KEY))
    step(chain, 1, added("A", "1"), added("B", "2"), events=events)
    return chain


def variable(chain: Chain, name: str) -> VariableRecord:
    """Return what stands of a variable."""
    found = read_variable(chain.tree, "prod", "", name)
    assert found is not None
    return found


def file(chain: Chain) -> FileRecord:
    """Return what stands of the file."""
    found = read_file(chain.tree, "prod", "")
    assert found is not None
    return found


def test_created(log: Chain) -> None:
    """A new file has its path, recipients and key, and no change of access to count."""
    found = file(log)
    assert (found.path, found.entry, found.access, found.recipients) == ("prod.yaml", 1, 0, tuple(sorted(RECIPIENTS)))
    assert found.key is not None
    assert (found.key.id, found.key.entry) == (FIRST_KEY.id, 1)
    assert [record.variable for record in read_variables(log.tree, "prod", "")] == ["A", "B"]


def test_reencrypted_only_counts(log: Chain) -> None:
    """A re-encryption raises the counter and moves nothing else."""
    step(log, 2, Change("A", ChangeKind.REENCRYPTED))
    assert variable(log, "A") == VariableRecord("A", ValueType.STR, mark("A", "1"), 1, reencrypted=1)


def test_reencrypted_needs_a_variable(log: Chain) -> None:
    """What is not there, or not any more, cannot be re-encrypted."""
    with pytest.raises(FormatError):
        step(log, 2, Change("C", ChangeKind.REENCRYPTED))
    step(log, 2, Change("A", ChangeKind.REMOVED, previous=1))
    with pytest.raises(FormatError):
        step(log, 3, Change("A", ChangeKind.REENCRYPTED))


def test_removed_leaves_a_tombstone(log: Chain) -> None:
    """A removed variable keeps its line of changes and loses its fingerprint."""
    step(log, 2, Change("A", ChangeKind.REMOVED, ValueType.STR, previous=1))
    found = variable(log, "A")
    assert (found.removed, found.fingerprint, found.entry) == (True, None, 2)


def test_renamed_leaves_a_tombstone_under_the_old_name(log: Chain) -> None:
    """The new name has the value, the old one is gone, and both point at the same entry."""
    after = mark("C", "1")
    step(log, 2, Change("C", ChangeKind.RENAMED, ValueType.STR, from_="A", after=after, previous=1))
    old, new = variable(log, "A"), variable(log, "C")
    assert (old.removed, old.entry, old.fingerprint) == (True, 2, None)
    assert (new.removed, new.entry, new.fingerprint) == (False, 2, after)


def test_opaque_moves_and_forgets(log: Chain) -> None:
    """A value that nobody opened has no fingerprint, and this entry as its last change."""
    step(log, 2, Change("A", ChangeKind.OPAQUE), events=(Event(EventKind.UNREADABLE, reason=Reason.NO_IDENTITY),))
    assert (variable(log, "A").fingerprint, variable(log, "A").entry) == (None, 2)
    assert file(log).reason is Reason.NO_IDENTITY
    step(log, 3)
    assert file(log).reason is None


def test_a_new_key_restates_without_a_change(log: Chain) -> None:
    """Restated fingerprints replace the old ones, one that is not restated is unknown, and no last change moves."""
    again = mark("A", "1", key=SECOND_KEY)
    events = (
        Event(EventKind.ACCESS_REVOKED, recipient=RECIPIENTS[1]),
        key_event(SECOND_KEY, Restated("A", ValueType.STR, again)),
    )
    step(log, 2, events=events, key=SECOND_KEY.id)
    assert (variable(log, "A").fingerprint, variable(log, "A").entry) == (again, 1)
    assert (variable(log, "B").fingerprint, variable(log, "B").entry) == (None, 1)
    assert (file(log).recipients, file(log).access) == (RECIPIENTS[:1], 1)


def test_deleted_and_released_differ(log: Chain) -> None:
    """Both leave no path and no key; a released file says that it is one."""
    gone = FileChange("prod", "prod.yaml", content("1"), None, None, events=(Event(EventKind.RELEASED),))
    log.add(ChangeBody(source(2, 1), (gone,)))
    assert (file(log).path, file(log).key, file(log).released) == (None, None, True)
    assert variable(log, "A").removed is False
    assert [record.environment for record in read_files(log.tree)] == ["prod"]


def test_supplement_fills_in_what_still_stands(log: Chain) -> None:
    """A supplement completes the variables that still stand at its entry, and leaves a newer change alone."""
    unread = (Event(EventKind.UNREADABLE, reason=Reason.NO_IDENTITY),)
    step(log, 2, Change("A", ChangeKind.OPAQUE, previous=1), Change("B", ChangeKind.OPAQUE, previous=1), events=unread)
    step(log, 3, Change("B", ChangeKind.CHANGED, ValueType.STR, after=mark("B", "new"), previous=2))
    told = FileChange(
        "prod", "prod.yaml", content("1"), content("2"), None, key=FIRST_KEY.id,
        changes=(
            Change("A", ChangeKind.CHANGED, ValueType.STR, after=mark("A", "x"), previous=1),
            Change("B", ChangeKind.CHANGED, ValueType.STR, after=mark("B", "y"), previous=1),
        ),
    )  # fmt: skip
    log.add(SupplementBody(2, (told,)))
    assert (variable(log, "A").fingerprint, variable(log, "A").entry) == (mark("A", "x"), 2)
    assert (variable(log, "B").fingerprint, variable(log, "B").entry) == (mark("B", "new"), 3)
    assert read_supplements(log.tree, 2) == (4,)
    assert read_supplements(log.tree, 3) == ()


def test_supplement_that_finds_a_re_encryption_moves_blame_back(log: Chain) -> None:
    """What turns out to be no change at all no longer stands as the last one."""
    step(
        log,
        2,
        Change("A", ChangeKind.OPAQUE, previous=1),
        events=(Event(EventKind.UNREADABLE, reason=Reason.NO_IDENTITY),),
    )
    same = Change("A", ChangeKind.REENCRYPTED, after=mark("A", "1"), previous=1)
    told = FileChange("prod", "prod.yaml", content("1"), content("2"), None, key=FIRST_KEY.id, changes=(same,))
    log.add(SupplementBody(2, (told,)))
    found = variable(log, "A")
    assert (found.fingerprint, found.entry, found.reencrypted) == (mark("A", "1"), 1, 1)
    assert file(log).reason is None


def test_golden_log_stands_where_it_should(chain: Chain) -> None:
    """After the golden log: what is in force, what is gone, and the supplemented variable."""
    state = read_state(Tree(lambda oid: chain.objects[oid][1], chain.made[-1].tree))
    assert state == chain.state
    assert (state.size, state.record.config_pending, state.config.reveal) == (19, None, ())
    files = {(record.environment, record.unit): record for record in read_files(chain.tree)}
    assert sorted(files) == [("../eu/con", "a+b"), ("production", ""), ("production", "api"), ("staging", "")]
    assert files["production", "api"].reason is Reason.PLAINTEXT
    found = read_variable(chain.tree, "production", "", "DB_URL")
    assert found is not None
    assert (found.entry, found.fingerprint) == (7, mark("DB_URL", "three", key=SECOND_KEY))
    level = read_variable(chain.tree, "production", "", "LEVEL")
    assert level is not None
    assert (level.entry, level.reencrypted) == (6, 1)


def test_a_path_that_is_no_utf_8_is_recorded_as_the_entry_has_it(chain: Chain) -> None:
    """What is derived comes from the entry's bytes, not from surrogates that the recorder held."""
    record = read_file(chain.made[3].state and _tree(chain, 3), "../eu/con", "a+b")
    assert record is not None
    assert record.path == "envs/%FF%25/con.yaml"


def _tree(chain: Chain, number: int) -> Tree:
    return Tree(lambda oid: chain.objects[oid][1], chain.made[number].tree)


def test_record_continues_from_the_tip_as_from_the_beginning(chain: Chain) -> None:
    """A tree loaded from the tip of the log takes the next entry as the one that grew in memory does."""
    for number in range(1, len(chain.made)):
        before, made = chain.made[number - 1], chain.made[number]
        tree = _tree(chain, number - 1)
        state = apply(made.entry, made.data, tree, read_state(tree))
        assert (tree.flush()[0], state) == (made.tree, made.state), number
        assert before.state != made.state


@pytest.mark.parametrize("edit", [{"sequence": 5}, {"sequence": 1}, {"kind": "later", "body": None}])
def test_what_cannot_follow_is_refused(log: Chain, edit: dict[str, object]) -> None:
    """Another number than the next, and a kind that nobody knows, are not applied."""
    body = ChangeBody(source(2, 1), ())
    entry = replace(log.made[1].entry, **{"sequence": 2, "body": body, **edit})  # type: ignore[arg-type]
    with pytest.raises(FormatError):
        apply(entry, encode_entry(replace(entry, kind="change", body=body)), log.tree, log.state)


def test_genesis_comes_first_and_once(log: Chain) -> None:
    """No entry comes before a genesis, and none is a genesis after it."""
    first = log.made[0]
    with pytest.raises(FormatError):
        apply(log.made[1].entry, log.made[1].data, Tree(), None)
    with pytest.raises(FormatError):
        apply(replace(first.entry, sequence=2), first.data, log.tree, log.state)


def test_a_variable_changes_once_an_entry(log: Chain) -> None:
    """Two changes of one variable in one entry are malformed."""
    with pytest.raises(FormatError):
        step(log, 2, Change("A", ChangeKind.OPAQUE), Change("A", ChangeKind.REMOVED))


@pytest.mark.parametrize("data", [b"{}", b"[]", b"no", b'{"a":1.0}'])
def test_a_broken_log_json_is_told(data: bytes) -> None:
    """A log.json that is none raises FormatError."""
    tree = Tree()
    tree.put(("log.json",), data)
    with pytest.raises(FormatError):
        read_state(tree)
