"""Own the rules by which the key set changes: what roots sign, whose votes count, and what a next version may do.

A person has one vote, however many keys. Nothing here is judged by a date: a key is good from one sequence to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from envgit.audit.canonical import FormatError, encode
from envgit.audit.codec import to_json
from envgit.audit.entry import EntryKind, Root, Signer, Signers
from envgit.audit.problems import Code
from envgit.audit.sshsig import Verify, approval, public_bytes, root_line
from envgit.model import Config, Digest

NAMESPACE = "envgit-approval"

Broken = Iterator[tuple[Code, str]]
RootAt = Callable[[int], bytes]


def signers_statement(origin: str, genesis: Digest, signers: Signers) -> bytes:
    """Return the bytes that roots sign for a key set."""
    return _statement(EntryKind.SIGNERS, origin, genesis, signers=to_json(signers))


def config_statement(origin: str, genesis: Digest, of: int, config: Config) -> bytes:
    """Return the bytes that roots sign for the configuration that entry `of` asks for."""
    return _statement(EntryKind.CONFIG, origin, genesis, config=to_json(config), of=of)


def _statement(kind: str, origin: str, genesis: Digest, **said: object) -> bytes:
    return encode({"genesis": str(genesis), "kind": str(kind), "origin": origin, **said})


def approved_by(statement: bytes, approvals: Iterable[str], verify: Verify) -> frozenset[str]:
    """Return the key lines that signed a statement; raise FormatError at a signature that is none or not good."""
    found = set()
    for text in approvals:
        said = approval(text, statement, NAMESPACE)
        if not verify(said.public, said.data, said.signature):
            raise FormatError("an approval whose signature is not good")
        found.add(said.line)
    return frozenset(found)


def votes(roots: Iterable[Root], keys: frozenset[str]) -> frozenset[str]:
    """Return the persons among the roots whose key is one of `keys`."""
    return frozenset(root.name for root in roots if root.key in keys)


def enough(signers: Signers, keys: frozenset[str]) -> bool:
    """Tell whether as many persons as a key set asks for are among those keys."""
    return len(votes(signers.roots, keys)) >= signers.threshold


def lacking(old: Signers, new: Signers, keys: frozenset[str]) -> str:
    """Return what a change of the key set still lacks of approvals, empty where it has all."""
    known = {root.key for root in (*old.roots, *new.roots)}
    if not keys <= known:
        return "an approval by a key that is no root's"
    for name, signers in (("present", old), ("next", new)):
        if not enough(signers, keys):
            number = len(votes(signers.roots, keys))
            return f"{number} of the {signers.threshold} persons whom the {name} key set asks for"
    return ""


def form(signers: Signers) -> Broken:
    """Return what is wrong with a key set by itself."""
    persons = len({root.name for root in signers.roots})
    keys = [root.key for root in signers.roots] + [signer.key for signer in signers.signers]
    if len(keys) != len(set(keys)):
        yield Code.WRONG_SIGNERS, "names a key twice"
    if not 0 <= signers.threshold <= persons:
        yield Code.WRONG_SIGNERS, f"asks for {signers.threshold} of {persons} persons"
    try:
        for root in signers.roots:
            if root_line(root.key) != root.key:
                yield Code.WRONG_SIGNERS, "has a root's key with a comment"
        for signer in signers.signers:
            public_bytes(signer.key)
    except FormatError as error:
        yield Code.WRONG_SIGNERS, f"has {error}"


def succession(old: Signers, new: Signers, sequence: int, root_at: RootAt) -> Broken:
    """Return what is wrong with a key set as the next after another, in entry `sequence`.

    `root_at` gives the Merkle root, 32 bytes, over so many entries.
    """
    if new.version != old.version + 1:
        yield Code.SIGNERS_VERSION, f"brings version {new.version} of the key set after version {old.version}"
    yield from form(new)
    if not new.threshold and (old.threshold or new.roots):
        yield Code.WRONG_SIGNERS, "asks no root"
    known = {signer.key: signer for signer in old.signers}
    left = {signer.key for signer in new.signers}
    if not known.keys() <= left:
        yield Code.WRONG_SIGNERS, "leaves a signer out: one who leaves is revoked"
    for signer in new.signers:
        yield from _succeeds(known.get(signer.key), signer)
    if new.reapproved[: len(old.reapproved)] != old.reapproved:
        yield Code.WRONG_SIGNERS, "takes back what was reapproved"
    for span in new.reapproved[len(old.reapproved) :]:
        if not 0 <= span.from_ < span.size <= sequence:
            yield Code.WRONG_SIGNERS, f"reapproves entries {span.from_} to {span.size - 1}"
        elif span.root != f"sha256:{root_at(span.size).hex()}":
            yield Code.WRONG_SIGNERS, f"reapproves {span.size} entries that are others than these"


def _succeeds(old: Signer | None, new: Signer) -> Broken:
    if old is not None and (
        new.from_ != old.from_ or (old.until is not None and (new.until is None or new.until > old.until))
    ):
        yield Code.WRONG_SIGNERS, "gives a key more than it had"
    if new.until is not None and new.until < 1:
        yield Code.WRONG_SIGNERS, "revokes a key before the first entry"


def revoked(signers: Signers, key: str, first: int, end: int) -> Iterator[int]:
    """Return the entries of `first` to `end` - 1, signed by a key, that are revoked and that nobody reapproved."""
    until = next((signer.until for signer in signers.signers if signer.key == key), None)
    if until is None:
        return
    for sequence in range(max(first, until), end):
        if not reapproved(signers, sequence):
            yield sequence


def reapproved(signers: Signers, sequence: int) -> bool:
    """Tell whether the roots vouch for an entry, whoever signed it."""
    return any(span.from_ <= sequence < span.size for span in signers.reapproved)


def narrows(old: Config, new: Config) -> bool:
    """Tell whether a configuration may audit less, or reveal more, than another: that needs the roots.

    A pattern that is gone, or has another in front of it, counts, whatever matches it today; so does one for `reveal` that is new.
    """
    # No pattern at all means every file with a sops block: nothing is wider.
    # The first pattern that matches counts: one more in front may take a file away from its environment.
    kept = bool(old.environments) and new.environments[: len(old.environments)] == old.environments
    fewer = bool(new.environments) and not kept
    moved = (old.branch, old.audit_branch) != (new.branch, new.audit_branch)
    return fewer or moved or wider_reveal(old, new)


def wider_reveal(old: Config, new: Config) -> bool:
    """Tell whether `new` may show a name that `old` may not; a pattern that is not in `old` counts, whatever it matches."""
    return not set(new.reveal) <= set(old.reveal)
