"""Own the ways in which a log can be wrong, and how one is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Every way for a log to be wrong. The words are stable: scripts and runbooks name them."""

    NOT_AN_ENTRY = "not-an-entry"
    ENTRY_ALTERED = "entry-altered"
    MALFORMED_ENTRY = "malformed-entry"
    COMMIT_ALTERED = "commit-altered"
    TREE_ALTERED = "tree-altered"
    EXTRA_PARENT = "extra-parent"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_SIGNER = "unknown-signer"
    WRONG_SEQUENCE = "wrong-sequence"
    WRONG_ORIGIN = "wrong-origin"
    WRONG_GENESIS = "wrong-genesis"
    SECOND_GENESIS = "second-genesis"
    WRONG_STEP = "wrong-step"
    DIGEST_GAP = "digest-gap"
    WRONG_PREVIOUS = "wrong-previous"
    WRONG_SUPPLEMENT = "wrong-supplement"
    SIGNERS_VERSION = "signers-version"
    WRONG_SIGNERS = "wrong-signers"
    UNAPPROVED_SIGNERS = "unapproved-signers"
    REVOKED_SIGNER = "revoked-signer"
    UNAPPROVED_CONFIG = "unapproved-config"
    FALSE_ANCHOR = "false-anchor"
    FALSE_TIME = "false-time"
    TIME_GOES_BACK = "time-goes-back"
    ROLLED_BACK = "rolled-back"
    FORKED = "forked"
    UNCOVERED = "uncovered"
    FALSE_REWRITE = "false-rewrite"
    FALSE_SOURCE = "false-source"
    FALSE_DIGEST = "false-digest"
    FALSE_STATE = "false-state"
    FALSE_CHANGE = "false-change"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at an entry where it is one's; `detail` is a sentence for a person."""

    code: Code
    sequence: int | None
    detail: str
