"""Own what a YAML scalar means to sops: go-yaml v3's resolution, and sops's byte encoding of every type.

Neither YAML 1.1 nor 1.2, so never to be left to another library's defaults: clear values enter the MAC in this form.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal

from envgit.model import ValueType

Resolved = tuple[ValueType, bytes]

_TAG_PREFIX = "tag:yaml.org,2002:"
_RESOLVABLE = {"bool", "int", "float", "null", "timestamp"}
_KIND_OF_TAG = {
    "bool": ValueType.BOOL,
    "int": ValueType.INT,
    "float": ValueType.FLOAT,
    "null": ValueType.NULL,
    "timestamp": ValueType.TIME,
}
_NULL: Resolved = (ValueType.NULL, b"")
_WORDS: dict[str, Resolved] = {
    **dict.fromkeys(("true", "True", "TRUE"), (ValueType.BOOL, b"True")),
    **dict.fromkeys(("false", "False", "FALSE"), (ValueType.BOOL, b"False")),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), _NULL),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (ValueType.FLOAT, b"NaN")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (ValueType.FLOAT, b"+Inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (ValueType.FLOAT, b"-Inf")),
}
# A plain scalar that starts otherwise is a string, whatever follows.
_FIRST = frozenset("+-.0123456789~tTfFnN")
_NUMBER_FIRST = frozenset("+-0123456789")

# Go's ParseInt with base 0, after go-yaml has dropped the underscores.
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d)", re.ASCII)
_DECIMAL = re.compile(rb"[-+]?[0-9]{1,30}")
_PLAIN_FLOAT = re.compile(rb"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FLOAT_WORDS = {b"NaN": b"NaN", b"+Inf": b"+Inf", b"-Inf": b"-Inf", b"Inf": b"+Inf"}
_BOOLS = {
    **dict.fromkeys((b"1", b"t", b"T", b"true", b"TRUE", b"True"), b"True"),
    **dict.fromkeys((b"0", b"f", b"F", b"false", b"FALSE", b"False"), b"False"),
}
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_LAST_HOUR, _LAST_MINUTE = 23, 59
_NANO_DIGITS = 9
_MAX_INT = 2**64
_MIN_INT = -(2**63)


def resolve(text: str, style: str, tag: str | None) -> Resolved:
    """Return the type of a scalar and its bytes in sops's encoding; `style` is empty where it is plain.

    What go-yaml cannot decode under its explicit tag is null, as sops has it. Source: go-yaml v3, checked on sops 3.11.
    """
    if tag is None or tag == "!":
        if style or (text and text[0] not in _FIRST):
            return ValueType.STR, text.encode()
        return _plain(text)
    return _tagged(text, tag.removeprefix(_TAG_PREFIX) if tag.startswith(_TAG_PREFIX) else "")


def canonical(tag: str, data: bytes) -> Resolved | None:
    """Return type and bytes, as sops hashes them, of a decrypted value by its `type:`; None where sops refuses it."""
    match tag:
        case "str":
            return ValueType.STR, data
        case "int":
            return _canonical_int(data)
        case "bool":
            return (ValueType.BOOL, _BOOLS[data]) if data in _BOOLS else None
        case "float":
            return _canonical_float(data)
        case "time":
            return _canonical_time(data)
        case "bytes":
            return ValueType.BYTES, data
        case _:
            return None


def float_bytes(number: float) -> bytes:
    """Write a float as Go's FormatFloat 'f' with precision -1 does: the shortest digits, never an exponent."""
    if math.isnan(number):
        return b"NaN"
    if math.isinf(number):
        return b"+Inf" if number > 0 else b"-Inf"
    digits = format(Decimal(repr(number)), "f")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits).encode()


def rfc3339(text: str) -> str | None:
    """Return a time of RFC 3339 in Go's own form, fraction and offset kept, `+00:00` as `Z`; None where it is none."""
    return _time(text) if _RFC3339.fullmatch(text) else None


def _plain(text: str) -> Resolved:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_FIRST:
        return _number(text)
    if text[0] == "." and _DOT_FLOAT.fullmatch(text) and (data := _finite(text)):
        return ValueType.FLOAT, data
    return ValueType.STR, text.encode()


def _number(text: str) -> Resolved:
    if (moment := _time(text)) is not None:
        return ValueType.TIME, moment.encode()
    digits = text.replace("_", "")
    if (number := _int(digits)) is not None:
        return ValueType.INT, b"%d" % number
    if _FLOAT.fullmatch(digits) and (data := _finite(digits)):
        return ValueType.FLOAT, data
    return ValueType.STR, text.encode()


def _int(digits: str) -> int | None:
    match = _INT.fullmatch(digits)
    if match is None or len(digits) > 80:
        return None
    sign, hexadecimal, binary, octal, decimal = match.groups()
    for group, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
        if group is not None:
            number = int(group, base) if sign != "-" else -int(group, base)
            # Go's ParseUint, which is tried for what ParseInt cannot hold, takes no sign.
            limit = _MAX_INT if not sign else 2**63
            return number if _MIN_INT <= number < limit else None
    return None


def _finite(text: str) -> bytes | None:
    number = float(text)
    return None if math.isinf(number) else float_bytes(number)


def _time(text: str) -> str | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, mark, hour, minute, second, fraction, zone = match.groups()
    if not 1 <= int(month) <= len(_DAYS) or not 1 <= int(day) <= _days(int(year), int(month)):
        return None
    date = f"{year}-{int(month):02}-{int(day):02}"
    if mark is None:
        return f"{date}T00:00:00Z"
    if (mark == " ") == (zone is not None):
        return None
    if int(hour) > _LAST_HOUR or int(minute) > _LAST_MINUTE or int(second) > _LAST_MINUTE:
        return None
    if (offset := _zone(zone)) is None:
        return None
    nanos = (fraction or "")[:_NANO_DIGITS].rstrip("0")
    return f"{date}T{int(hour):02}:{int(minute):02}:{int(second):02}{'.' + nanos if nanos else ''}{offset}"


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + (month == _FEBRUARY and leap)


def _zone(zone: str | None) -> str | None:
    if zone is None or zone == "Z" or zone[1:] == "00:00":
        return "Z"
    return zone if int(zone[1:3]) <= _LAST_HOUR and int(zone[4:]) <= _LAST_MINUTE else None


def _tagged(text: str, tag: str) -> Resolved:
    if tag == "binary":
        return _binary(text)
    if tag not in _RESOLVABLE:
        return ValueType.STR, text.encode()
    kind, data = _plain(text) if not text or text[0] in _FIRST else (ValueType.STR, b"")
    if tag == "float" and kind is ValueType.INT:
        return ValueType.FLOAT, float_bytes(float(int(data)))
    return (kind, data) if kind is _KIND_OF_TAG[tag] else _NULL


def _binary(text: str) -> Resolved:
    try:
        return ValueType.STR, base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return _NULL


def _canonical_int(data: bytes) -> Resolved | None:
    if not _DECIMAL.fullmatch(data):
        return None
    number = int(data)
    return (ValueType.INT, b"%d" % number) if _MIN_INT <= number < 2**63 else None


def _canonical_float(data: bytes) -> Resolved | None:
    if data in _FLOAT_WORDS:
        return ValueType.FLOAT, _FLOAT_WORDS[data]
    if not _PLAIN_FLOAT.fullmatch(data):
        return None
    written = _finite(data.decode())
    return None if written is None else (ValueType.FLOAT, written)


def _canonical_time(data: bytes) -> Resolved | None:
    moment = rfc3339(data.decode("utf-8", "replace"))
    return None if moment is None else (ValueType.TIME, moment.encode())
