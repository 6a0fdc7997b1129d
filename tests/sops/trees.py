"""Make random plain YAML of every kind that sops takes, and say what sops tells of it in the terms of variables."""

from __future__ import annotations

import random
from collections.abc import Iterator

from envgit.model import Rules, Snapshot, ValueType
from envgit.sops import names

RULES = (
    Rules(),
    Rules("unencrypted_suffix", "_plain"),
    Rules("encrypted_suffix", "_secret"),
    Rules("unencrypted_regex", "^(open|a.*)$"),
    Rules("encrypted_regex", "secret|^b"),
    Rules("unencrypted_comment_regex", "public"),
    Rules("encrypted_comment_regex", "hide"),
)
KEYS = (
    "a", "b", "open", "DATABASE_URL", "api_secret", "x_plain", "y", "no", "tls.crt", "p:q",
    "with space", "größe", "n_unencrypted"
)  # fmt: skip
SCALARS = (
    "plain", "'single'", '"double\\n\\ttab"', "5", "-17", "0x1F", "0777", "0o17", "1_000", "1.0", "1.5e3", ".5", "true",
    "False",
    "yes", "~", "null", '""', "{}", "[]", "2020-01-02", "2020-01-02T03:04:05.60Z", "1:20", "12345_54321", "'5'",
    "postgres://u:p@h/db",
    "a: 1".replace(": ", ":"), "\"ünïcode 🔑\"", "'# no comment'", "=", "'true'", "08", "1e22", "-0.25",
)  # fmt: skip
COMMENTS = ("plain words", "public: yes", "hide this", "", "  spaced ", "ümläut")


def tree(seed: int) -> str:
    """Return a random YAML text, the same for the same seed."""
    return "\n".join(_mapping(random.Random(seed), 0, 0)) + "\n"


def _mapping(rng: random.Random, indent: int, depth: int) -> Iterator[str]:
    margin = " " * indent
    for key in rng.sample(KEYS, rng.randint(1, 5)):
        yield from _comments(rng, margin)
        yield from _value(rng, f"{margin}{key}:", indent, depth)
    yield from _comments(rng, margin, tail=True)


def _listing(rng: random.Random, indent: int, depth: int) -> Iterator[str]:
    for _ in range(rng.randint(1, 3)):
        yield from _comments(rng, " " * indent)
        if depth < 3 and rng.random() < 0.3:
            inner = list(_mapping(rng, indent + 2, depth + 1))
            if inner[0].lstrip().startswith("#"):
                yield " " * indent + "- " + rng.choice(SCALARS)
                continue
            yield " " * indent + "- " + inner[0].lstrip()
            yield from inner[1:]
        else:
            yield f"{' ' * indent}- {rng.choice(SCALARS)}"


def _value(rng: random.Random, head: str, indent: int, depth: int) -> Iterator[str]:
    kind = rng.random()
    if depth < 3 and kind < 0.25:
        yield head
        yield from _mapping(rng, indent + 4, depth + 1)
    elif depth < 3 and kind < 0.4:
        yield head
        yield from _listing(rng, indent + 4, depth + 1)
    elif kind < 0.5:
        yield f"{head} {rng.choice(('|', '|-', '|+', '>'))}"
        yield from (f"{' ' * (indent + 4)}{word}" for word in ("first", "second # no comment", "  third"))
    elif kind < 0.55:
        yield f"{head} [{rng.choice(('1', 'x'))}, {{k: v, api_secret: 2}}]"
    else:
        yield f"{head} {rng.choice(SCALARS)}{rng.choice(('', '', '', '  # public inline'))}"


def _comments(rng: random.Random, margin: str, *, tail: bool = False) -> Iterator[str]:
    for _ in range(rng.choice((0, 0, 0, 1) if tail else (0, 0, 1, 1, 2))):
        yield f"{margin}# {rng.choice(COMMENTS)}"


def told(document: object) -> dict[str, object]:
    """Return what sops tells in JSON as values by variable."""
    return dict(_told(document, ""))


def _told(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _told(inner, names.under(name, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _told(inner, names.item(name, index))
    else:
        yield name, value


def held(snapshot: Snapshot) -> dict[str, object]:
    """Return what a snapshot holds in the form that sops's JSON has it."""
    return {
        value.name: _held(value.type, value.secret.reveal() if value.secret is not None else None)
        for value in snapshot.values
    }


def _held(kind: ValueType, data: bytes | None) -> object:
    assert data is not None
    match kind:
        case ValueType.NULL:
            return None
        case ValueType.MAP:
            return {}
        case ValueType.LIST:
            return []
        case ValueType.BOOL:
            return data == b"True"
        case ValueType.INT:
            return int(data)
        case ValueType.FLOAT:
            return float(data)
        case _:
            return data.decode()
