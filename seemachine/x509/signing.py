"""Drafts and their signatures: certificates, requests and lists are made of three parts, of which
the first is what is signed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seemachine.encodings.der import BIT_STRING, SEQUENCE, element
from seemachine.encodings.kinds import in_containers
from seemachine.encodings.readings import armored
from seemachine.x509 import asn1
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey

CERTIFICATE, REQUEST, REVOCATION_LIST = "CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key of an HSM: plain LMS of 56 or 48 bytes, or ML-DSA; and what signs with it, from a
    message to a plain LMS signature (RFC 8554 5.4) or one of ML-DSA with an empty context.
    """

    public_key: bytes
    plainly: Callable[[bytes], bytes]

    @property
    def key(self) -> SubjectKey:
        """The same key as certificates have it. Raises X509Error."""
        return SubjectKey.of(self.public_key)

    @property
    def info(self) -> bytes:
        """Its SubjectPublicKeyInfo, in DER."""
        return self.key.info

    @property
    def algorithm(self) -> Any:
        """The AlgorithmIdentifier of key and signatures, without parameters."""
        return self.key.algorithm

    def sign(self, message: bytes) -> bytes:
        """A signature as containers have it: HSS of one level (RFC 8554 6.2), or ML-DSA.

        Takes a leaf. Raises X509Error for one that does not verify, which nobody gets.
        """
        own = self.key.own
        # What an HSM signs with is one of ours: see SubjectKey.of.
        assert own is not None
        signature = in_containers(own, self.plainly(message))
        if not self.key.has_signed(message, signature):
            raise X509Error("what was made is not a signature of this key; it was thrown away")
        return signature


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be signed, in DER, with which key, and as what it goes into a PEM file."""

    content: bytes
    key: SubjectKey
    label: str

    def signed(self, signer: Signer) -> bytes:
        """The whole of it, in DER. Takes a leaf. Raises X509Error for another key."""
        if signer.key != self.key:
            raise X509Error("the draft is for another key")
        return self._with(signer.sign(self.content))

    @property
    def unsigned(self) -> bytes:
        """The same with an empty signature, to be looked at."""
        return self._with(b"")

    def _with(self, signature: bytes) -> bytes:
        algorithm = asn1.encoded(self.key.algorithm)
        bits = element(BIT_STRING, b"\0" + signature)
        return element(SEQUENCE, self.content + algorithm + bits)

    def written(self, data: bytes, form: str) -> bytes:
        """What `signed` gave as `der`, or as `pem`."""
        return armored(data, self.label).encode() if form == "pem" else data
