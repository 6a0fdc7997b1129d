"""Commits from their raw bytes: what git shows, for honest ones and for all others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgit.errors import EnvgitError, RepositoryError
from envgit.git.rawcommit import links, parse
from envgit.git.repository import Repository
from envgit.model import CommitId
from tests.kit.repo import Repo

OID = CommitId("c" * 40)
TREE = b"4b825dc642cb6eb9a060e54bf8d69288fbee4904"
HEAD = b"tree " + TREE + b"\n"
ALICE = b"author Alice <alice@acme.example> 1700000000 +0100\n"
BOB = b"committer Bob <bob@acme.example> 1700000001 +0000\n"

ODD = [
    HEAD + ALICE + BOB + b"\nSubject\n\nBody\n",
    HEAD + b"parent " + b"1" * 40 + b"\nparent " + b"2" * 40 + b"\n" + ALICE + BOB + b"\nMerge\n",
    HEAD + ALICE + b"author Mallory <m@acme.example> 1700000099 +0000\n" + BOB + b"\nTwo authors\n",
    HEAD + ALICE + BOB + b"committer Mallory <m@acme.example> 1700000099 +0000\n\nTwo committers\n",
    HEAD + ALICE + BOB + b"parent " + b"3" * 40 + b"\n\nA parent too late\n",
    HEAD + ALICE + BOB + b"gpgsig -----BEGIN\n author Eve <e@acme.example> 1 +0000\n -----END\n\nSigned\n",
    HEAD + b"author A <a@acme.example> <b@acme.example> 1700000000 +0000\n" + BOB + b"\nTwo addresses\n",
    HEAD + b"author Alice <alice@acme.example> 1700000000 -0930\n" + BOB + b"\n\n\nBlank lines first\n",
    HEAD + ALICE + BOB,
]


@pytest.mark.parametrize("data", ODD)
def test_a_commit_is_read_as_git_shows_it(repo: Repo, data: bytes) -> None:
    """Names, addresses, times, parents and subject are those of `git log`, where headers come twice or late too."""
    oid = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=data)
    told = repo.git("log", "-1", "--no-walk", "--format=%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%P%n%s%n.", oid).split("\n")
    found = parse(CommitId(oid), data)
    assert [found.author.name, found.author.email, found.author.time] == told[:2] + [_rfc3339(told[2])]
    assert [found.committer.name, found.committer.email, found.committer.time] == told[3:5] + [_rfc3339(told[5])]
    assert " ".join(found.parents) == told[6]
    assert [found.subject, "."] == told[7:]


def _rfc3339(time: str) -> str:
    return time.replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("line", "name", "email", "time"),
    [
        (b"Alice <alice@acme.example> 1700000000 +0100", "Alice", "alice@acme.example", "2023-11-14T23:13:20+01:00"),
        (b"<> 0 +0000", "unknown", "unknown@envgit.invalid", "1970-01-01T00:00:00Z"),
        (b"Alice", "Alice", "unknown@envgit.invalid", "1970-01-01T00:00:00Z"),
        (b"A\x1b[31m\xe2\x80\xaeB <a@b> 1 +0000", "A[31mB", "a@b", "1970-01-01T00:00:01Z"),
        (b"J\xfcrgen <j@b> 1 +0000", "Jürgen", "j@b", "1970-01-01T00:00:01Z"),
        (b"A <a@b> 99999999999999999 +0000", "A", "a@b", "9999-12-30T23:59:59Z"),
        (b"A <a@b> 9" + b"9" * 40 + b" +0000", "A", "a@b", "1970-01-01T00:00:00Z"),
        (b"A <a@b> -5 +0000", "A", "a@b", "1970-01-01T00:00:00Z"),
        (b"A <a@b> 1700000000 +9959", "A", "a@b", "2023-11-14T22:13:20Z"),
        (b"A <a@b> 1700000000 -0000", "A", "a@b", "2023-11-14T22:13:20Z"),
        (b"A <a@b> 60 -1200", "A", "a@b", "1970-01-01T00:01:00Z"),
        (b"A <a@b> 1700000000", "A", "a@b", "2023-11-14T22:13:20Z"),
        (b"A <a@b> yesterday", "A", "a@b", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_person_is_cleaned_and_the_time_is_one(line: bytes, name: str, email: str, time: str) -> None:
    """Whatever stands in an author line becomes a clean name, a clean address and a time that a date can hold."""
    found = parse(OID, HEAD + b"author " + line + b"\n" + BOB + b"\nx\n").author
    assert (found.name, found.email, found.time) == (name, email, time)


@pytest.mark.parametrize(
    ("encoding", "raw", "name"),
    [
        (b"ISO-8859-1", b"J\xfcrgen", "Jürgen"),
        (b"Shift_JIS", b"\x93\xfa", "日"),
        (b"nonsense", b"J\xc3\xbc", "Jü"),
        (b"hex", b"41", "41"),
    ],
)
def test_the_encoding_header_is_obeyed_where_it_is_one(encoding: bytes, raw: bytes, name: str) -> None:
    """A name is decoded by the commit's encoding where that is a text encoding, by UTF-8 else."""
    data = HEAD + b"author " + raw + b" <a@b> 1 +0000\n" + BOB + b"encoding " + encoding + b"\n\n" + raw + b"\n"
    assert (parse(OID, data).author.name, parse(OID, data).subject) == (name, name)


@pytest.mark.parametrize("data", [b"", b"tree short\n", b"parent " + TREE + b"\n" + HEAD, ALICE + HEAD])
def test_a_commit_without_tree_is_refused(data: bytes) -> None:
    """A commit whose first line is not its tree is an error that names it."""
    with pytest.raises(RepositoryError, match="commit cccccccccccc names no tree"):
        parse(OID, data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_a_traceback(tail: bytes) -> None:
    """Any bytes behind a tree give a commit whose times and names have their form."""
    for data in (
        HEAD + tail,
        HEAD + b"author " + tail + b"\ncommitter " + tail + b"\nencoding " + tail + b"\n\n" + tail,
    ):
        try:
            found = parse(OID, data)
        except EnvgitError:
            continue
        assert links(OID, data).parents == found.parents
        for person in (found.author, found.committer):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", person.time)
            assert person.name
            assert not set("<>\n\0") & set(person.name + person.email)


def test_a_tag_is_no_commit(repo: Repo, opened: Callable[[], Repository]) -> None:
    """Reading a tag, tree or blob as a commit says what it is."""
    repo.write("env", "one\n")
    repo.commit()
    repo.git("tag", "-a", "-m", "x", "v1")
    with pytest.raises(RepositoryError, match="is a tag, where a commit was expected"):
        opened().commit(CommitId(repo.git("rev-parse", "v1")))
    assert opened().resolve("v1") == repo.head
