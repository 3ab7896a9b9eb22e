"""Messages that others published or signed: made again byte for byte, or read by us."""

import hashlib
from typing import Any

import pytest
from dilithium_py import ml_dsa
from kit.message_keys import BEGIN, COMMON_NAME, END, SET
from pyasn1_modules import rfc5280, rfc5652
from vectors.published import cases

from seemachine.cms import attributes, reading, signing, verifying
from seemachine.cms.algorithms import hash_algorithm, signature_algorithm
from seemachine.cms.certificates import Certificate
from seemachine.cms.signing import DATA, Terms
from seemachine.cms.structures import SignedData, decoded, encoded
from seemachine.encodings.der import OBJECT_IDENTIFIER, SEQUENCE, element
from seemachine.encodings.validity import Validity
from seemachine.lms.hss import HssPublicKey
from seemachine.wire.status import StatusError

# The messages that RFC 9882 was published with: their key is that of RFC 9881 appendix C.
SEED = bytes(range(32))
SERIAL = 0x159FFE6F22FD5CC42C524DF6FD5E28D0DE38F34E
PUBLISHED = {
    44: "95a5e6a630ecedd44226e0d25b1d7a32c91c6c61e29aa3c3697cdc6669f086d9",
    65: "e1b17ec313ae048eddfa6f46703e8e102fa829207e32d9b67484b300d18f76f8",
    87: "9232c6a4ea943a4cd6f1d5aaa042d518b5cce6d15ecab4045614098ae406ecd3",
}
ORGANIZATION, PRINTABLE = b"\x55\x04\x0a", 0x13


@pytest.mark.parametrize("number", PUBLISHED)
def test_the_published_messages_of_rfc_9882(number: int) -> None:
    """Type and digest of the content are the signed attributes, without the algorithms that ours
    have too; with these two the same bytes come out.
    """
    scheme = getattr(ml_dsa, f"ML_DSA_{number}")
    key, private = scheme.key_derive(SEED)
    content = f"ML-DSA-{number} signed-data example with signed attributes".encode()
    own = Certificate(b"", issuer(), SERIAL, None, None, key, Validity(BEGIN, END))
    prepared = signing.prepare(key, content, Terms(attached=True, with_certificate=False), own)
    signed = prepared._signer["signedAttrs"]
    two = [each for each in signed if str(each["attrType"]) in attributes.NEEDED]
    signed.clear()
    signed.extend(two)
    made = rfc5652.SignedAttributes()
    made.extend(two)
    message = prepared.finished(scheme.sign(private, encoded(made), deterministic=True))
    assert hashlib.sha256(message).hexdigest() == PUBLISHED[number]
    assert verifying.verify(reading.read(message), key).hash_name == "sha512"


def issuer() -> Any:
    """The name of the certificate of RFC 9881, whose two parts are sets of their own."""
    parts = ((ORGANIZATION, b"IETF"), (COMMON_NAME, b"LAMPS WG"))
    pairs = [
        element(SEQUENCE, element(OBJECT_IDENTIFIER, kind) + element(PRINTABLE, value))
        for kind, value in parts
    ]
    name = element(SEQUENCE, b"".join(element(SET, each) for each in pairs))
    return decoded(name, rfc5280.Name(), "a name")


@pytest.mark.parametrize("case", cases("rfc"), ids=lambda case: case["source"][:40])
def test_the_signatures_of_rfc_8554_and_9858(case: dict[str, str]) -> None:
    """HSS of one level and of two, in messages without signed attributes: each verifies, and over
    no other content.
    """
    key, content = (
        HssPublicKey.decode(bytes.fromhex(case["public_key"])),
        bytes.fromhex(case["message"]),
    )
    message = reading.read(around(key, bytes.fromhex(case["signature"])))
    verifying.verify(message, key, content)
    with pytest.raises(StatusError):
        verifying.verify(message, key, content + b".")


def around(key: HssPublicKey, signature: bytes) -> bytes:
    """A message of a signer without attributes, with this signature."""
    info = rfc5652.SignerInfo()
    info["version"] = 3
    info["sid"]["subjectKeyIdentifier"] = b"someone"
    info["digestAlgorithm"] = hash_algorithm("sha256")
    info["signatureAlgorithm"] = signature_algorithm(key)
    info["signature"] = signature
    signed = SignedData()
    signed["version"] = 3
    signed["digestAlgorithms"].append(hash_algorithm("sha256"))
    signed["encapContentInfo"]["eContentType"] = DATA
    signed["signerInfos"].append(info)
    outer = rfc5652.ContentInfo()
    outer["contentType"] = rfc5652.id_signedData
    outer["content"] = encoded(signed)
    return encoded(outer)
