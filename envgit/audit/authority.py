"""Own who may sign an entry: by the key set in force there, by the one that it brings, and by what was revoked in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from envgit.audit import keyset, sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.entry import Entry, Genesis, Signer, Signers, SignersBody
from envgit.audit.problems import Code, Problem
from envgit.audit.records import LogState
from envgit.audit.walk import Broken
from envgit.model import Digest

# Number and signer's key of entries that were verified before, from the newest down to one.
Before = Callable[[int], Iterator[tuple[int, bytes]]]


class Authority:
    """The signers of one log, entry by entry."""

    def __init__(self, root_at: keyset.RootAt, verify: sshsig.Verify) -> None:
        self._root_at = root_at
        self._verify = verify
        self._runs: list[tuple[bytes, int, int]] = []  # who signed, from which entry to which

    def signer(self, entry: Entry, public: bytes, state: LogState | None, genesis: Digest) -> Signer:
        """Return who signed an entry; a key set may be signed by one whom it brings, once its approvals were looked at."""
        if isinstance(entry.body, Genesis):
            for code, what in keyset.form(entry.body.signers):
                raise Broken(code, f"the genesis {what}")
        if isinstance(entry.body, SignersBody) and state is not None:
            self._succeeds(entry, entry.body, state, genesis)
        for signer in _named(entry, state):
            if signer.signs(entry.kind, entry.sequence) and public_or_none(signer.key) == public:
                self._note(public, entry.sequence)
                return signer
        key = sshsig.fingerprint(public)
        detail = f"entry {entry.sequence} is signed by {key}, which may not sign entries of kind {entry.kind} here"
        raise Broken(Code.UNKNOWN_SIGNER, detail)

    def _succeeds(self, entry: Entry, body: SignersBody, state: LogState, genesis: Digest) -> None:
        name = f"entry {entry.sequence}"
        for code, what in keyset.succession(state.signers, body.signers, entry.sequence, self._root_at):
            raise Broken(code, f"{name} {what}")
        statement = keyset.signers_statement(state.origin, genesis, body.signers)
        try:
            keys = keyset.approved_by(statement, body.approvals, self._verify)
            lacking = keyset.lacking(state.signers, body.signers, keys)
        except FormatError as error:
            lacking = str(error)
        if lacking:
            raise Broken(Code.UNAPPROVED_SIGNERS, f"{name} changes the key set with {lacking}")

    def _note(self, public: bytes, sequence: int) -> None:
        if self._runs and self._runs[-1][0] == public:
            self._runs[-1] = (public, self._runs[-1][1], sequence + 1)
        else:
            self._runs.append((public, sequence, sequence + 1))

    def revoked(self, last: Signers, known: Signers | None, size: int, before: Before) -> Iterator[Problem]:
        """Return the entries, in runs, of keys that were revoked from before them on, by the key set `last`.

        `known` is the key set by which the first `size` entries were verified before.
        """
        if all(signer.until is None for signer in last.signers):
            return
        for public, first, end in (*_runs_before(last, known, size, before), *self._runs):
            found = list(keyset.revoked(last, sshsig.public_line(public), first, end))
            if found:
                number = f"entry {found[0]} is" if len(found) == 1 else f"{len(found)} entries from {found[0]} on are"
                detail = f"{number} signed by {sshsig.fingerprint(public)}, which is revoked there and not reapproved"
                yield Problem(Code.REVOKED_SIGNER, found[0], detail)


def _named(entry: Entry, state: LogState | None) -> Iterator[Signer]:
    if isinstance(entry.body, Genesis):
        yield from entry.body.signers.signers
    if state is not None:
        yield from state.signers.signers
    # Where no root approves, whoever pushes could bring a key of his own and sign with it.
    if isinstance(entry.body, SignersBody) and state is not None and state.signers.threshold:
        yield from entry.body.signers.signers


def _runs_before(last: Signers, known: Signers | None, size: int, before: Before) -> Iterator[tuple[bytes, int, int]]:
    """Return who signed what was known, as far back as a key was revoked since."""
    then = {signer.key: signer.until for signer in known.signers} if known else {}
    changed = [
        signer.until
        for signer in last.signers
        if known and signer.until is not None and signer.until < size and then.get(signer.key) != signer.until
    ]
    for number, public in before(min(changed)) if changed else ():
        yield public, number, number + 1


@lru_cache(maxsize=256)
def public_or_none(line: str) -> bytes | None:
    """Return the 32 bytes of a signer's key, None where the line is no key."""
    try:
        return sshsig.public_bytes(line)
    except FormatError:
        return None
