"""A hospital's own certificate authority, and a certificate of it for this machine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = x509.oid.NameOID.COMMON_NAME
SERVER_AUTH = x509.oid.ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Certificate:
    """PEM files: whom a buyer has to trust, and what the service is given."""

    authority: Path
    chain: Path
    key: Path


def make_certificate(folder):
    """For ``localhost``, good for a day."""
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _sign(
        *("Hospital CA", root.public_key(), "Hospital CA", root),
        x509.BasicConstraints(ca=True, path_length=None),
    )
    server = _sign(
        *("localhost", own.public_key(), "Hospital CA", root),
        x509.SubjectAlternativeName([x509.DNSName("localhost")]),
        x509.ExtendedKeyUsage([SERVER_AUTH]),
    )
    made = Certificate(folder / "ca.pem", folder / "chain.pem", folder / "key.pem")
    pem = [c.public_bytes(serialization.Encoding.PEM) for c in (authority, server)]
    made.authority.write_bytes(pem[0])
    made.chain.write_bytes(pem[1] + pem[0])
    made.key.write_bytes(
        own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


def _sign(name, public_key, by, key, *extensions):
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NAME, by)]),
        subject_name=x509.Name([x509.NameAttribute(NAME, name)]),
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(minutes=5),
        not_valid_after=now + timedelta(days=1),
    )
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())
