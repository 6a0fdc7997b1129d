"""Make SOPS files that go on as under `sops edit`: a change seals one value anew, and every other ciphertext stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from envgit.sops import mac
from envgit.sops.cipher import Cipher
from envgit.sops.writer import encrypt

DATA_KEY = bytes(range(32))  # protects nothing
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class EnvFile:
    """One file with `number` variables, for one recipient."""

    def __init__(self, number: int, recipient: str, data_key: bytes = DATA_KEY) -> None:
        self._recipient, self._key = recipient, data_key
        self.values = {f"VARIABLE_{place}": f"value {place} of a service at first" for place in range(number)}
        self.anew()

    def anew(self, key: bytes | None = None) -> bytes:
        """Return the file with every value sealed anew, as after `sops rotate` where another data key is given."""
        plain = "".join(f'{name}: "{value}"\n' for name, value in self.values.items())
        sealed = encrypt(plain, [self._recipient], now=BEGINNING, data_key=key or self._key)
        lines, self._block = sealed[: sealed.index("sops:\n")], sealed[sealed.index("sops:\n") :]
        self._lines = dict(zip(self.values, lines.splitlines(), strict=True))
        return sealed.encode()

    def change(self, name: str, value: str, hours: int) -> bytes:
        """Return the file after a change of one variable, that many hours after the beginning."""
        cipher = Cipher(self._key)
        self.values[name] = value
        self._lines[name] = f"{name}: {cipher.seal(value.encode(), f'{name}:', 'str')}"
        stamp = (BEGINNING + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        code = mac.mac(((value.encode(), True) for value in self.values.values()), only_encrypted=False)
        head, _old, rest = self._block.partition("    lastmodified:")
        after = rest[rest.index("    unencrypted_suffix:") :]
        block = f'{head}    lastmodified: "{stamp}"\n    mac: {cipher.seal(code.encode(), stamp, "str")}\n{after}'
        return ("\n".join(self._lines.values()) + "\n" + block).encode()
