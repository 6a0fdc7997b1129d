"""Own what an age file tells without a key: the stanzas of its header, each for one recipient.

They are hints for choosing an identity, and claims: nothing here is authenticated.
"""

from __future__ import annotations

import base64
import binascii

BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----"
END = "-----END AGE ENCRYPTED FILE-----"
# Room for some 1,500 recipients; beyond that a file only costs time.
MAX_ARMOR = 256 * 1024

Stanza = tuple[str, ...]


def stanzas(armored: str) -> tuple[Stanza, ...]:
    """Return type and arguments of every stanza, nothing where the text is no armored age file."""
    text = armored.strip()
    if len(text) > MAX_ARMOR or not text.startswith(BEGIN) or not text.endswith(END):
        return ()
    try:
        data = base64.b64decode("".join(text[len(BEGIN) : -len(END)].split()), validate=True)
    except (binascii.Error, ValueError):
        return ()
    header = data.partition(b"\n---")[0].decode("ascii", "replace")
    return tuple(tuple(line.split(" ")[1:]) for line in header.split("\n") if line.startswith("-> "))
