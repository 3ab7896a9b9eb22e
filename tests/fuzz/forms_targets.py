"""Files of strangers that may be a public key or a signature, in any form."""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import seeclient
from fuzz.lms_targets import signed, signed_hss
from fuzz.source import Source
from fuzz.target import target
from kit.signatures import MESSAGE
from vectors.published import cases

from seemachine.encodings.forms import (
    KEY_FORMS,
    SIGNATURE_FORMS,
    Form,
    FormError,
    Key,
    RecognizedKey,
    Signature,
    algorithm_of,
    recognized,
    recognized_key,
    recognized_signature,
    write_key,
    write_signature,
)


class Signed(NamedTuple):
    """A key, what it signed, and its signature; both in each form."""

    key: Key
    message: bytes
    signature: Signature
    keys: list[bytes]
    signatures: list[bytes]


@functools.cache
def all_signed() -> tuple[Signed, ...]:
    """Of plain LMS, of HSS with three levels, and of ML-DSA."""
    of_mldsa = next(case for case in cases("wycheproof_mldsa_verify") if case["valid"] is True)
    published = [bytes.fromhex(of_mldsa[name]) for name in ("public_key", "signature")]
    pairs = (signed(0), signed_hss(), published)
    messages = (MESSAGE, MESSAGE, bytes.fromhex(of_mldsa["message"]))
    return tuple(
        signed_of(recognized_key(key).key, message, recognized_signature(made).signature)
        for (key, made), message in zip(pairs, messages, strict=True)
    )


def signed_of(key: Key, message: bytes, signature: Signature) -> Signed:
    """With their forms."""
    return Signed(key, message, signature, keys(key), signatures_of(signature))


def in_forms(
    table: Mapping[str, Form], write: Callable[[Key, str], bytes], value: Key | Signature
) -> list[bytes]:
    """A value in each form that holds it."""
    found = []
    for form in table.values():
        if algorithm_of(value) in form.algorithms:
            try:
                found.append(write(value, form.name))
            except FormError:
                # It has several levels, or is not of Caliptra's parameter sets.
                continue
    return found


def keys(value: Key) -> list[bytes]:
    """A public key in each form."""
    return in_forms(KEY_FORMS, write_key, value)


def signatures_of(value: Signature) -> list[bytes]:
    """A signature in each form."""
    return in_forms(SIGNATURE_FORMS, write_signature, value)


def seeds() -> list[bytes]:
    """Each form of each."""
    return [form for each in all_signed() for form in (*each.keys, *each.signatures)]


@target(*seeds(), longest=1 << 15)
def forms(data: bytes) -> None:
    """Any bytes are a key or a signature that every form gives back, or are refused in words."""
    try:
        found = recognized(data)
    except FormError as refusal:
        assert str(refusal).startswith("this ")
        return
    if isinstance(found, RecognizedKey):
        assert {recognized_key(form).key for form in keys(found.key)} == {found.key}
    else:
        made = {recognized_signature(form).signature for form in signatures_of(found.signature)}
        assert made == {found.signature}


@target(*(bytes([number, way, 1, 0]) for number in range(3) for way in range(2)), longest=256)
def changed_forms(data: bytes) -> None:
    """A key and a signature in any forms, some bytes of one of them changed, verify if and only if
    they are the same key and signature as before.
    """
    source = Source(data)
    whole = source.pick(all_signed())
    of_key, made = source.pick(whole.keys), source.pick(whole.signatures)
    if source.number(2):
        of_key = source.cut(of_key)
    else:
        made = source.cut(made)
    try:
        seeclient.verify(whole.message, made, of_key)
        good = True
    except seeclient.StatusError:
        good = False
    assert good == is_same(whole, of_key, made)


def is_same(whole: Signed, of_key: bytes, made: bytes) -> bool:
    """Whether these are its key and its signature."""
    try:
        return (recognized_key(of_key).key, recognized_signature(made).signature) == (
            whole.key,
            whole.signature,
        )
    except FormError:
        return False
