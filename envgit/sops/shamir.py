"""Own Shamir's secret sharing over GF(2^8), as sops splits a data key between key groups.

A share is the secret's length and one byte more, its x. Nothing here says who gets which share.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

MAX_SHARES = 255
MIN_THRESHOLD = 2
_POLYNOMIAL = 0x11B
_ORDER = 255


def _tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return powers and logarithms to the base 3, which generates the field's multiplicative group."""
    powers, logarithms, value = [0] * (2 * _ORDER), [0] * (_ORDER + 1), 1
    for exponent in range(_ORDER):
        powers[exponent] = powers[exponent + _ORDER] = value
        logarithms[value] = exponent
        value ^= value << 1
        if value > _ORDER:
            value ^= _POLYNOMIAL
    return tuple(powers), tuple(logarithms)


_POWERS, _LOGARITHMS = _tables()


def split(secret: bytes, shares: int, threshold: int) -> list[bytes]:
    """Split a secret so that any `threshold` of the `shares` give it back, and fewer tell nothing.

    Raise ValueError unless 2 <= threshold <= shares <= 255.
    """
    if not MIN_THRESHOLD <= threshold <= shares <= MAX_SHARES or not secret:
        raise ValueError("a threshold lies between 2 and the number of shares, which is 255 at most")
    points = secrets.SystemRandom().sample(range(1, MAX_SHARES + 1), shares)
    polynomials = [bytes([byte]) + secrets.token_bytes(threshold - 1) for byte in secret]
    return [bytes(_evaluate(polynomial, x) for polynomial in polynomials) + bytes([x]) for x in points]


def combine(parts: Sequence[bytes]) -> bytes | None:
    """Return the secret that the shares make; None where they cannot belong together.

    Too few shares give a wrong secret, not an error: nothing in a share tells.
    """
    if len(parts) < MIN_THRESHOLD or len(parts[0]) < MIN_THRESHOLD or len({len(part) for part in parts}) != 1:
        return None
    points = [part[-1] for part in parts]
    if len(set(points)) != len(points) or 0 in points:
        return None
    weights = [_weight(points, index) for index in range(len(points))]
    return bytes(_sum(weights, [part[at] for part in parts]) for at in range(len(parts[0]) - 1))


def _multiply(a: int, b: int) -> int:
    return _POWERS[_LOGARITHMS[a] + _LOGARITHMS[b]] if a and b else 0


def _evaluate(polynomial: bytes, x: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = _multiply(value, x) ^ coefficient
    return value


def _weight(points: Sequence[int], index: int) -> int:
    """Return Lagrange's basis polynomial of one point, at zero."""
    weight, own = 1, points[index]
    for other in (*points[:index], *points[index + 1 :]):
        quotient = _POWERS[(_LOGARITHMS[other] - _LOGARITHMS[own ^ other]) % _ORDER]
        weight = _multiply(weight, quotient)
    return weight


def _sum(weights: Sequence[int], values: Sequence[int]) -> int:
    total = 0
    for weight, value in zip(weights, values, strict=True):
        total ^= _multiply(weight, value)
    return total
