"""Own what an entry may say: section 3 of the format as tables, field by field, with the kinds that were added to it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from typing import Any

from tests.oracle.json_ import Malformed, read

Check = Callable[[Any], None]
NEEDED = object()
Fields = dict[str, tuple[Check, Any]]

VALUE_TYPES = ("str", "int", "float", "bool", "time", "bytes", "null", "map", "list")
CHANGE_KINDS = (
    *("added", "removed", "changed", "renamed", "retyped", "disclosed", "concealed", "reencrypted", "opaque"),
)
REASONS = ("no-identity", "plaintext", "not-sops", "too-large", "malformed")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(Z|[+-]\d\d:\d\d)", re.ASCII)


class Newer(Exception):
    """An entry is of a version or kind that this verifier does not know."""


def _refuse(value: Any, wanted: str) -> None:
    raise Malformed(f"{value!r} is no {wanted}")


def text(value: Any) -> None:
    """Refuse what is no text."""
    if not isinstance(value, str):
        _refuse(value, "text")


def integer(value: Any) -> None:
    """Refuse what is no integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(value, "integer")


def natural(value: Any) -> None:
    """Refuse what is no integer from 0 on."""
    integer(value)
    if value < 0:
        _refuse(value, "number from 0 on")


def boolean(value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        _refuse(value, "boolean")


def matching(pattern: str, wanted: str) -> Check:
    """Return a check of texts by a pattern."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any) -> None:
        text(value)
        if compiled.fullmatch(value) is None:
            _refuse(value, wanted)

    return check


commit = matching(r"[0-9a-f]{40}", "commit")
digest = matching(r"sha256:[0-9a-f]{64}", "digest")
fingerprint = matching(r"[0-9a-f]{32}", "fingerprint")
key_id = matching(r"[0-9a-f]{32}", "key id")
kind_name = matching(r"[a-z][a-z0-9-]{0,63}", "kind")


def seconds(value: str) -> int:
    """Return the seconds of a time since 1970."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise Malformed(f"{value!r} is no time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not (year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        raise Malformed(f"{value!r} is on no day")
    if hour > 23 or minute > 59 or second > 59:
        raise Malformed(f"{value!r} is at no hour")
    zone, away = match[7], 0
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise Malformed(f"{value!r} has no offset")
        away = (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
    return calendar.timegm((year, month, day, hour, minute, second)) - away


def time(value: Any) -> None:
    """Refuse what is no time."""
    text(value)
    seconds(value)


def utc(value: Any) -> None:
    """Refuse what is no time in UTC."""
    time(value)
    if not value.endswith("Z"):
        _refuse(value, "time in UTC")


def origin(value: Any) -> None:
    """Refuse what is no origin."""
    text(value)
    if not 0 < len(value) <= 1000 or re.search(r"[\s\x00-\x1f\x7f-\x9f]", value):
        _refuse(value, "origin")


def one_of(*words: str) -> Check:
    """Return a check for one of these words."""

    def check(value: Any) -> None:
        text(value)
        if value not in words:
            _refuse(value, "known word")

    return check


def or_null(inner: Check) -> Check:
    """Return a check that lets null pass."""

    def check(value: Any) -> None:
        if value is not None:
            inner(value)

    return check


def list_of(inner: Check) -> Check:
    """Return a check of lists."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            _refuse(value, "list")
        for part in value:
            inner(part)

    return check


def record(fields: Fields) -> Check:
    """Return a check of objects with exactly these fields; one with a default is left out where it has it."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            _refuse(value, "object")
        for name in value:
            if name not in fields:
                raise Malformed(f"unknown field {name}")
        for name, (inner, default) in fields.items():
            if name not in value:
                if default is NEEDED:
                    raise Malformed(f"no {name}")
                continue
            if default is not NEEDED and value[name] == default and type(value[name]) is type(default):
                raise Malformed(f"{name} stands at its default")
            inner(value[name])

    return check


def needed(**fields: Check) -> Fields:
    """Return fields that always stand; a trailing underscore is none of a name."""
    return {name.rstrip("_"): (check, NEEDED) for name, check in fields.items()}


def optional(**fields: tuple[Check, Any]) -> Fields:
    """Return fields with their defaults."""
    return {name.rstrip("_"): pair for name, pair in fields.items()}


CONFIG = record(
    needed(
        version=integer,
        environments=list_of(record(needed(pattern=text) | optional(name=(text, "")))),
        branch=text,
        audit_branch=text,
        reveal=list_of(text),
    )
)
SIGNER = record(
    needed(name=text, email=text, key=text, kinds=list_of(text), from_=integer) | optional(until=(integer, None))
)
SIGNERS = record(
    needed(
        version=integer,
        threshold=integer,
        roots=list_of(record(needed(name=text, key=text))),
        signers=list_of(SIGNER),
    )
    | optional(reapproved=(list_of(record(needed(from_=integer, size=integer, root=digest))), []))
)
PERSON = record(needed(name=text, email=text, time=time))
SOURCE = record(
    needed(branch=text, commit=commit, previous=or_null(commit), author=PERSON, landed_at=time)
    | optional(pushed_by=(text, ""), merged=(list_of(record(needed(commit=commit, author=PERSON))), []))
)
REVIEW = record(
    optional(
        pull_request=(integer, None),
        author=(text, ""),
        merged_by=(text, ""),
        approvals=(
            list_of(record(needed(login=text, commit=commit, time=time) | optional(association=(text, "")))),
            [],
        ),
        at=(time, ""),
        unavailable=(text, ""),
    )
)
RESTATED = record(needed(variable=text, type=one_of(*VALUE_TYPES), fingerprint=fingerprint))
EVENTS: dict[str, Fields] = {
    "created": {},
    "deleted": {},
    "released": {},
    "data-key-rotated": {},
    "text-changed": {},
    "mac-invalid": {},
    "moved": needed(from_=text),
    "access-granted": needed(recipient=text),
    "access-revoked": needed(recipient=text),
    "rules-changed": optional(before=(text, ""), after=(text, "")),
    "unreadable": needed(reason=one_of(*REASONS)),
    "fingerprint-key": needed(id=key_id)
    | optional(
        recipients=(list_of(text), []),
        wrapped=(list_of(text), []),
        threshold=(integer, 1),
        variables=(list_of(RESTATED), []),
    ),
}
_CHANGE = record(
    needed(variable=text, kind=one_of(*CHANGE_KINDS))
    | optional(
        type=(one_of(*VALUE_TYPES), None),
        type_before=(one_of(*VALUE_TYPES), None),
        from_=(text, ""),
        before=(fingerprint, None),
        after=(fingerprint, None),
        clear=(boolean, False),
        shown=(record(optional(before=(text, None), after=(text, None))), None),
        previous=(integer, None),
        by=(commit, None),
    )
)


def event(value: Any) -> None:
    """Refuse what is no event."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str) or value["kind"] not in EVENTS:
        _refuse(value, "event")
    record(needed(kind=text) | EVENTS[value["kind"]])(value)


def change(value: Any) -> None:
    """Refuse what is no change of a variable."""
    _CHANGE(value)
    if (value["kind"] == "renamed") != ("from" in value):
        raise Malformed("the name before belongs to a renaming and to nothing else")


_FILE = record(
    needed(environment=text, path=text, before=or_null(digest), after=or_null(digest), state=or_null(digest))
    | optional(
        unit=(text, ""),
        key=(key_id, None),
        state_before=(digest, None),
        events=(list_of(event), []),
        changes=(list_of(change), []),
    )
)


FILES = list_of(_FILE)
ANCHOR_TYPES = ("note", "cosigned", "rfc3161")
BODIES: dict[str, Fields] = {
    "genesis": needed(
        nonce=text,
        source=record(needed(branch=text, head=or_null(commit), start=or_null(commit))),
        config=CONFIG,
        signers=SIGNERS,
        readme=digest,
    ),
    "change": needed(source=SOURCE, files=FILES) | optional(review=(REVIEW, None)),
    "config": needed(source=SOURCE, config=or_null(CONFIG), in_force=boolean)
    | optional(
        problem=(text, ""),
        files=(FILES, []),
        review=(REVIEW, None),
        of=(integer, None),
        approvals=(list_of(text), []),
    ),
    "rewrite": needed(branch=text, from_=commit, to=commit, landed_at=time, files=FILES),
    "supplement": needed(of=integer) | optional(files=(FILES, []), review=(REVIEW, None)),
    "signers": needed(signers=SIGNERS) | optional(approvals=(list_of(text), [])),
    "anchor": needed(size=integer, root=digest, type=one_of(*ANCHOR_TYPES), evidence=text)
    | optional(certificates=(list_of(text), [])),
}
_ENVELOPE = needed(
    version=integer,
    origin=origin,
    sequence=natural,
    kind=kind_name,
    recorded_at=utc,
    recorder=record(needed(tool=text) | optional(actor=(text, ""), run=(text, ""))),
)


def entry(data: bytes) -> dict[str, Any]:
    """Return an entry from its bytes.

    Raises:
        Malformed: they are none.
        Newer: they are of a later version or kind; the first argument is the entry, by its envelope.
    """
    value = read(data)
    if not isinstance(value, dict):
        raise Malformed("no object")
    version = value.get("version")
    integer(version)
    if version != 1:
        raise Newer({})
    envelope = {name: part for name, part in value.items() if name in _ENVELOPE}
    record(_ENVELOPE)(envelope)
    if envelope["kind"] not in BODIES:
        raise Newer(envelope)
    record(_ENVELOPE | BODIES[envelope["kind"]])(value)
    return value
