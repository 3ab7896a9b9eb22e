"""Certificates for tests."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

KEY = ec.generate_private_key(ec.SECP256R1())


def pem(serial: int, begins: dt.datetime, ends: dt.datetime) -> bytes:
    """A certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x" * 60)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(serial)
    )
    return (
        made.not_valid_before(begins)
        .not_valid_after(ends)
        .sign(KEY, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
