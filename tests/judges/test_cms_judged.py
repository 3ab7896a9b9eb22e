"""Messages of ours before the CMS of Bouncy Castle: detached and attached, with signed attributes
and without.
"""

from itertools import product

from judges.present import Told
from kit.message_keys import LmsSigner, certificate

from seemachine.cms import certificates, signing
from seemachine.cms.signing import Terms

CONTENT, OTHER = b"firmware 1.0", b"firmware 1.1"


def test_bouncy_castle_verifies_messages(bouncy_castle_cms: Told) -> None:
    """Each of the four; with a bit flipped in the signature, or another content, it verifies
    none.
    """
    signer = LmsSigner.made()
    own = certificates.read(certificate(signer))
    lines = []
    for attached, with_attributes in product((False, True), repeat=2):
        prepared = signing.prepare(signer.key, CONTENT, Terms(attached, with_attributes), own)
        message = prepared.finished(signer.sign(prepared.to_sign))
        damaged = message[:-9] + bytes([message[-9] ^ 1]) + message[-8:]
        lines += [f"{message.hex()} {CONTENT.hex()}", f"{damaged.hex()} {CONTENT.hex()}"]
        lines.append(f"{message.hex()} {OTHER.hex()}")
    assert bouncy_castle_cms(lines) == ["good", "bad", "bad"] * 4
