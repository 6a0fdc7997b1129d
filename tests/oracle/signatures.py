"""Own Ed25519 by RFC 8032 in plain integers, and the forms that signatures come in: SSHSIG, and keys as OpenSSH writes them.

It is slow, and it guards no secret: it checks signatures and makes none but for tests.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, sha512

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
WIDTH = 70
PLAIN, SECURITY_KEY = b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"

Point = tuple[int, int, int, int]  # extended: x = X/Z, y = Y/Z, xy = T/Z
NEUTRAL: Point = (0, 1, 1, 0)


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(number: int, point: Point) -> Point:
    result = NEUTRAL
    while number:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    return result


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def _x_of(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def _decoded(data: bytes) -> Point | None:
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0)
assert _BASE_X is not None
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little")


@lru_cache(maxsize=100_000)
def good(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature over a message is by the holder of a key."""
    key, start = _decoded(public), _decoded(signature[:32])
    if key is None or start is None or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    challenge = _hashed(signature[:32], public, message) % ORDER
    return _same(_times(scalar, BASE), _add(start, _times(challenge, key)))


def _secret(seed: bytes) -> tuple[int, bytes]:
    hashed = sha512(seed).digest()
    scalar = int.from_bytes(hashed[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, hashed[32:]


def public_of(seed: bytes) -> bytes:
    """Return the public half of a seed."""
    return _encoded(_times(_secret(seed)[0], BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    """Sign a message; for tests, since it leaks the key by its timing."""
    scalar, prefix = _secret(seed)
    public = public_of(seed)
    nonce = _hashed(prefix, message) % ORDER
    start = _encoded(_times(nonce, BASE))
    challenge = _hashed(start, public, message) % ORDER
    return start + ((nonce + challenge * scalar) % ORDER).to_bytes(32, "little")


def seed_of(text: str) -> bytes:
    """Return the seed in an OpenSSH private key without a passphrase; for tests."""
    data = base64.b64decode("".join(text.split("\n")[1:-2]))
    parts = _rows(data[len(b"openssh-key-v1\0") :], 3)[1]
    secret = _rows(parts[4:], 2)[0][1]  # behind how many keys there are
    return _rows(secret[8:], 3)[0][2][:32]  # behind a number that stands there twice


def _rows(data: bytes, number: int) -> tuple[list[bytes], bytes]:
    """Return so many packed parts, and what follows them."""
    found = []
    for _ in range(number):
        length = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found, data


def packed(*parts: bytes) -> bytes:
    """Return parts as SSH writes them: each behind its length."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def unpacked(data: bytes) -> list[bytes] | None:
    """Return the parts of what `packed` made, None where it made no such thing."""
    found = []
    while data:
        if len(data) < 4 or len(data) < 4 + (length := int.from_bytes(data[:4], "big")):
            return None
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found


@dataclass(frozen=True)
class Key:
    """A public key: of an algorithm, the 32 bytes, and for a security key what it says that it is for."""

    algorithm: bytes
    public: bytes
    application: bytes = b""

    @property
    def blob(self) -> bytes:
        """The key as SSH packs it."""
        return packed(self.algorithm, self.public, *([self.application] if self.algorithm == SECURITY_KEY else []))

    @property
    def line(self) -> str:
        """The key as a line of a key set."""
        return f"{self.algorithm.decode()} {base64.b64encode(self.blob).decode()}"


def key_of(blob: bytes) -> Key | None:
    """Return a key from its packed form."""
    parts = unpacked(blob) or [b""]
    if parts[0] == PLAIN and len(parts) == 2 and len(parts[1]) == 32:
        return Key(PLAIN, parts[1])
    if parts[0] == SECURITY_KEY and len(parts) == 3 and len(parts[1]) == 32:
        return Key(SECURITY_KEY, parts[1], parts[2])
    return None


def key_of_line(line: str) -> Key | None:
    """Return the key that a line names, None where it is not exactly such a line."""
    _name, _space, encoded = line.partition(" ")
    try:
        key = key_of(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return None
    return key if key is not None and key.line == line else None


@dataclass(frozen=True)
class Armored:
    """What an armored signature says: by which key, in which namespace, and the signature as it is packed."""

    key: Key
    namespace: bytes
    signature: tuple[bytes, ...]
    flags: bytes = b""  # of a security key: one byte, and a counter of four


def armored(text: str) -> Armored | None:
    """Read an armored SSHSIG of hash sha512, None where it is not exactly as its writer would have made it."""
    lines = text.split("\n")
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        return None
    try:
        data = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return None
    if armor(data) != text or data[:10] != b"SSHSIG" + struct.pack(">I", 1):
        return None
    parts = unpacked(data[10:])
    if parts is None or len(parts) != 5 or parts[2] != b"" or parts[3] != b"sha512":
        return None
    key = key_of(parts[0])
    return None if key is None else _signature(key, parts[1], parts[4])


def _signature(key: Key, namespace: bytes, blob: bytes) -> Armored | None:
    flags = b""
    if key.algorithm == SECURITY_KEY:
        blob, flags = blob[:-5], blob[-5:]
    parts = unpacked(blob)
    if parts is None or len(parts) != 2 or parts[0] != key.algorithm or len(parts[1]) != 64:
        return None
    return Armored(key, namespace, tuple(parts), flags)


def armor(data: bytes) -> str:
    """Return bytes as armor."""
    text = base64.b64encode(data).decode()
    return "\n".join([BEGIN, *(text[at : at + WIDTH] for at in range(0, len(text), WIDTH)), END])


def signed_data(namespace: bytes, message: bytes) -> bytes:
    """Return the bytes that SSHSIG has a key sign for a message."""
    return b"SSHSIG" + packed(namespace, b"", b"sha512", sha512(message).digest())


def holds(found: Armored, message: bytes) -> bool:
    """Tell whether an armored signature is good over a message."""
    data = signed_data(found.namespace, message)
    if found.key.algorithm == SECURITY_KEY:
        if not found.flags or not found.flags[0] & 1:  # nobody touched it
            return False
        data = sha256(found.key.application).digest() + found.flags + sha256(data).digest()
    return good(found.key.public, data, found.signature[1])


def ssh_signature(seed: bytes, namespace: bytes, message: bytes) -> str:
    """Sign a message as `ssh-keygen -Y sign` does; for tests."""
    signature = sign(seed, signed_data(namespace, message))
    key = Key(PLAIN, public_of(seed)).blob
    return armor(b"SSHSIG" + struct.pack(">I", 1) + packed(key, namespace, b"", b"sha512", packed(PLAIN, signature)))
