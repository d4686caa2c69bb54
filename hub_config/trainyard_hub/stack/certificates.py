"""A certificate authority of the stack's own and one certificate, for the mutual TLS between the store's inner parts."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trainyard_hub.stack.secrets import private_folder, write_private

LIFE = timedelta(days=3650)
LEAST_LEFT = timedelta(days=365)


def make_certificates(folder: Path) -> None:
    """Write ``ca.pem``, ``cert.pem`` and ``key.pem`` into ``folder`` unless they are there and good for another year.

    The authority's key is thrown away: nobody else is ever certified.
    """
    private_folder(folder)
    if _still_good(folder / "cert.pem"):
        return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _builder("Trainyard store authority", authority_key, is_authority=True).sign(authority_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    request = _builder("Trainyard store", key, is_authority=False).add_extension(names, critical=False)
    certificate = request.sign(authority_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(folder / "ca.pem", authority.public_bytes(pem).decode())
    write_private(folder / "key.pem", private.decode())
    write_private(folder / "cert.pem", certificate.public_bytes(pem).decode())


def _still_good(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc - datetime.now(UTC) > LEAST_LEFT


def _builder(name: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.CertificateBuilder:
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Trainyard store authority")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
