"""Own the check that a log continues the one that this machine saw: same genesis, the pinned root, and every entry since signed.

It costs what was added since, not the whole log. `record` asks before it builds on a tip, so that no key of ours ever signs on top of a
forgery, and a pin moves only along a log that it has been held against.
"""

from __future__ import annotations

from envgit.audit import commit as commits
from envgit.audit import keyset, sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.codec import decode_entry
from envgit.audit.entry import Genesis, SignersBody
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
    keys = _keys(log)
    oid: ObjectId | None = ObjectId(log.tip)
    last = pin.size if pin is not None else log.size
    for size in range(log.size, last - 1, -1):
        if oid is None:
            raise LogError(_not(log, "has fewer commits than entries", "not-an-entry"))
        oid = _check(repo, log, oid, size, keys, pin.root if pin is not None and size == last else "")


def _check(repo: Repository, log: Log, oid: ObjectId, size: int, keys: frozenset[bytes], root: str) -> ObjectId | None:
    """Check one commit by its own bytes, and return the one before it."""
    raw = repo.raw(oid)[1]
    try:
        plain, armor = commits.detach(raw)
        public, signature = sshsig.dearmor(armor)
    except FormatError:
        raise LogError(_not(log, f"has a commit without a signature, {oid[:7]}", "bad-signature")) from None
    said = commits.signed_checkpoint(plain)
    if public not in keys or not verified(public, sshsig.signed_data(plain), signature):
        raise LogError(_not(log, f"has an entry, {oid[:7]}, that no signer of its signed", "unknown-signer"))
    if said is None or said[:2] != (log.state.origin, size):
        raise LogError(_not(log, f"has a commit, {oid[:7]}, out of its place", "wrong-sequence"))
    if root and said[2].hex() != root:
        raise LogError(
            _not(log, f"is not the one that this machine saw: its first {size} entries are others", "forked")
        )
    parents = commits.parents(raw)
    return parents[0] if parents else None


def _keys(log: Log) -> frozenset[bytes]:
    """Return every key that the genesis names, or a key set that the roots before it approved."""
    try:
        body = decode_entry(log.bytes_of(0)).body
        signers = body.signers if isinstance(body, Genesis) else None
        found = {sshsig.public_bytes(signer.key) for signer in (signers.signers if signers else ())}
        for sequence in log.state.record.keysets:
            body = log.entry(sequence).body
            if signers is None or not isinstance(body, SignersBody) or body.signers.version != signers.version + 1:
                raise LogError(_not(log, f"has no next key set in entry {sequence}", "signers-version"))
            statement = keyset.signers_statement(log.state.origin, log.genesis, body.signers)
            keys = keyset.approved_by(statement, body.approvals, verified)
            if lacking := keyset.lacking(signers, body.signers, keys):
                raise LogError(_not(log, f"changes its key set with {lacking}", "unapproved-signers"))
            signers = body.signers
            found |= {sshsig.public_bytes(signer.key) for signer in signers.signers}
    except FormatError as error:
        raise LogError(_not(log, f"has {error}", "wrong-signers")) from None
    return frozenset(found)


def _not(log: Log, what: str, code: str) -> str:
    return f"{log.ref} {what} [{code}]: nothing recorded; envgit verify, and docs/runbook.md#{code}"
