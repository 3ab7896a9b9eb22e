"""How the product signs: with whatever token and mechanism it is given."""

import PyKCS11


def signature_of(session, label, message, mechanism):
    """A signature by the private key of that label."""
    template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_LABEL, label)]
    [key] = session.findObjects(template)
    return bytes(session.sign(key, message, mechanism))
