"""Own what of a compared value may be seen: values whose names the configuration reveals, and nothing of any other.

Redaction comes after comparison and hides length, prefix and suffix. Besides `show --reveal`, this is where a decrypted value becomes
text for a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from envgit.config import revealed
from envgit.diff import VariableChange
from envgit.escape import clipped, terminal
from envgit.model import Config, Value, ValueType

# A revealed value is for a glance: a longer one is cut, and says so by its ellipsis.
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Redacted:
    """The sides of a change that may be shown; None where a side may not, or is not there."""

    before: str | None = None
    after: str | None = None


NOTHING_SHOWN = Redacted()


def redact(change: VariableChange, config: Config) -> Redacted:
    """Return what may be shown of a change to a person, under one configuration that whoever made the change did not write."""
    return Redacted(_side(change.before, config), _side(change.after, config))


def in_clear(change: VariableChange, config: Config) -> Redacted:
    """Return what an entry may carry: sides that the file itself holds in clear, by a valid rule, under a revealed name."""
    return Redacted(
        *(
            _text(value)
            if value is not None and value.clear and value.by_rule and revealed(config, value.name)
            else None
            for value in (change.before, change.after)
        )
    )


def _side(value: Value | None, config: Config) -> str | None:
    if value is None or not revealed(config, value.name):
        return None
    return _text(value)


def _text(value: Value) -> str | None:
    if value.secret is None:
        return None
    text = value.secret.reveal().decode("utf-8", "surrogateescape")
    # sops's own text of a truth value has a capital; the file and whoever reads it do not.
    text = text.lower() if value.type is ValueType.BOOL else text
    return clipped(terminal(text), SHOWN_CHARACTERS)
