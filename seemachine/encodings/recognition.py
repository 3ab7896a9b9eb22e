"""Which form a public key or a signature is in.

Every form is tried, on the bytes and on all that they may stand for as text, so that what could be
two things is said to be.
"""

import base64
from collections.abc import Callable, Iterator
from typing import TypeVar

from seemachine.encodings import cose_keys, json_forms, keyforms, mldsa_forms
from seemachine.encodings.der import OCTET_STRING, DerError, only
from seemachine.encodings.describing import described
from seemachine.encodings.explaining import (
    A_KEY_FILE,
    is_key_file,
    message_trouble,
    private_trouble,
    why_neither,
    why_no_key,
    why_no_signature,
)
from seemachine.encodings.kinds import (
    AmbiguousForm,
    FormError,
    Key,
    RecognizedKey,
    RecognizedSignature,
    Signature,
    bytes_of,
)
from seemachine.encodings.mldsa_signatures import set_of_signature
from seemachine.encodings.readings import BLOCK, MAX_TEXT, readings
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey
from seemachine.lms.keys import Signature as LmsSignature
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError

Value = TypeVar("Value")
# The longest signature has 74,988 bytes, in hexadecimal twice as many. What is longer may hold a
# key, as a chain of certificates does, and is none.
LONGEST = 1 << 18
# A file of blocks of PEM has a chain of certificates, or what a system trusts: about 150.
MOST_READINGS = 1000
# Forms whose bytes are those of another, by which they are called.
SAME_BYTES = {"caliptra-raw": "lms"}
Readers = tuple[tuple[str, Callable[[bytes], Value]], ...]


def recognized_key(data: bytes, form: str = "") -> RecognizedKey:
    """The public key that some bytes are, and its form, which must be `form` where that is given.
    Raises FormError, also where they are two keys, and where they are a private one.
    """
    texts = _texts(data)
    found = {key: name for text in texts for name, key in keys_in(text)}
    if len(found) > 1:
        raise FormError(f"this holds {len(found)} public keys; name a file that has one")
    if not found:
        raise FormError(why_no_key(texts))
    [(key, name)] = found.items()
    return _as_meant(RecognizedKey("pem" if name == "der" and BLOCK in data else name, key), form)


def recognized_signature(data: bytes, form: str = "") -> RecognizedSignature:
    """The signature that some bytes are, and its form. `form` says which is meant where they could
    be two. Raises FormError.
    """
    # Most signatures of ML-DSA are their bytes, which may begin like anything, such as gzip.
    texts = [data] if _is_mldsa_signature(data) else _texts(data)
    every = [found for text in texts for found in _read(SIGNATURE_READERS, text)]
    found = [
        RecognizedSignature("base64" if _is_base64(made, data) else name, made)
        for made, name in {made: name for name, made in every if made}.items()
    ]
    if not found:
        raise FormError(why_no_signature(texts))
    return _only_signature(found, form)


def _as_meant(found: RecognizedKey, form: str) -> RecognizedKey:
    if form not in ("", found.form) and SAME_BYTES.get(form) != found.form:
        raise FormError(f"this is a {described(found)}, and not {form}")
    return found


def _only_signature(found: list[RecognizedSignature], form: str) -> RecognizedSignature:
    """Raises FormError."""
    meant = [each for each in found if form in ("", each.form)]
    if len(meant) == 1:
        return meant[0]
    names = sorted({each.form for each in meant})
    if not meant:
        raise FormError(f"this is a {described(found[0])}, and not {form}")
    if len(meant) > len(names):
        raise FormError(f"this holds {len(meant)} signatures; name a file that has one")
    which = f"this may be a signature in the form {' or '.join(names)}"
    raise AmbiguousForm(f"{which}; say which is meant", *names)


