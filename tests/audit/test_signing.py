"""The key that signs, and where it is found."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgit.errors import CannotTell
from envgit.signing import KEY, SigningKey, load

from .chain import KEY as TEST_KEY

KEY_FILE = f"{KEY}_FILE"


@pytest.fixture(scope="module")
def keygen(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Make a key with ssh-keygen and return its private text."""

    def make(*arguments: str, phrase: str = "") -> str:
        path = tmp_path_factory.mktemp("keys") / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-N", phrase, "-C", "", "-f", path, *arguments], check=True, capture_output=True
        )
        return path.read_text()

    return make


def test_reads_what_ssh_keygen_wrote(keygen: Callable[..., str]) -> None:
    """An unencrypted ed25519 key of ssh-keygen is read, and written so that it is read again."""
    key = SigningKey.from_openssh(keygen("-t", "ed25519"), "here")
    assert SigningKey.from_openssh(key.to_openssh(), "here").public == key.public


@pytest.mark.parametrize(
    "mangle",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.strip(),
        lambda text: f"\n\n  {text}\n \n",
        lambda text: "\n".join(f"  {line}  " for line in text.splitlines()),
        lambda text: "\ufeff" + text,
    ],
    ids=["CRLF", "no last newline", "blank around", "indented", "byte order mark"],
)
def test_pasted_keys_are_read(mangle: Callable[[str], str]) -> None:
    """What forms and editors do to a key does not matter."""
    assert SigningKey.from_openssh(mangle(TEST_KEY.to_openssh()), "here").public == TEST_KEY.public


@pytest.mark.parametrize(
    ("arguments", "phrase", "word"),
    [
        (("-t", "ed25519"), "secret", "passphrase"),
        (("-t", "rsa", "-b", "2048"), "", "no ed25519 key"),
        (("-t", "ecdsa"), "", "no ed25519 key"),
    ],
)
def test_other_keys_are_told_apart(
    keygen: Callable[..., str], arguments: tuple[str, ...], phrase: str, word: str
) -> None:
    """A key with a passphrase and a key of another type each have a sentence that names where it was."""
    with pytest.raises(CannotTell, match=word) as error:
        SigningKey.from_openssh(keygen(*arguments, phrase=phrase), "the secret")
    assert "the secret" in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__


@given(st.text(max_size=40) | st.integers(0, 398).map(lambda place: _flipped(TEST_KEY.to_openssh(), place)))
def test_broken_keys_are_one_sentence(text: str) -> None:
    """Any text, and a key with any one character replaced, is read or refused without quoting it."""
    said = ""
    try:
        SigningKey.from_openssh(text, "here")
    except CannotTell as error:
        said = str(error)
    assert "\n" not in said
    assert len(text) < 20 or text[:20] not in said


def _flipped(text: str, place: int) -> str:
    place %= len(text)
    return text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]


def _file(directory: Path, mode: int = 0o600) -> Path:
    path = directory / "key"
    path.write_text(TEST_KEY.to_openssh())
    path.chmod(mode)
    return path


def test_load_takes_the_nearest(tmp_path: Path) -> None:
    """The key's own text comes before the named file, and that before git's setting; without any there is none."""
    path, missing = str(_file(tmp_path)), str(tmp_path / "missing")
    assert load({}, None) is None
    for environ, setting, where in (
        ({KEY: TEST_KEY.to_openssh(), KEY_FILE: missing}, missing, KEY),
        ({KEY_FILE: path}, missing, path),
        ({}, path, path),
    ):
        found = load(environ, setting)
        assert found is not None
        assert (found[0].public, found[1]) == (TEST_KEY.public, where)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that its group or others can read is no key, and the message says what to type."""
    with pytest.raises(CannotTell, match="chmod 600"):
        load({KEY_FILE: str(_file(tmp_path, mode))}, None)


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A missing file and a directory are told in a sentence; no other key is tried instead."""
    for name in ("missing", ""):
        with pytest.raises(CannotTell, match="cannot read the signing key"):
            load({KEY_FILE: str(tmp_path / name)}, str(_file(tmp_path)))


def test_a_key_shows_nothing_of_itself() -> None:
    """The text form of a key is its public fingerprint."""
    assert repr(TEST_KEY).startswith("SigningKey(SHA256:")
    assert str(TEST_KEY) == repr(TEST_KEY)
