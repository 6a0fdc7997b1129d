"""Own the paths on the audit branch: none can leave its place, or be one that git or Windows refuses."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

from envgit.audit.codec import path_text

MAX_BYTES = 200
ENTRIES = "entries"
SUPPLEMENTS = "supplements"
ENVIRONMENTS = "environments"

_KEPT_OF_LONG = 128
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_OTHER = re.compile(rb"[^A-Za-z0-9_.-]")
_CUT_ESCAPE = re.compile(r"%[0-9A-F]?\Z")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)


@lru_cache(maxsize=8192)
def escape(name: str) -> str:
    """Return a name as one path segment: letters, digits, `_`, `.` and `-` stay, all else is `%XX` of its UTF-8 bytes.

    A leading or trailing dot and the first letter of a device's name are escaped too; an empty name is `%`. Beyond 200
    bytes the first 128 stay, but for a cut escape, and `~` and the SHA-256 of the whole follow.
    """
    text = path_text(name)
    if not _PLAIN.fullmatch(text):
        text = _OTHER.sub(lambda found: b"%%%02X" % found[0][0], text.encode("utf-8", "surrogatepass")).decode("ascii")
    if text.startswith(".") or _DEVICE.match(text):
        text = f"%{ord(text[0]):02X}{text[1:]}"
    if text.endswith("."):
        text = f"{text[:-1]}%2E"
    return _bounded(text) or "%"


@lru_cache(maxsize=1024)
def directory(environment: str, unit: str) -> tuple[str, str]:
    """Return where an environment's file and variables lie; the `+` before the unit stands in no escaped name."""
    return ENVIRONMENTS, _bounded(f"{escape(environment)}+{escape(unit)}" if unit else escape(environment))


def numbered(folder: str, sequence: int) -> tuple[str, str, str, str]:
    """Return the path of an entry's file below `folder`: `entries/00/00/42.json` for 42."""
    return folder, f"{sequence // 10_000:02}", f"{sequence // 100 % 100:02}", f"{sequence % 100:02}.json"


def _bounded(text: str) -> str:
    if len(text) <= MAX_BYTES:
        return text
    return f"{_CUT_ESCAPE.sub('', text[:_KEPT_OF_LONG])}~{sha256(text.encode()).hexdigest()}"
