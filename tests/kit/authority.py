"""Be a time-stamp authority: certificates made here, and tokens by the real openssl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIG = """
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """An authority with a root of its own; `begins` and `ends` are days from now between which its certificate is good.

    `like` is another authority whose root issues this one's certificate too, as after a rotation. Without `purpose` the certificate
    is not one for time-stamps.
    """

    def __init__(
        self,
        directory: Path,
        *,
        begins: int = -1,
        ends: int = 3650,
        purpose: bool = True,
        like: Authority | None = None,
    ) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.purpose = purpose
        self.root_key = like.root_key if like else ec.generate_private_key(ec.SECP256R1())
        self.root = like.root if like else _certificate("Root", self.root_key, self.root_key, None, -4000, 7300)
        key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _certificate("Authority", key, self.root_key, self.root, begins, ends, purpose=purpose)
        good = _certificate("Authority", key, self.root_key, self.root, begins, ends)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "signer.key").write_bytes(pem)
        (directory / "signer.pem").write_bytes(good.public_bytes(Encoding.PEM) if not purpose else self.leaf)
        (directory / "leaf.pem").write_bytes(self.leaf)
        (directory / "serial").write_text("01\n")
        (directory / "tsa.cnf").write_text(_CONFIG)
        self.roots.write_bytes(self.root.public_bytes(Encoding.PEM))

    @property
    def roots(self) -> Path:
        """The file of the certificate that a reader trusts."""
        return self.directory / "roots.pem"

    @property
    def leaf(self) -> bytes:
        """The certificate that signs, in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def token(self, message: bytes) -> bytes:
        """Return a response with a token over a message, of now, in DER."""
        (self.directory / "message").write_bytes(message)
        self._openssl("ts", "-query", "-data", "message", "-sha256", "-cert", "-out", "query.tsq")
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.directory / "reply.tsr").read_bytes() if self.purpose else self._signed_again()

    def _signed_again(self) -> bytes:
        """Sign the token's content by the certificate that openssl would not sign with as an authority."""
        self._openssl("ts", "-reply", "-in", "reply.tsr", "-token_out", "-out", "token.der")
        self._openssl(
            "cms", "-verify", "-noverify", "-nosigs", "-inform", "DER", "-in", "token.der", "-out", "info.der"
        )
        kind = ("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-cades", "-binary", "-nodetach", "-md", "sha256")
        files = ("-in", "info.der", "-signer", "leaf.pem", "-inkey", "signer.key", "-outform", "DER", "-out", "own.der")
        self._openssl("cms", "-sign", *kind, *files)
        return _sequence(b"\x30\x03\x02\x01\x00" + (self.directory / "own.der").read_bytes())

    def _openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.directory, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    begins: int,
    ends: int,
    *,
    purpose: bool = True,
) -> x509.Certificate:
    """Return a certificate; without an issuer it is a root, else one that signs time-stamps."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {name}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(_usage(root=issuer is None), critical=True)
    )
    if issuer is not None and purpose:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return made.sign(by, hashes.SHA256())


def _usage(*, root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )


def _sequence(content: bytes) -> bytes:
    size = len(content).to_bytes(2, "big")
    assert len(content) >= 256, "the length has two bytes"
    return b"\x30\x82" + size + content
