"""Certificates for receivers on loopback, made for one run of the tests."""

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    name: str

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: str, issuer: str, public_key: ec.EllipticCurvePublicKey, days: int, begins: int = -30
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days))
    )


def make_authority(name: str = "Authority of the tests") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False),
        **dict.fromkeys(("encipher_only", "decipher_only"), False),
        **dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign"), True),
    )
    builder = _builder(name, name, key.public_key(), days=30)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), name)


def serve_as(
    authority: Authority, name: str, *, days: int = 10, begins: int = -30, is_authority: bool = False
) -> ssl.SSLContext:
    """Make a server's context with a certificate for a name; negative ``days`` make one that has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, authority.name, key.public_key(), days, begins)
    if is_authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return _context(key, _for_a_server(builder, name).sign(authority.key, hashes.SHA256()))


def pem_as(authority: Authority, name: str) -> bytes:
    """Make a key and a certificate for a name, one after the other, for a server that reads files."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, authority.name, key.public_key(), days=10)
    return _pem(key, _for_a_server(builder, name).sign(authority.key, hashes.SHA256()))


def serve_self_signed(name: str) -> tuple[ssl.SSLContext, bytes]:
    """Make a server's context with a certificate that signs itself; gives that, too (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key(), days=10)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = _for_a_server(builder, name).sign(key, hashes.SHA256())
    return _context(key, certificate), certificate.public_bytes(serialization.Encoding.PEM)


def _for_a_server(builder: x509.CertificateBuilder, name: str) -> x509.CertificateBuilder:
    return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_bytes(_pem(key, certificate))
        context.load_cert_chain(chain)
    return context


def _pem(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written + certificate.public_bytes(serialization.Encoding.PEM)
