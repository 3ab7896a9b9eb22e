"""How each form of a public key is written where it is more than its bytes."""

from seemachine.encodings import keyforms, mldsa_forms
from seemachine.encodings.der import OCTET_STRING, element, public_key_info
from seemachine.encodings.kinds import FormError, Key
from seemachine.encodings.readings import armored
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey

CALIPTRA_SETS = ("sha256_m24_h15", "sha256_n24_w4")


def plain(key: HssPublicKey) -> bytes:
    """The plain key (RFC 8554 5.3). Raises FormError for a key of more than one level."""
    return _tree(key).encode()


def der(key: Key) -> bytes:
    """A SubjectPublicKeyInfo (RFC 9802 5.1, RFC 9708 4; RFC 9881 4)."""
    return mldsa_forms.written(key) if isinstance(key, bytes) else keyforms.written(key)


def pem(key: Key) -> bytes:
    """The same, in PEM (RFC 7468 13)."""
    return armored(der(key), "PUBLIC KEY").encode()


def der_8708(key: HssPublicKey) -> bytes:
    """With an OCTET STRING around the key (RFC 8708 4)."""
    return public_key_info(keyforms.HSS_LMS, element(OCTET_STRING, key.encode()))


def caliptra(key: HssPublicKey) -> bytes:
    """Caliptra's 48 bytes in a SubjectPublicKeyInfo that no standard has, in PEM. Raises
    FormError.
    """
    info = public_key_info(keyforms.HSS_LMS, caliptra_raw(key))
    return armored(info, "PUBLIC KEY").encode()


def caliptra_raw(key: HssPublicKey) -> bytes:
    """Caliptra's 48 bytes. Raises FormError for a key of other parameter sets."""
    tree = _tree(key)
    if (tree.tree.name, tree.ots.name) != CALIPTRA_SETS:
        lms, lmots = CALIPTRA_SETS
        raise FormError(
            f"it is {tree.tree.name} {tree.ots.name}, and Caliptra takes {lms} {lmots} alone; make"
            f" one with: pipsqueak generate alias=... algorithm=lms lmscode={lms}"
            f" lmotscode={lmots}"
        )
    return tree.encode()


def plain_signature(made: HssSignature) -> bytes:
    """The plain signature (RFC 8554 5.4). Raises FormError for one of more than one level."""
    if made.levels != 1:
        raise FormError(f"it has {made.levels} levels, and there is room for one; use hss")
    return made.signatures[0].encode()


def _tree(key: HssPublicKey) -> PublicKey:
    if key.levels != 1:
        raise FormError(f"it has {key.levels} levels, and there is room for one; use hss or pem")
    return key.key
