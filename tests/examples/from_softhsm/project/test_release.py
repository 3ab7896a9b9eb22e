"""The product signs its releases."""

import PyKCS11
from product import signature_of


def test_a_release_is_signed(session, mechanism):
    """The token verifies it."""
    signature = signature_of(session, "release", b"firmware", mechanism)
    template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_LABEL, "release")]
    [public] = session.findObjects(template)
    assert session.verify(public, b"firmware", signature, mechanism)
