"""Own what roots decide: a proposal, which is a file that goes from one to the next, and the entry that it becomes.

A proposal is bound to one log and to its next key set, or to the configuration that waits there: it cannot be used twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envgit import ssh_keygen
from envgit.audit import keyset, sshsig
from envgit.audit.canonical import FormatError, encode
from envgit.audit.codec import from_json, to_json
from envgit.audit.entry import ConfigBody, Reapproved, Root, Signer, Signers, SignersBody
from envgit.audit.merkle import tree_root
from envgit.audit.people import clean_email, clean_name
from envgit.errors import CannotTell, LogError, UsageError
from envgit.log.branch import Log
from envgit.log.judges import small_file
from envgit.log.record import Planned, Recorder
from envgit.log.recording import Recording, appended
from envgit.log.session import Session
from envgit.log.signer import KINDS, SIGNER_EMAIL, signing_key
from envgit.model import CommitId, Config, Digest
from envgit.signing import verified

SCHEMA = "envgit.proposal/1"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What roots are asked to approve: the next key set, or else the configuration of entry `of`; and who did so far."""

    origin: str
    genesis: Digest
    signers: Signers | None = None
    of: int = 0
    config: Config | None = None
    approvals: tuple[str, ...] = ()

    @property
    def statement(self) -> bytes:
        """The bytes that roots sign."""
        if self.signers is not None:
            return keyset.signers_statement(self.origin, self.genesis, self.signers)
        if self.config is None:
            raise UsageError("a proposal of nothing")
        return keyset.config_statement(self.origin, self.genesis, self.of, self.config)

    def keys(self) -> frozenset[str]:
        """Return the key lines that approved it; raise UsageError where an approval is not good."""
        try:
            return keyset.approved_by(self.statement, self.approvals, verified)
        except FormatError as error:
            raise UsageError(f"the proposal has {error}") from None

    def lacks(self, log: Log) -> str:
        """Return what it still lacks of approvals, empty where it has all."""
        now = log.state.signers
        if self.signers is not None:
            return keyset.lacking(now, self.signers, self.keys())
        number = len(keyset.votes(now.roots, self.keys()))
        return "" if number >= now.threshold else f"{number} of the {now.threshold} persons whom the key set asks for"

    def text(self) -> str:
        """Return it as the file that goes from one root to the next."""
        said = {"signers": to_json(self.signers)} if self.signers else {"of": self.of, "config": to_json(self.config)}
        head = {"schema": SCHEMA, "origin": self.origin, "genesis": self.genesis}
        return json.dumps({**head, **said, "approvals": list(self.approvals)}, indent=1, ensure_ascii=False) + "\n"


def read_proposal(name: str) -> Proposal:
    """Return a proposal from its file; raise UsageError where it is none."""
    try:
        found = json.loads(small_file(name))
        if found["schema"] != SCHEMA:
            raise UsageError(f"{name} is no {SCHEMA}")
        encode(found)
        approvals = tuple(str(text) for text in found["approvals"])
        origin, genesis = str(found["origin"]), Digest(str(found["genesis"]))
        if "signers" in found:
            signers = from_json(Signers, found["signers"])
            if broken := next(keyset.form(signers), None):
                raise UsageError(f"{name} is no proposal: its key set {broken[1]}")
            return Proposal(origin, genesis, signers, approvals=approvals)
        return Proposal(origin, genesis, None, int(found["of"]), from_json(Config, found["config"]), approvals)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{name} is no proposal of envgit signers") from None
    except FormatError as error:
        raise UsageError(f"{name} is no proposal: {error}") from None


def key_of(text: str) -> tuple[str, str]:
    """Return a public key's line and its comment, from a file that a person named or from the line itself."""
    line = text if text.startswith(("ssh-", "sk-", "ecdsa-")) else small_file(text).decode("utf-8", "replace")
    try:
        return sshsig.root_line(line), " ".join(line.split(maxsplit=2)[2:]).strip()
    except FormatError:
        raise UsageError(
            f"{text[:60]!r} is no ed25519 public key; ssh-keygen -t ed25519 makes one, -t ed25519-sk one on hardware"
        ) from None


def with_root(log: Log, line: str, name: str, threshold: int | None) -> Proposal:
    """Propose a further root, or a further key of one."""
    old = log.state.signers
    asked = max(old.threshold, 1) if threshold is None else threshold
    roots = (*old.roots, Root(clean_name(name), line))
    return _next(log, replace_signers(old, roots=roots, threshold=asked))


def without_root(log: Log, line: str, threshold: int | None) -> Proposal:
    """Propose that a root's key goes."""
    old = log.state.signers
    roots = tuple(root for root in old.roots if root.key != line)
    persons = len({root.name for root in roots})
    return _next(
        log,
        replace_signers(old, roots=roots, threshold=min(old.threshold, persons) if threshold is None else threshold),
    )


def with_signer(log: Log, line: str, name: str, email: str) -> Proposal:
    """Propose a further signer, from the next entry on."""
    if not line.startswith("ssh-ed25519 "):
        raise UsageError("a signer's key is an ed25519 key on disk; only roots may have theirs on hardware")
    added = Signer(clean_name(name), clean_email(email or SIGNER_EMAIL), line, KINDS, log.size)
    return _next(log, replace_signers(log.state.signers, signers=(*log.state.signers.signers, added)))


