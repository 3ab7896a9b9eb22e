"""Signatures that a test collected, as evidence for the audit."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from seeclient.results import Signed

from seemachine.audit.evidence import Evidence, KnownSignature, Message, of_levels
from seemachine.audit.gathering import gather
from seemachine.lms.hss import decode_either
from seemachine.lms.parameters import ParameterError

Plain = bytes | Signed
# A signature; or its message and the signature; or a file or folder of signatures.
Collected = Plain | tuple[bytes, Plain] | Path | str


def evidence_of(signatures: Iterable[Collected]) -> Evidence:
    """What they prove. Raises ValueError for what is not an LMS or HSS signature."""
    if isinstance(signatures, bytes | str | os.PathLike | Signed):
        raise TypeError("signatures= takes a list, also of one signature")
    found = Evidence()
    for number, each in enumerate(signatures, 1):
        if isinstance(each, str | os.PathLike):
            found.add(gather([Path(each)], {}))
        else:
            message, signature = each if isinstance(each, tuple) else (None, each)
            found.signatures.append(_known(f"signature {number}", message, signature))
    return found


def _known(source: str, message: Message, signature: Plain) -> KnownSignature:
    data = signature.signature if isinstance(signature, Signed) else signature
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"{source} is of type {type(data).__name__}; a signature is bytes")
    try:
        return of_levels(source, 0, decode_either(bytes(data))[1], message)
    except ParameterError as error:
        raise ValueError(
            f"{source} of those given is not one of LMS or HSS: {error}; give a list of signatures,"
            " or of pairs: [(message, signature)]"
        ) from None


def contradictions(signatures: Iterable[KnownSignature]) -> Iterator[str]:
    """Of those that no key verified: what was given as the signature of two messages."""
    of: dict[bytes, KnownSignature] = {}
    for each in signatures:
        if each.owner is None and isinstance(each.message, bytes):
            before = of.setdefault(each.marks, each)
            if before.message != each.message:
                yield f"{before.source} and {each.source} are one signature, of two messages"
