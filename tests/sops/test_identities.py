"""Identities are found where sops finds them, open what sops encrypted for them, and are never shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from envgit.errors import UsageError
from envgit.model import Mac
from envgit.sops.armor import stanzas
from envgit.sops.identities import Keyring, shortened, usable, wrap
from envgit.sops.identity_sources import _config_home
from envgit.sops.reader import Reader
from tests.kit.sops import new_key

DATA_KEY = bytes(range(32))


def _ssh_key(path: Path, *options: str, passphrase: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-N", passphrase, "-C", "me@example.org", "-f", str(path), *options]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return Path(f"{path}.pub").read_text().strip()


@pytest.mark.parametrize(
    "options",
    [["-t", "ed25519"], ["-t", "rsa", "-b", "2048"], ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ids=["ed25519", "rsa", "pem"],
)
def test_ssh_keys_open_what_sops_encrypted_for_them(sops, tmp_path, options):
    """A file that sops encrypted for an SSH key is opened by it, and named by its public half."""
    public = _ssh_key(tmp_path / "key", *options)
    data = sops.encrypt("a: hello\n", recipients=(public,))
    keyring = Keyring.discover({"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(tmp_path / "key")}, tmp_path / "home")
    snapshot = Reader(keyring).read(data)
    assert snapshot.mac is Mac.GOOD
    assert public in snapshot.recipients
    assert keyring.publics == (" ".join(public.split()[:2]),)
    assert keyring.tried == (f"{shortened(public)} (SOPS_AGE_SSH_PRIVATE_KEY_FILE key)",)


def test_every_source_is_read_in_the_order_of_sops(tmp_path):
    """All sources are merged: SSH keys first, then the variables, then the default file."""
    keys = [new_key() for _ in range(4)]
    home = tmp_path / "home"
    publics = [_ssh_key(tmp_path / "own", "-t", "ed25519"), _ssh_key(home / ".ssh" / "id_ed25519", "-t", "ed25519")]
    (tmp_path / "keys").write_text(f"# comment\r\n\r\n{keys[1].identity}\r\n")
    default = home / ".config" / "sops" / "age" / "keys.txt"
    default.parent.mkdir(parents=True)
    default.write_text(keys[3].identity + "\n")
    keyring = Keyring.discover(
        {
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(tmp_path / "own"),
            "SOPS_AGE_KEY": keys[0].identity,
            "SOPS_AGE_KEY_FILE": str(tmp_path / "keys"),
            "SOPS_AGE_KEY_CMD": f"{sys.executable} -c 'print(\"{keys[2].identity}\")'",
            "PATH": os.environ["PATH"],
        },
        home,
    )
    assert keyring.publics == (*(" ".join(public.split()[:2]) for public in publics), *(key.recipient for key in keys))
    assert [note.rpartition(" (")[2] for note in keyring.tried] == [
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE own)", "id_ed25519)", "SOPS_AGE_KEY)",
        "SOPS_AGE_KEY_FILE keys)", "SOPS_AGE_KEY_CMD)", "keys.txt)",
    ]  # fmt: skip
    for key in keys:
        assert keyring.unwrap(wrap(DATA_KEY, [key.recipient])) == DATA_KEY


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", "home/.config"),
        ({"XDG_CONFIG_HOME": "/x"}, "linux", "/x"),
        ({"XDG_CONFIG_HOME": "x"}, "linux", None),
        ({}, "darwin", "home/Library/Application Support"),
        ({"XDG_CONFIG_HOME": "/x"}, "darwin", "/x"),
        ({"AppData": "/a"}, "win32", "/a"),
        ({}, "win32", None),
    ],
)
def test_the_default_folder_is_the_platforms(environ, platform, expected):
    """Linux, macOS and Windows have the default file where sops has it."""
    found = _config_home(environ, Path("home"), platform)
    assert found == (Path(expected) if expected else None)


def test_a_broken_source_is_told_and_stops_nothing(tmp_path):
    """A malformed line or a missing file is a note, and the other identities are used."""
    key = new_key()
    (tmp_path / "keys.txt").write_text(f"AGE-SECRET-KEY-1BROKEN\n{key.identity}\n")
    keyring = Keyring.discover(
        {
            "SOPS_AGE_KEY_FILE": str(tmp_path / "keys.txt"),
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(tmp_path / "none"),
            "SOPS_AGE_KEY_CMD": "no-such-program-here",
            "SOPS_AGE_KEY": "unbalanced",
        },
        None,
    )
    assert keyring.unwrap(wrap(DATA_KEY, [key.recipient])) == DATA_KEY
    assert keyring.tried == (
        f"SOPS_AGE_SSH_PRIVATE_KEY_FILE {tmp_path}/none cannot be read",
        "SOPS_AGE_KEY is malformed",
        "SOPS_AGE_KEY_FILE keys.txt:1 is malformed",
        f"{shortened(key.recipient)} (SOPS_AGE_KEY_FILE keys.txt)",
        "SOPS_AGE_KEY_CMD cannot be read",
    )


def test_a_key_file_that_cannot_be_read_is_named_by_its_whole_path(tmp_path):
    """As it was given: a wrong directory cannot be seen by the file's name."""
    (tmp_path / "keys.txt").mkdir()
    for given in ("/nosuch/keys.txt", "nosuch/keys.txt", str(tmp_path / "keys.txt")):
        keyring = Keyring.discover({"SOPS_AGE_KEY_FILE": given}, None)
        keyring.unwrap(())
        assert keyring.tried == (f"SOPS_AGE_KEY_FILE {given} cannot be read",)
    folder = tmp_path / "home" / ".ssh" / "id_ed25519"
    folder.mkdir(parents=True)
    keyring = Keyring.discover({}, tmp_path / "home")
    keyring.unwrap(())
    assert keyring.tried == (f"{folder} cannot be read",)