def without_signer(run: Session, log: Log, line: str, until: int | None, reapprove: int | None) -> Proposal:
    """Propose that a signer's key is good no more from entry `until` on, but for those entries before `reapprove`.

    The entry that says so may be the key's last one; where it is to go earlier, another key has to sign it.
    """
    old = log.state.signers
    here = signing_key(run)
    own = here is not None and here[0].public_line == line
    first = log.size + own if until is None else until
    if own and first <= log.size:
        raise UsageError(
            "the signing key here is the one to be revoked: add another first (envgit signers add), and set ENVGIT_SIGNING_KEY_FILE to it"
        )
    changed = tuple(one._replace(until=first) if one.key == line else one for one in old.signers)
    new = replace_signers(old, signers=changed)
    if reapprove is not None:
        if not first < reapprove <= log.size:
            raise UsageError(f"entries {first} to {reapprove - 1} cannot be reapproved: the log has {log.size}")
        span = Reapproved(first, reapprove, Digest(f"sha256:{tree_root(log.leaves(reapprove)).hex()}"))
        new = new._replace(reapproved=(*old.reapproved, span))
    return _next(log, new)


def replace_signers(old: Signers, **fields: Any) -> Signers:
    """Return the next version of a key set."""
    return old._replace(version=old.version + 1, **fields)


def _next(log: Log, new: Signers) -> Proposal:
    broken = list(keyset.succession(log.state.signers, new, log.size, lambda size: tree_root(log.leaves(size))))
    if broken:
        raise UsageError(f"that key set cannot follow: it {broken[0][1]}")
    return Proposal(log.state.origin, log.genesis, new)


def pending(log: Log) -> Proposal:
    """Return the configuration that waits for the roots; raise LogError where none does."""
    of = log.state.record.config_pending
    body = log.entry(of).body if of is not None else None
    if of is None or not isinstance(body, ConfigBody) or body.config is None:
        raise LogError("no configuration waits for the roots' approval")
    return Proposal(log.state.origin, log.genesis, None, of, body.config)


def checked(log: Log, proposal: Proposal) -> None:
    """Raise LogError where a proposal is for another log, or for another state of this one."""
    if (proposal.origin, proposal.genesis) != (log.state.origin, log.genesis):
        raise LogError("the proposal is for another log")
    now = log.state.signers
    if proposal.signers is not None:
        broken = next(
            keyset.succession(now, proposal.signers, log.size, lambda size: tree_root(log.leaves(size))), None
        )
        if broken is not None:
            raise LogError(f"the proposal cannot follow key set {now.version}, propose it anew: it {broken[1]}")
    if proposal.signers is None and log.state.record.config_pending != proposal.of:
        raise LogError(f"the configuration of entry {proposal.of} does not wait any more")


def root_keys(run: Session, log: Log, proposal: Proposal, given: tuple[str, ...]) -> list[Path]:
    """Return the files of the keys at hand that are a root's: those given, else git's signing key and ssh's usual ones."""
    known = {root.key for root in (*log.state.signers.roots, *(proposal.signers.roots if proposal.signers else ()))}
    setting = run.repo.config("user.signingKey") or ""
    names = list(given) or [setting, *(str(run.home / ".ssh" / name) for name in ("id_ed25519", "id_ed25519_sk"))]
    found = []
    for name in filter(None, names):
        path = Path(os.path.expanduser(name))  # noqa: PTH111 -- Path's own raises for an unknown user
        public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
        if not public.is_file():
            if given:
                raise UsageError(f"{public} is not there: ssh-keygen -y -f {path} > {public} writes the public half")
            continue
        try:
            line, _comment = key_of(str(public))
        except UsageError:
            if given:
                raise
            continue
        if line in known:
            found.append(path)
        elif given:
            raise UsageError(f"{name} is the key of no root; envgit signers lists them")
    return found


def approved(run: Session, log: Log, proposal: Proposal, given: tuple[str, ...]) -> Proposal:
    """Return a proposal with the approvals of the roots' keys at hand; keys that signed already sign no more."""
    done = proposal.keys()
    approvals = list(proposal.approvals)
    for path in root_keys(run, log, proposal, given):
        public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
        if key_of(str(public))[0] in done:
            continue
        text = ssh_keygen.sign(path, proposal.statement, keyset.NAMESPACE)
        try:
            said = sshsig.approval(text, proposal.statement, keyset.NAMESPACE)
        except FormatError as error:
            raise CannotTell(f"ssh-keygen made {error}") from None
        done |= {said.line}
        approvals.append(text)
    return replace(proposal, approvals=tuple(approvals))


def applied(run: Session, proposal: Proposal, *, push: bool) -> Recording:
    """Append the entry that a proposal with all its approvals becomes."""

    def entry(recorder: Recorder, _head: CommitId) -> Iterator[Planned]:
        checked(recorder.log, proposal)
        if lacking := proposal.lacks(recorder.log):
            raise LogError(f"the proposal has {lacking}")
        if proposal.signers is not None:
            yield Planned("signers", SignersBody(proposal.signers, proposal.approvals))
        elif proposal.config is not None:
            yield recorder.approved(proposal.of, proposal.config, proposal.approvals)

    return appended(run, entry, push=push)
