"""Why some bytes are no public key or no signature, in a sentence: what they are instead, or what
is wrong with what they begin like.
"""

import re
from collections.abc import Callable
from contextlib import suppress

from seemachine.encodings import cose_keys, json_forms, keyforms, mldsa_forms, private_keys
from seemachine.encodings.der import (
    BIT_STRING,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    DerError,
    only,
)
from seemachine.encodings.kinds import FormError
from seemachine.encodings.mldsa_signatures import set_of_signature
from seemachine.lms.hss import MAX_LEVELS, HssPublicKey, decode_either
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import OTS_CODES, TREE_CODES, ParameterError
from seemachine.mldsa.parameters import MldsaError

KEY = "an LMS, HSS or ML-DSA public key, or a SubjectPublicKeyInfo or certificate with one"
SIGNATURE = "an LMS, HSS or ML-DSA signature"
NOT_A_KEY, NOT_A_SIGNATURE = f"this is not {KEY}", f"this is not {SIGNATURE}"
A_SIGNATURE = "this is a signature, and not a public key"
A_MESSAGE = "this is a signed message, and not a public key"
A_KEY_FILE = "this is a key file of a host; its public key is written by: seemachine key export"
NEITHER = "this is neither a public key nor a signature of LMS, HSS or ML-DSA"
_KEY_FILE = b'{"format": "seemachine key file'
MLDSA_ARC = bytes.fromhex("6086480165030403")
# How a ContentInfo with SignedData begins (RFC 5652 3), whatever its length is.
_SIGNED_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_CMS = re.compile(rb"\x30(?:[\x00-\x80]|[\x81-\x84].{1,4}?)" + re.escape(_SIGNED_DATA), re.DOTALL)
# A COSE_Sign1 (RFC 9052 4.2) with a protected header of up to 255 bytes, in preferred encoding.
_COSE = re.compile(rb"\xd2?\x84(?:[\x41-\x57]|\x58.)[\xa1-\xb7]", re.DOTALL)


def why_no_key(texts: list[bytes]) -> str:
    """Of bytes and what they stand for, none of which is a public key."""
    for explain in (private_trouble, _other_thing, _contradicting, _damaged_key):
        for data in texts:
            if sentence := explain(data):
                return sentence
    return NOT_A_KEY


def why_no_signature(texts: list[bytes]) -> str:
    """Of bytes and what they stand for, none of which is a signature."""
    for data in texts:
        try:
            json_forms.signature_in(data)
        except FormError as error:
            return f"this is {error}"
        if _word(data, 4) in OTS_CODES or _word(data, 8) in OTS_CODES:
            reason = _reason(decode_either, data)
            if reason:
                return f"this is {reason}"
    return message_trouble(texts) or NOT_A_SIGNATURE


def message_trouble(texts: list[bytes]) -> str:
    """What to do with a signed message where a signature alone is wanted; empty for anything else.
    To be asked once no signature is found: one of ML-DSA may begin like a COSE message.
    """
    for data in texts:
        for room, what, begun in (("cms", "CMS", _CMS), ("cose", "COSE", _COSE)):
            if begun.match(data):
                return f"this is a {what} message; verify it with: seemachine {room} verify"
    return ""


def why_neither(of_key: str, of_signature: str) -> str:
    """Of two sentences, that which says more."""
    if of_key == NOT_A_KEY and of_signature == NOT_A_SIGNATURE:
        return NEITHER
    return of_signature if of_key in (NOT_A_KEY, A_SIGNATURE, A_MESSAGE) else of_key


def private_trouble(data: bytes) -> str:
    """Why a private key is not read; empty for anything else."""
    if maker := private_keys.maker_of(data):
        return private_keys.refusal(maker)
    if private_keys.is_of_mldsa(data):
        return "this is a private key of ML-DSA; only public keys are read"
    if private_keys.is_encrypted(data):
        return "this is an encrypted private key; only public keys are read"
    return ""


def is_key_file(data: bytes) -> bool:
    """Whether that is what it begins like. One of a high tree is longer than any public key."""
    return data.startswith(_KEY_FILE)


def _other_thing(data: bytes) -> str:
    if is_key_file(data):
        return A_KEY_FILE
    if len(data) > 200 and (_is_lms_signature(data) or set_of_signature(data)):
        return A_SIGNATURE
    if message_trouble([data]):
        return A_MESSAGE
    return _of_another_algorithm(data)


def _of_another_algorithm(data: bytes) -> str:
    """What a SubjectPublicKeyInfo or certificate is, none of which is read here."""
    for what, info_in in (("public key", only), ("certificate", keyforms.key_info)):
        with suppress(DerError, IndexError):
            algorithm, key = keyforms.parts(info_in(data), 2)
            oid = algorithm.expect(SEQUENCE).inner()[0].expect(OBJECT_IDENTIFIER).content
            if key.tag == BIT_STRING and oid != keyforms.HSS_LMS and not oid.startswith(MLDSA_ARC):
                return f"this is a {what} of another algorithm than LMS and ML-DSA"
    return ""


def _contradicting(data: bytes) -> str:
    """What a document says against itself."""
    for read in (cose_keys.public_key, json_forms.key_in):
        try:
            read(data)
        except FormError as error:
            return f"this is {error}"
    return ""


def _is_lms_signature(data: bytes) -> bool:
    return not _reason(decode_either, data)


def _damaged_key(data: bytes) -> str:
    first, second, third = _word(data, 0), _word(data, 4), _word(data, 8)
    decode: Callable[[bytes], object] | None = None
    if first in TREE_CODES and second in OTS_CODES:
        decode = PublicKey.decode
    elif 1 <= first <= MAX_LEVELS and second in TREE_CODES and third in OTS_CODES:
        decode = HssPublicKey.decode
    elif data[:1] == b"\x30" and keyforms.HSS_LMS in data:
        decode = keyforms.subject_public_key
    elif data[:1] == b"\x30" and MLDSA_ARC in data:
        decode = mldsa_forms.subject_public_key
    reason = _reason(decode, data) if decode else ""
    return f"this is a damaged public key: {reason}" if reason else ""


def _reason(decode: Callable[[bytes], object], data: bytes) -> str:
    try:
        decode(data)
    except (ParameterError, MldsaError, DerError) as error:
        return str(error).partition("; one of")[0]
    return ""


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")
