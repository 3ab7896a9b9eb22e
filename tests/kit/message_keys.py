"""Keys in this process whose signatures go into messages, and certificates of them."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import mldsa as mldsa_keys
from kit.signatures import sign

from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, element
from seemachine.lms import engines
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.lease import Lease
from seemachine.mldsa.parameters import of_public_key
from seemachine.testing import make_key

INTEGER, BOOLEAN, OCTET_STRING, UTF8, SET, UTC_TIME = 0x02, 0x01, 0x04, 0x0C, 0x31, 0x17
EXTENSIONS, VERSION = 0xA3, 0xA0
# 2.5.4.3, 2.5.29.15, 2.5.29.14.
COMMON_NAME, KEY_USAGE, SUBJECT_KEY = b"\x55\x04\x03", b"\x55\x1d\x0f", b"\x55\x1d\x0e"
DIGITAL_SIGNATURE, CERT_SIGN = 0x80, 0x04
BEGIN, END = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2046, 1, 1, tzinfo=dt.UTC)


@dataclass
class LmsSigner:
    """A key of 32 leaves, each of which signs once."""

    key: HssPublicKey
    lease: Lease
    leaf: int = 0
    signed: list[bytes] = field(default_factory=list)

    @classmethod
    def made(cls, tree: str = "sha256_m32_h5", ots: str = "sha256_n32_w4") -> "LmsSigner":
        """A new one of these parameter sets."""
        made = make_key(tree, ots)
        return cls(HssPublicKey(1, made.public_key), made.lease(0))

    def sign(self, message: bytes | Path) -> bytes:
        """A plain LMS signature, which takes one leaf."""
        data = message.read_bytes() if isinstance(message, Path) else message
        self.leaf += 1
        self.signed.append(data)
        return sign(engines.select(), self.lease, self.leaf - 1, data)

    @property
    def info(self) -> bytes:
        """The SubjectPublicKeyInfo."""
        return keyforms.written(self.key)

    @property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier of its signatures."""
        return element(SEQUENCE, element(OBJECT_IDENTIFIER, keyforms.HSS_LMS))

    def contained(self, message: bytes) -> bytes:
        """A signature as certificates have it."""
        return bytes(4) + self.sign(message)


@dataclass
class MldsaSigner:
    """The same of ML-DSA."""

    key: bytes
    private: Any

    @classmethod
    def made(cls, number: int = 65) -> "MldsaSigner":
        """A new one of ML-DSA-44, 65 or 87, of the package `cryptography`."""
        private = getattr(mldsa_keys, f"MLDSA{number}PrivateKey").generate()
        return cls(private.public_key().public_bytes_raw(), private)

    def sign(self, message: bytes | Path) -> bytes:
        """A signature of FIPS 204, without a context."""
        data = message.read_bytes() if isinstance(message, Path) else message
        made: bytes = self.private.sign(data)
        return made

    @property
    def info(self) -> bytes:
        """The SubjectPublicKeyInfo."""
        return mldsa_forms.written(self.key)

    @property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier of its signatures."""
        identifier = bytes.fromhex("6086480165030403") + bytes([of_public_key(self.key).arc])
        return element(SEQUENCE, element(OBJECT_IDENTIFIER, identifier))

    def contained(self, message: bytes) -> bytes:
        """A signature as certificates have it."""
        return self.sign(message)


def certificate(
    signer: LmsSigner | MldsaSigner,
    usage: int | None = DIGITAL_SIGNATURE,
    subject_key: bytes | None = b"K" * 20,
    serial: int = 0x1234,
) -> bytes:
    """A self-signed one (RFC 9802, RFC 9881), which takes one leaf."""
    named = name("signer")
    validity = element(SEQUENCE, _time(BEGIN) + _time(END))
    extensions = b"".join(_extensions(usage, subject_key))
    fields = (
        element(VERSION, element(INTEGER, b"\x02")),
        element(INTEGER, serial.to_bytes(2, "big")),
        *(signer.algorithm, named, validity, named, signer.info),
        element(EXTENSIONS, element(SEQUENCE, extensions)) if extensions else b"",
    )
    signed = element(SEQUENCE, b"".join(fields))
    signature = element(BIT_STRING, b"\0" + signer.contained(signed))
    return element(SEQUENCE, signed + signer.algorithm + signature)


def name(text: str) -> bytes:
    """A Name with a common name alone."""
    value = element(OBJECT_IDENTIFIER, COMMON_NAME) + element(UTF8, text.encode())
    return element(SEQUENCE, element(SET, element(SEQUENCE, value)))


def _time(moment: dt.datetime) -> bytes:
    return element(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def _extensions(usage: int | None, subject_key: bytes | None) -> list[bytes]:
    made = []
    if usage is not None:
        unused = (usage & -usage).bit_length() - 1
        made.append(_extension(KEY_USAGE, element(BIT_STRING, bytes([unused, usage]))))
    if subject_key is not None:
        made.append(_extension(SUBJECT_KEY, element(OCTET_STRING, subject_key)))
    return made


def _extension(identifier: bytes, value: bytes) -> bytes:
    critical = element(BOOLEAN, b"\xff") if identifier == KEY_USAGE else b""
    inner = element(OBJECT_IDENTIFIER, identifier) + critical + element(OCTET_STRING, value)
    return element(SEQUENCE, inner)