def test_a_key_in_the_place_of_a_path_is_not_repeated():
    """Somebody gave the key itself as SOPS_AGE_KEY_FILE: no message shows any of it."""
    for key in (
        new_key().identity,
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl/bnNz\n-----END OPENSSH PRIVATE KEY-----",
    ):
        keyring = Keyring.discover({"SOPS_AGE_KEY_FILE": key}, None)
        keyring.unwrap(())
        assert keyring.tried == ("SOPS_AGE_KEY_FILE, which holds a key and no path, cannot be read",)


def test_sources_are_read_once_and_only_when_needed(tmp_path):
    """A keyring that nobody asks runs no command, and one that is asked twice runs it once."""
    log = tmp_path / "log"
    script = tmp_path / "cmd.py"
    script.write_text(f"open({str(log)!r}, 'a').write('x')\nprint({new_key().identity!r})\n")
    keyring = Keyring.discover({"SOPS_AGE_KEY_CMD": f"{sys.executable} {script}"}, None)
    assert not log.exists()
    assert not keyring.empty
    assert keyring.unwrap("nothing") is None
    assert log.read_text() == "x"


def test_private_text_is_nowhere():
    """Neither what was tried nor the keyring's own text holds a private key."""
    key, lone = new_key(), "AGE-SECRET-KEY-1" + "Q" * 40
    keyring = Keyring.of(key.identity, lone, f"{key.identity}x")
    shown = " ".join(keyring.tried) + repr(keyring)
    assert "AGE-SECRET" not in shown
    assert key.identity[20:40] not in shown
    assert "given is malformed" in shown


def test_what_a_passphrase_protects_is_told(tmp_path):
    """An SSH key or an identity file behind a passphrase is named as such."""
    public = _ssh_key(tmp_path / ".ssh" / "id_ed25519", "-t", "ed25519", passphrase="secret")
    locked = pyrage.passphrase.encrypt(new_key().identity.encode(), "secret", armored=True)
    keyring = Keyring.discover({"SOPS_AGE_KEY": locked.decode(), "PATH": ""}, tmp_path)
    assert keyring.empty
    assert keyring.tried == (
        f"{shortened(public)} (id_ed25519) is protected by a passphrase",
        "SOPS_AGE_KEY is protected by a passphrase: decrypt it first",
    )


def test_an_empty_keyring_opens_nothing():
    """Without identities nothing is opened and nothing was tried."""
    keyring = Keyring.discover({}, None)
    assert keyring.empty
    assert keyring.tried == ()
    assert keyring.unwrap(wrap(DATA_KEY, [new_key().recipient])) is None