def recognized(data: bytes, form: str = "") -> RecognizedKey | RecognizedSignature:
    """The public key or signature that some bytes are, in `form` where that is given; nothing is
    both. Raises FormError.
    """
    try:
        found = recognized_key(data)
    except FormError as error:
        of_key = str(error)
    else:
        return _as_meant(found, form)
    try:
        return recognized_signature(data, form)
    except AmbiguousForm:
        raise
    except FormError as error:
        raise FormError(why_neither(of_key, str(error))) from None


def is_signed_message(data: bytes) -> bool:
    """Whether some bytes, in which no signature is found, are a CMS or COSE message, or begin like
    one: they need not be all of it.
    """
    return bool(message_trouble([reading.data for reading in readings(data)]))


def keys_in(data: bytes) -> Iterator[tuple[str, Key]]:
    """The keys that some bytes can be read as, each with its form, but for text."""
    for form, key in _read(KEY_READERS, data):
        if key is not None:
            # The bytes of a key of ML-DSA may begin like anything.
            of_lms = form == "der" and isinstance(key, HssPublicKey)
            yield (_form_of_info(data) if of_lms else form), key


def _texts(data: bytes) -> list[bytes]:
    """The bytes, and what they stand for. Raises FormError for what has no end."""
    if len(data) > MAX_TEXT:
        raise FormError(_why_too_long(data))
    found = readings(data)
    if len(found) > MOST_READINGS:
        raise FormError(f"this has more than {MOST_READINGS} blocks of PEM; name a file with one")
    if not all(reading.whole for reading in found):
        raise FormError("this is cut off, or damaged: its PEM or gzip has no end")
    if sentence := message_trouble([each.data for each in found if len(each.data) > LONGEST]):
        raise FormError(sentence)
    return [reading.data for reading in found if len(reading.data) <= LONGEST]


def _why_too_long(data: bytes) -> str:
    if is_key_file(data):
        return A_KEY_FILE
    too_long = f"this has more than {MAX_TEXT} bytes, as no key or signature has"
    return message_trouble([data]) or too_long


def _read(readers: Readers[Value], data: bytes) -> Iterator[tuple[str, Value]]:
    for form, read in readers:
        try:
            yield form, read(data)
        except (ParameterError, MldsaError, DerError, FormError):
            continue


def _plain_key(data: bytes) -> HssPublicKey:
    return HssPublicKey(1, PublicKey.decode(data))


def _raw_key(data: bytes) -> bytes:
    """A key of ML-DSA: any bytes that are as many, and nothing else."""
    key = mldsa_forms.public_key(data)
    if sentence := private_trouble(data):
        raise FormError(sentence)
    return key


def _plain_signature(data: bytes) -> HssSignature:
    return HssSignature((LmsSignature.decode(data),), ())


def _mldsa_signature(data: bytes) -> bytes | None:
    return data if _is_mldsa_signature(data) else None


def _is_mldsa_signature(data: bytes) -> bool:
    return set_of_signature(data) is not None and not data.isascii()


def _form_of_info(data: bytes) -> str:
    """Of a SubjectPublicKeyInfo, by what is in its bit string."""
    content = only(data).inner()[1].octets()
    if content[:1] == bytes([OCTET_STRING]):
        return "der-8708"
    # An HSS key begins with its levels, a plain one with its type.
    return "caliptra" if len(content) in (48, 56) else "der"


def _is_base64(made: Signature, data: bytes) -> bool:
    return base64.b64encode(bytes_of(made)) == b"".join(data.split())


KEY_READERS: Readers[Key | None] = (
    ("lms", _plain_key),
    ("hss", HssPublicKey.decode),
    ("der", keyforms.subject_public_key),
    ("certificate", lambda data: keyforms.certificate(data).key),
    ("raw", _raw_key),
    ("der", mldsa_forms.subject_public_key),
    ("certificate", mldsa_forms.certified),
    ("cose", cose_keys.public_key),
    ("json", json_forms.key_in),
)
SIGNATURE_READERS: Readers[Signature | None] = (
    ("lms", _plain_signature),
    ("hss", HssSignature.decode),
    ("raw", _mldsa_signature),
    ("json", json_forms.signature_in),
)
