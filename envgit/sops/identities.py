"""Own the identities at hand, where they come from, and the one door to pyrage.

Private text never leaves this module: not in `tried`, not in an error, not in a file. What pyrage cannot use (a
plugin's identity, a hardware key's, an SSH key behind a passphrase) goes through the `age` program where there is one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyrage

from envgit.errors import CannotTell, UsageError
from envgit.sops.age_program import AgeProgram, Identity
from envgit.sops.armor import MAX_ARMOR
from envgit.sops.identity_sources import Source, sources
from envgit.sops.ssh_keys import inspect

_SHORT = 12

_PLUGIN_IDENTITY = re.compile(r"AGE-PLUGIN-([A-Z0-9+._-]+)-1[0-9A-Z]+|(AGE-SECRET-KEY-PQ)-1[0-9A-Z]+")
_SSH_BEGIN = "-----BEGIN "
_AGE_FILES = ("-----BEGIN AGE ENCRYPTED FILE-----", "age-encryption.org/")


@dataclass(slots=True)
class _Loaded:
    native: list[object] = field(default_factory=list)
    programs: list[Identity] = field(default_factory=list)
    publics: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)


class Keyring:
    """The identities at hand; the sources are read once, when first needed."""

    __slots__ = ("_known", "_program", "_sources")

    def __init__(self, sources: Iterable[Source], environ: Mapping[str, str] | None = None) -> None:
        self._sources = tuple(sources)
        self._program = AgeProgram(environ)
        self._known: _Loaded | None = None

    @classmethod
    def discover(cls, environ: Mapping[str, str], home: Path | None) -> Keyring:
        """Find the identities where sops looks for them, in its order; all sources are merged.

        A source that is broken never stops the others: it is told in `tried`.
        """
        return cls(sources(dict(environ), home), environ)

    @classmethod
    def of(cls, *identity_texts: str) -> Keyring:
        """Take identities that are given: lines of age identities, or the text of an SSH private key."""
        return cls(Source("given", lambda text=text: text, "given") for text in identity_texts)  # type: ignore[misc]

    @property
    def tried(self) -> tuple[str, ...]:
        """The public halves, shortened, each with its source, and what is wrong with a source; never private text."""
        return tuple(self._load().tried)

    @property
    def publics(self) -> tuple[str, ...]:
        """The public halves in full, as far as they can be told."""
        return tuple(self._load().publics)

    @property
    def empty(self) -> bool:
        """Whether there is no identity at all."""
        known = self._load()
        return not known.native and not known.programs

    def unwrap(self, armored: str) -> bytes | None:
        """Return the content of one age file in its ASCII armor, None where no identity opens it."""
        known = self._load()
        if len(armored) > MAX_ARMOR:
            return None
        if known.native and (content := _decrypt(armored, known.native)) is not None:
            return content
        return self._program.decrypt(armored, known.programs) if known.programs else None

    def _load(self) -> _Loaded:
        if self._known is None:
            self._known = _Loaded()
            for source in self._sources:
                _take(source, self._known, self._program)
        return self._known


def wrap(content: bytes, recipients: Sequence[str]) -> str:
    """Encrypt for all recipients into one age file in its ASCII armor.

    Raise UsageError naming a recipient that cannot be used here, CannotTell where the `age` program fails.
    """
    parsed = []
    program = AgeProgram()
    for recipient in recipients:
        known = _recipient(recipient)
        if known is None and not program.knows(recipient.strip()):
            raise UsageError(
                f"recipient {shortened(recipient)} cannot be used: it is malformed, or its age plugin is missing"
            )
        parsed.append(known)
    if not parsed:
        raise UsageError("there is no recipient to encrypt for")
    if None not in parsed:
        return _armored(pyrage.encrypt(content, parsed, armored=True))
    armored = program.encrypt(content, [recipient.strip() for recipient in recipients])
    if armored is None:
        raise CannotTell("the age program could not encrypt; run age by hand to see why")
    return armored


def generate() -> tuple[str, str]:
    """Make an X25519 identity and return its text, which is secret, and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def usable(recipient: str) -> bool:
    """Tell whether `wrap` can encrypt for a recipient here."""
    return _recipient(recipient) is not None or AgeProgram().knows(recipient.strip())