@pytest.mark.parametrize(
    "armored",
    ["", "x", "-----BEGIN AGE ENCRYPTED FILE-----\n\n-----END AGE ENCRYPTED FILE-----", "é" * 10, "A" * 300_000],
    ids=range(5),
)
def test_what_is_no_age_file_opens_to_nothing(armored):
    """Any text is taken, and gives None."""
    assert Keyring.of(new_key().identity).unwrap(armored) is None
    assert stanzas(armored) == ()


def test_one_age_file_for_several_recipients_opens_for_each(tmp_path):
    """`wrap` makes one file, with a stanza for each recipient, an SSH key's comment and all."""
    key = new_key()
    public = _ssh_key(tmp_path / "key", "-t", "ed25519")
    armored = wrap(b"content", [f" {key.recipient} ", public])
    assert {"X25519", "ssh-ed25519"} <= {stanza[0] for stanza in stanzas(armored)}
    assert Keyring.of(key.identity).unwrap(armored) == b"content"
    assert Keyring.of((tmp_path / "key").read_text()).unwrap(armored) == b"content"


@pytest.mark.parametrize(
    "recipient", ["age1notakey", "ssh-dss AAAA", "", "pgp:ABCD", "age1yubikey1qwerty", "-o", "x\x1b[31m"]
)
def test_a_recipient_that_cannot_be_used_is_named(recipient):
    """`usable` says no, and `wrap` names the recipient without controls."""
    assert not usable(recipient)
    with pytest.raises(UsageError, match="cannot be used") as caught:
        wrap(DATA_KEY, [new_key().recipient, recipient])
    assert str(caught.value).isprintable()
    with pytest.raises(UsageError, match="no recipient"):
        wrap(DATA_KEY, [])


PLUGIN = '''#!{python}
"""An age plugin that hides nothing: the stanza's body is the file key."""
import base64, sys

def b64(data): return base64.b64encode(data).decode().rstrip("=")
def unb64(text): return base64.b64decode(text + "=" * (-len(text) % 4))

def read():
    words, body = sys.stdin.readline().split()[1:], ""
    while True:
        line = sys.stdin.readline().rstrip("\\n")
        body += line
        if len(line) < 64:
            return words, unb64(body)

def write(*words, body=b""):
    sys.stdout.write("-> " + " ".join(words) + "\\n" + b64(body) + "\\n")
    sys.stdout.flush()

encrypting, stanzas = "recipient-v1" in sys.argv[1], []
while True:
    words, body = read()
    if words[0] == "done":
        break
    if words[0] in ("wrap-file-key", "recipient-stanza"):
        stanzas.append((words, body))
for words, body in stanzas:
    if encrypting:
        write("recipient-stanza", "0", "opentest", body=body)
        read()
    elif words[2] == "opentest":
        write("file-key", words[1], body=body)
        read()
write("done")
'''


@pytest.mark.skipif(shutil.which("age") is None, reason="the age program is not installed")
def test_a_plugin_identity_goes_through_the_age_program(tmp_path, monkeypatch):
    """What a plugin's recipient was encrypted for, its identity opens, by the real age and a plugin on the PATH."""
    plugin = tmp_path / "age-plugin-opentest"
    plugin.write_text(PLUGIN.replace("{python}", sys.executable))
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    recipient, identity = _bech32("age1opentest", b"x"), _bech32("age-plugin-opentest-", b"x").upper()
    assert usable(recipient)
    armored = wrap(DATA_KEY, [recipient, new_key().recipient])
    keyring = Keyring.of(identity)
    assert keyring.unwrap(armored) == DATA_KEY
    assert keyring.tried == ("opentest identity (given)",)
    assert keyring.unwrap(wrap(DATA_KEY, [new_key().recipient])) is None


def _bech32(prefix: str, data: bytes) -> str:
    """Encode as BIP 173 says, which neither age's Python door nor the standard library offers."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(f"{byte:08b}" for byte in data)
    words = [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]
    values = [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix), *words, 0, 0, 0, 0, 0, 0]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return f"{prefix}1" + "".join(alphabet[word] for word in [*words, *(check >> 5 * (5 - at) & 31 for at in range(6))])
