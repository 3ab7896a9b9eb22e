"""The forms of public keys and signatures: how each is called, who takes it, and how it is written.
`recognized_key` and `recognized_signature` read them all.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from seemachine.encodings import cose_keys, json_forms, writers
from seemachine.encodings.describing import described
from seemachine.encodings.kinds import (
    LMS,
    MLDSA,
    AmbiguousForm,
    FormError,
    Key,
    RecognizedKey,
    RecognizedSignature,
    Signature,
    algorithm_of,
    bytes_of,
)
from seemachine.encodings.recognition import recognized, recognized_key, recognized_signature
from seemachine.frozen import frozen

__all__ = [
    "KEY_FORMS",
    "SIGNATURE_FORMS",
    "AmbiguousForm",
    "Form",
    "FormError",
    "Key",
    "RecognizedKey",
    "RecognizedSignature",
    "Signature",
    "algorithm_of",
    "described",
    "recognized",
    "recognized_key",
    "recognized_signature",
    "write_key",
    "write_signature",
]
BOTH = (LMS, MLDSA)


@frozen
class Form:
    """One form. `what` and `taken_by` are phrases; `suffix` is what its files are called;
    `is_text`: it may go to a terminal. `write` takes a value of one of the `algorithms`.
    """

    name: str
    what: str
    taken_by: str
    suffix: str
    algorithms: tuple[str, ...]
    is_text: bool
    write: Callable[[Any], bytes]


def _table(*forms: Form) -> Mapping[str, Form]:
    return {form.name: form for form in forms}


KEY_FORMS = _table(
    Form(
        "lms",
        "the plain LMS key, 56 or 48 bytes (RFC 8554 5.3)",
        "OpenSSL 3.6 (XDR), Mbed TLS, Bouncy Castle's LMSSigner, lms-go",
        ".lms",
        (LMS,),
        False,
        writers.plain,
    ),
    Form(
        "hss",
        "the HSS key, 60 or 52 bytes (RFC 8554 6.1)",
        "wolfSSL, wolfBoot, hash-sigs, Bouncy Castle's HSSSigner, pyhsslms",
        ".hss",
        (LMS,),
        False,
        bytes_of,
    ),
    Form(
        "der",
        "a SubjectPublicKeyInfo (RFC 9802, RFC 9708; ML-DSA: RFC 9881)",
        "Botan, Bouncy Castle, JDK 21, OpenSSL 4",
        ".der",
        BOTH,
        False,
        writers.der,
    ),
    Form(
        "pem",
        "the same, in PEM (RFC 7468)",
        "the same",
        ".pem",
        BOTH,
        True,
        writers.pem,
    ),
    Form(
        "der-8708",
        "a SubjectPublicKeyInfo with an OCTET STRING around the key (RFC 8708)",
        "Bouncy Castle up to 1.72; newer ones and the JDK take it too",
        ".der",
        (LMS,),
        False,
        writers.der_8708,
    ),
    Form(
        "caliptra",
        "a SubjectPublicKeyInfo of the plain key, in PEM: Caliptra's own use",
        "Caliptra's image/gen",
        ".pem",
        (LMS,),
        True,
        writers.caliptra,
    ),
    Form(
        "caliptra-raw",
        "the plain LMS key of Caliptra's parameter sets, 48 bytes",
        "Caliptra's image/app",
        ".bin",
        (LMS,),
        False,
        writers.caliptra_raw,
    ),
    Form(
        "raw",
        "the bytes of an ML-DSA key (FIPS 204 algorithm 22)",
        "most libraries",
        ".bin",
        (MLDSA,),
        False,
        bytes_of,
    ),
    Form(
        "cose",
        "a COSE_Key (RFC 8778; ML-DSA: RFC 9964), in deterministic CBOR",
        "COSE and SUIT",
        ".cose",
        BOTH,
        False,
        cose_keys.written,
    ),
    Form(
        "json",
        "a document of ours, with its parameter sets by name",
        "seemachine, jq",
        ".json",
        BOTH,
        True,
        json_forms.written_key,
    ),
)
SIGNATURE_FORMS = _table(
    Form(
        "lms",
        "the plain LMS signature (RFC 8554 5.4)",
        "OpenSSL 3.6, Mbed TLS, Caliptra, Bouncy Castle's LMSSigner, lms-go",
        ".sig",
        (LMS,),
        False,
        writers.plain_signature,
    ),
    Form(
        "hss",
        "the HSS signature: the number of lower levels before it (RFC 8554 6.2)",
        "Botan, JDK, Bouncy Castle, wolfSSL, wolfBoot, hash-sigs, X.509, CMS",
        ".sig",
        (LMS,),
        False,
        bytes_of,
    ),
    Form(
        "raw",
        "the bytes of an ML-DSA signature (FIPS 204 algorithm 26)",
        "most libraries",
        ".sig",
        (MLDSA,),
        False,
        bytes_of,
    ),
    Form(
        "base64",
        "the HSS or ML-DSA signature in base64, on one line",
        "botan verify",
        ".b64",
        BOTH,
        True,
        lambda made: base64.b64encode(bytes_of(made)) + b"\n",
    ),
    Form(
        "json",
        "a document of ours, with its parameter sets and leaf",
        "seemachine, jq",
        ".json",
        BOTH,
        True,
        json_forms.written_signature,
    ),
)


def write_key(key: Key, form: str) -> bytes:
    """A public key in the form of that name. Raises FormError when it can't hold it."""
    return _written(KEY_FORMS, key, form, "public key")


def write_signature(signature: Signature, form: str) -> bytes:
    """A signature in the form of that name. Raises FormError when it can't hold it."""
    return _written(SIGNATURE_FORMS, signature, form, "signature")


def _written(table: Mapping[str, Form], value: Key | Signature, name: str, what: str) -> bytes:
    algorithm = algorithm_of(value)
    if name not in table or algorithm not in table[name].algorithms:
        able = ", ".join(each.name for each in table.values() if _can_hold(each, value))
        raise FormError(f"{name} is not a form of an {algorithm} {what}; use one of {able}")
    try:
        return table[name].write(value)
    except FormError as error:
        raise FormError(f"the form {name} can't hold it: {error}") from None


def _can_hold(form: Form, value: Key | Signature) -> bool:
    if algorithm_of(value) not in form.algorithms:
        return False
    try:
        form.write(value)
    except FormError:
        return False
    return True
