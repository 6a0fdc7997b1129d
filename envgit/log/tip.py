"""Own the check that a writer makes before it builds on a tip: is it, by itself, an entry as it was signed."""

from __future__ import annotations

from envgit.audit import commit as commits
from envgit.audit import sshsig
from envgit.audit.canonical import FormatError
from envgit.audit.codec import BODIES
from envgit.audit.entry import Entry, Signer
from envgit.audit.keyset import reapproved
from envgit.audit.merkle import leaf_hash
from envgit.errors import Incomplete, LogError
from envgit.git.repository import Repository
from envgit.log.branch import Log
from envgit.model import ObjectId
from envgit.signing import verified


def check_tip(repo: Repository, log: Log) -> None:
    """Raise LogError where the newest entry is not as signed, Incomplete where only a newer envgit can write after it.

    The entries before it are verify's business: they are pinned by the root that this one signs.
    """
    if log.tip is None:
        return
    entry = log.entry(log.size - 1)
    if entry.kind not in BODIES:
        raise Incomplete(f"entry {entry.sequence} needs a newer envgit: nothing recorded")
    raw = repo.raw(log.tip)[1]
    try:
        plain, armor = commits.detach(raw)
        public, signature = sshsig.dearmor(armor)
        signer = _signer(log, entry, public)
        parents = commits.parents(raw)
        parent: ObjectId | None = parents[0] if len(parents) == 1 else None
        leaf = leaf_hash(log.bytes_of(log.size - 1))
        expected = commits.unsigned(entry, leaf, commits.tree_of(raw), parent, log.state, signer)
    except FormatError as error:
        raise LogError(_wrong(log, str(error))) from None
    if expected != plain or not verified(public, sshsig.signed_data(plain), signature):
        raise LogError(_wrong(log, "not what was signed"))


def _signer(log: Log, entry: Entry, public: bytes) -> Signer:
    line, signers = sshsig.public_line(public), log.state.signers
    for signer in signers.signers:
        if signer.key == line and (signer.signs(entry.kind, entry.sequence) or reapproved(signers, entry.sequence)):
            return signer
    raise FormatError("signed by a key that the log does not name, or that may not sign it")


def _wrong(log: Log, what: str) -> str:
    return f"the tip of {log.ref}, {(log.tip or '')[:7]}, is {what}: nothing recorded; envgit verify says more"
