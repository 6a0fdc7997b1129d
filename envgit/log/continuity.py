"""Own the check that a log continues the one that this machine saw: same genesis, the pinned root, and every entry since signed.

It costs what was added since, not the whole log. `record` asks before it builds on a tip, so that no key of ours ever signs on top of a
forgery, and a pin moves only along a log that it has been held against.
"""

from __future__ import annotations

from envgit.audit import commit as commits
from envgit.audit import keyset, sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.codec import decode_entry
from envgit.audit.entry import Genesis, Signers, SignersBody
from envgit.audit.keyset import reapproved
from envgit.audit.merkle import leaf_hash
from envgit.errors import LogError
from envgit.git.repository import Repository
from envgit.log.branch import Log
from envgit.log.pins import Pin
from envgit.model import ObjectId
from envgit.signing import verified


def check_continues(repo: Repository, log: Log, pin: Pin | None) -> None:
    """Raise LogError where the log is not signed by those whom its genesis, or its roots, name, or does not continue what the pin saw."""
    if log.tip is None:
        return
    genesis = log.bytes_of(0)
    if pin is not None and f"sha256:{leaf_hash(genesis).hex()}" != pin.genesis:
        raise LogError(_not(log, "begins with another genesis than this machine saw", "wrong-genesis"))
    if pin is not None and log.size < pin.size:
        raise LogError(
            _not(log, f"has {log.size} entries, and this machine saw {pin.size} at {pin.seen_at}", "rolled-back")
        )
    signers = _signers(repo, log)
    oid: ObjectId | None = ObjectId(log.tip)
    last = pin.size if pin is not None else log.size
    for size in range(log.size, last - 1, -1):
        if oid is None:
            raise LogError(_not(log, "has fewer commits than entries", "not-an-entry"))
        oid = _check(repo, log, oid, size, signers, pin.root if pin is not None and size == last else "")


def _check(repo: Repository, log: Log, oid: ObjectId, size: int, signers: Signers, root: str) -> ObjectId | None:
    """Check one commit by its own bytes, and return the one before it."""
    raw = repo.raw(oid)[1]
    public, plain = _signed(log, oid, raw)
    said = commits.signed_checkpoint(plain)
    if said is None or said[:2] != (log.state.origin, size):
        raise LogError(_not(log, f"has a commit, {oid[:7]}, out of its place", "wrong-sequence"))
    if not root:  # the pinned one was judged when it was pinned
        _may(log, size - 1, public, signers)
    elif said[2].hex() != root:
        raise LogError(
            _not(log, f"is not the one that this machine saw: its first {size} entries are others", "forked")
        )
    parents = commits.parents(raw)
    return parents[0] if parents else None


def _signed(log: Log, oid: ObjectId, raw: bytes) -> tuple[bytes, bytes]:
    """Return whose signature a commit has, and what it is over; raise LogError where it has no good one."""
    try:
        plain, armor = commits.detach(raw)
        public, signature = sshsig.dearmor(armor)
    except FormatError:
        raise LogError(_not(log, f"has a commit without a signature, {oid[:7]}", "bad-signature")) from None
    if not verified(public, sshsig.signed_data(plain), signature):
        raise LogError(_not(log, f"has a commit, {oid[:7]}, whose signature is not good", "bad-signature"))
    return public, plain


def _may(log: Log, sequence: int, public: bytes, signers: Signers) -> None:
    """Raise LogError where a key may not have signed an entry, by the last key set that the log can show to be its own."""
    kind = log.entry(sequence).kind
    line = sshsig.public_line(public)
    known = next((signer for signer in signers.signers if signer.key == line), None)
    if known is None or not (known.signs(kind, sequence) or reapproved(signers, sequence)):
        raise LogError(_not(log, f"has an entry, {sequence}, by a key that may not sign it", "unknown-signer"))


def _signers(repo: Repository, log: Log) -> Signers:
    """Return the last key set, each version of it approved by the roots of the one before, from the genesis on."""
    try:
        body = decode_entry(log.bytes_of(0)).body
        if not isinstance(body, Genesis):
            raise LogError(_not(log, "does not begin with a genesis", "wrong-genesis"))
        signers = body.signers
        for sequence in log.state.record.keysets:
            signers = _next(repo, log, sequence, signers)
    except FormatError as error:
        raise LogError(_not(log, f"has {error}", "wrong-signers")) from None
    return signers


def _next(repo: Repository, log: Log, sequence: int, signers: Signers) -> Signers:
    body = log.entry(sequence).body
    if not isinstance(body, SignersBody) or body.signers.version != signers.version + 1:
        raise LogError(_not(log, f"has no next key set in entry {sequence}", "signers-version"))
    statement = keyset.signers_statement(log.state.origin, log.genesis, body.signers)
    if lacking := keyset.lacking(signers, body.signers, keyset.approved_by(statement, body.approvals, verified)):
        raise LogError(_not(log, f"changes its key set with {lacking}", "unapproved-signers"))
    if not signers.threshold:  # then the signature of a key that was there is all the approval there is
        oid = commit_of(repo, log, sequence)
        line = sshsig.public_line(_signed(log, oid, repo.raw(oid)[1])[0])
        if not any(one.key == line and one.signs("signers", sequence) for one in signers.signers):
            raise LogError(
                _not(log, f"has a key set, entry {sequence}, by a key that may not sign it", "unknown-signer")
            )
    return body.signers


def commit_of(repo: Repository, log: Log, sequence: int) -> ObjectId:
    """Return the commit of an entry, going back from the tip; raise LogError where there are fewer."""
    oid: ObjectId | None = ObjectId(log.tip or "")
    for _number in range(log.size - 1 - sequence):
        oid = next(iter(commits.parents(repo.raw(oid)[1])), None) if oid else None
    if oid is None:
        raise LogError(_not(log, "has fewer commits than entries", "not-an-entry"))
    return oid


def _not(log: Log, what: str, code: str) -> str:
    return f"{log.ref} {what} [{code}]: nothing recorded; envgit verify, and docs/runbook.md#{code}"