def shortened(public: str) -> str:
    """Return a recipient short enough to be read: `age1abcdefgh…`, `ssh-ed25519 AAAAC3Nz…Xk2qAbCd`."""
    words = "".join(char for char in public if char.isprintable()).split()
    if not words:
        return "(empty)"
    if words[0].startswith("ssh-") and len(words) > 1:
        return f"{words[0]} {words[1][:8]}…{words[1][-8:]}" if len(words[1]) > 2 * _SHORT else f"{words[0]} {words[1]}"
    return words[0] if len(words[0]) <= 2 * _SHORT else f"{words[0][:_SHORT]}…"


def _armored(data: bytes) -> str:
    return data.decode("ascii")


def _decrypt(armored: str, identities: Sequence[object]) -> bytes | None:
    try:
        return bytes(pyrage.decrypt(armored.strip().encode() + b"\n", identities))
    except (pyrage.DecryptError, ValueError, OSError):
        return None


def _recipient(text: str) -> object | None:
    text = text.strip()
    doors = (pyrage.ssh,) if text.startswith("ssh-") else (pyrage.x25519, pyrage.tag, pyrage.tagpq)
    for door in doors:
        try:
            known: object = door.Recipient.from_str(text)
        except (pyrage.RecipientError, ValueError):
            continue
        return known
    return None


def _take(source: Source, known: _Loaded, program: AgeProgram) -> None:
    """Add what one source holds."""
    try:
        text = source.read()
    except (OSError, ValueError, subprocess.SubprocessError):
        known.tried.append(f"{source.place} cannot be read")
        return
    if text is None:
        return
    if text.lstrip().startswith(_AGE_FILES):
        known.tried.append(f"{source.label} is protected by a passphrase: decrypt it first")
    elif text.lstrip().startswith(_SSH_BEGIN):
        _take_ssh(source.label, text, known, program)
    else:
        _take_lines(source.label, text, known, program)


def _take_ssh(label: str, text: str, known: _Loaded, program: AgeProgram) -> None:
    key = inspect(text)
    if key is None:
        known.tried.append(f"{label} is no SSH key that age can use")
        return
    name = f"{shortened(key.public)} ({label})" if key.public else label
    if key.public:
        known.publics.append(key.public)
    if not key.encrypted:
        try:
            known.native.append(pyrage.ssh.Identity.from_buffer(text.encode()))
        except (pyrage.IdentityError, ValueError):
            known.tried.append(f"{label} is no SSH key that age can use")
            return
    elif program.found and key.path_independent:
        known.programs.append(Identity(text, ssh_public=key.public))
    else:
        known.tried.append(f"{name} is protected by a passphrase")
        return
    known.tried.append(name)


def _take_lines(label: str, text: str, known: _Loaded, program: AgeProgram) -> None:
    for number, words in _identity_lines(text):
        for word in words:
            try:
                identity = pyrage.x25519.Identity.from_str(word)
            except (pyrage.IdentityError, ValueError):
                _take_plugin(f"{label}:{number}" if "\n" in text.strip() else label, word, known, program)
                continue
            known.native.append(identity)
            public = str(identity.to_public())
            known.publics.append(public)
            known.tried.append(f"{shortened(public)} ({label})")


def _identity_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith("#") and line.strip():
            yield number, line.split()


def _take_plugin(place: str, word: str, known: _Loaded, program: AgeProgram) -> None:
    match = _PLUGIN_IDENTITY.fullmatch(word)
    if match is None:
        known.tried.append(f"{place} is malformed")
        return
    name = (match[1] or "post-quantum").lower()
    if not program.found:
        known.tried.append(f"{place} needs the age program for its {name} identity")
        return
    known.programs.append(Identity(word))
    known.tried.append(f"{name} identity ({place})")
