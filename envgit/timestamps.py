"""Own RFC 3161: asking a time-stamp authority for a token, and judging one; the one place that knows rfc3161-client.

A token is a stranger's bytes, and so are the certificates that come with it: only what the reader's own roots vouch for counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from hashlib import sha256
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from envgit.errors import CannotTell

MAX_BYTES = 64 * 1024
MAX_CERTIFICATES = 16
# What cryptography raises for a certificate that is none, or an odd one.
_ODD = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class Untrusted(CannotTell):
    """A token is none, or nobody whom the reader trusts stands behind it."""


class Request(NamedTuple):
    """A request for a token: its DER, and the number by which the answer is known to be for it."""

    data: bytes
    nonce: int | None


class Token(NamedTuple):
    """What an authority said: when, in seconds since 1970, and who it is, as its certificate names it."""

    seconds: int
    authority: str


class Authorities:
    """The authorities that a reader trusts: roots, and where any is named, the very certificates that may sign."""

    def __init__(self, pem: bytes) -> None:
        """Read certificates in PEM; raise Untrusted where there are none, or no root among them."""
        try:
            found = x509.load_pem_x509_certificates(pem)
        except _ODD:
            raise Untrusted("no certificates in PEM") from None
        self._roots = [one for one in found if _is_authority(one)]
        self._leaves = [one for one in found if not _is_authority(one)]
        if not self._roots:
            raise Untrusted("no certificate of a root among them")

    def judge(self, answer: bytes, message: bytes, more: Iterable[str] = (), nonce: int | None = None) -> Token:
        """Return what a response proves of `message`; raise Untrusted where it proves nothing to this reader.

        `more` are certificates in PEM that lie beside the token; they count only as far as the roots vouch for them.
        """
        found = _opened(answer)
        leaves: list[x509.Certificate | None] = [*self._leaves] or [None]
        builders = [
            VerifierBuilder(
                roots=list(self._roots),
                intermediates=_vouched(self._roots, more),
                tsa_certificate=leaf,
                nonce=nonce,
            )
            for leaf in leaves
        ]
        why = ""
        for builder in builders:
            try:
                # Its verifier takes the one signer out of the response, so that each look needs its own.
                builder.build().verify_message(_opened(answer), message)
                return _token(found)
            except (VerificationError, *_ODD) as error:
                why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise Untrusted(f"a time-stamp token that your authorities do not stand behind ({why})")


def request(message: bytes) -> Request:
    """Return a request for a token over a message, by its SHA-256."""
    made = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    return Request(made.as_bytes(), made.nonce)


def is_over(answer: bytes, message: bytes) -> bool:
    """Tell whether a response is a token over a message, whoever signed it; raise Untrusted where it is no response."""
    imprint = _opened(answer).tst_info.message_imprint
    return imprint.hash_algorithm == _SHA256 and imprint.message == sha256(message).digest()


def imprint_of(answer: bytes) -> bytes:
    """Return the SHA-256 that a response is over, 32 bytes; raise Untrusted where it is no response, or of another hash."""
    imprint = _opened(answer).tst_info.message_imprint
    if imprint.hash_algorithm != _SHA256:
        raise Untrusted("a time-stamp token over another hash than SHA-256")
    return bytes(imprint.message)


def answered(answer: bytes, asked: Request, message: bytes) -> None:
    """Raise Untrusted where a response is not the answer to a request over a message; who signed it is not asked."""
    found = _opened(answer)
    if not is_over(answer, message) or (asked.nonce is not None and found.tst_info.nonce != asked.nonce):
        raise Untrusted("an answer to another question")


def _opened(answer: bytes) -> TimeStampResponse:
    if len(answer) > MAX_BYTES:
        raise Untrusted(f"a time-stamp response of more than {MAX_BYTES >> 10} KiB")
    try:
        found = decode_timestamp_response(answer)
        if found.status not in (0, 1):
            raise Untrusted(f"a refusal (status {found.status})")
        _info = found.tst_info  # a refusal has none
    except ValueError:
        raise Untrusted("no time-stamp response") from None
    return found


def _token(found: TimeStampResponse) -> Token:
    at = found.tst_info.gen_time.astimezone(UTC)
    return Token(int(at.timestamp()), _signer(found))


def _signer(found: TimeStampResponse) -> str:
    """Return the name of the certificate that the signature names; the list of certificates is signed by nobody."""
    by = {(one.issuer, one.serial_number) for one in found.signed_data.signer_infos}
    for data in found.signed_data.certificates:
        try:
            one = x509.load_der_x509_certificate(bytes(data))
            if (one.issuer, one.serial_number) in by:
                return one.subject.rfc4514_string()
        except _ODD:
            continue
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *_ODD):
        return False


def _vouched(roots: list[x509.Certificate], more: Iterable[str]) -> list[x509.Certificate]:
    """Return the certificates that a chain of signatures leads to from a root: OpenSSL would believe any that it is handed."""
    waiting: list[x509.Certificate] = []
    for text in list(more)[:MAX_CERTIFICATES]:
        try:
            waiting += x509.load_pem_x509_certificates(text[:MAX_BYTES].encode())
        except _ODD:
            continue
    waiting = [one for one in waiting[:MAX_CERTIFICATES] if _is_authority(one)]
    found: list[x509.Certificate] = []
    while fresh := [one for one in waiting if one not in found and any(_issued(one, by) for by in (*roots, *found))]:
        found += fresh
    return [one for one in found if one not in roots]


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, *_ODD):
        return False
    return True
