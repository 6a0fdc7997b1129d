"""Own which values of a file are encrypted: sops's six rules, by key or by comment, and the one door to RE2."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from envgit.model import Rules

FIELDS = (
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
_CACHED = 4_096

Hits = Callable[[str], bool]


class Rule:
    """One rule, ready to be asked; `by_comment` says that it looks at comments and not at keys."""

    __slots__ = ("_hits", "by_comment", "encrypts_hits")

    def __init__(self, rules: Rules) -> None:
        self.by_comment = rules.field.endswith("_comment_regex")
        self.encrypts_hits = rules.field.startswith("encrypted")
        self._hits = _suffix(rules.pattern) if rules.field.endswith("_suffix") else pattern(rules.pattern)

    def hits(self, text: str) -> bool:
        """Tell whether a key, or a comment without its `#`, is one that the rule speaks of."""
        return self._hits(text)


class Scope:
    """Where a walk stands in one container: what the rule has said so far. Source: sops 3.11, `shouldBeEncrypted`."""

    __slots__ = ("_active", "_outer", "_rule")

    def __init__(self, rule: Rule, outer: bool = False) -> None:
        self._rule = rule
        self._outer = outer
        self._active = False

    def comment(self, text: str) -> bool:
        """Take a comment of this container, and tell whether it is encrypted itself."""
        rule = self._rule
        if not rule.by_comment:
            return self._outer == rule.encrypts_hits
        before = self._outer or self._active
        self._active = self._active or rule.hits(text)
        # The very line that asks for encryption stays in clear, or nobody could find it again.
        return before if rule.encrypts_hits else not (self._outer or self._active)

    def hit(self, key: str | None) -> bool:
        """Tell whether the rule speaks of the next item, whose key is None in a list."""
        if self._outer:
            return True
        if self._rule.by_comment:
            return self._active
        return key is not None and self._rule.hits(key)

    def encrypts(self, hit: bool) -> bool:
        """Tell whether a value is encrypted, given whether the rule speaks of it."""
        return hit == self._rule.encrypts_hits

    def done(self) -> None:
        """Forget the comments above an item once it has been passed."""
        self._active = False


def pattern(text: str) -> Hits:
    """Return a test whether a pattern of RE2 occurs in a text; an invalid one never does, and sops says nothing either.

    Python's own expressions are another language, and can be made to run for ever.
    """
    compiled = _compiled(text)
    if compiled is None:
        return lambda _text: False
    return lru_cache(maxsize=_CACHED)(lambda given: compiled.search(given) is not None)  # type: ignore[attr-defined]


def valid(text: str) -> bool:
    """Tell whether RE2 takes a pattern."""
    return _compiled(text) is not None


@lru_cache(maxsize=256)
def _compiled(text: str) -> object | None:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: object = re2.compile(text, options=options)
    except re2.error:
        return None
    return compiled


def _suffix(end: str) -> Hits:
    return lambda text: bool(end) and text.endswith(end)
