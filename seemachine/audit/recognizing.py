"""What some bytes are: signatures and public keys of LMS and HSS, whoever made them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from seemachine.encodings.der import DerError
from seemachine.encodings.keyforms import (
    HSS_LMS,
    Certificate,
    certificate,
    public_key,
    subject_public_key,
)
from seemachine.lms.hss import MAX_LEVELS, HssPublicKey, HssSignature, cut_signature, decode_either
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import OTS_CODES, TREE_CODES, ParameterError

# An HSS key of m=32; what begins like one may be longer.
LONGEST_KEY, MAX_KEY = 60, 200
# No signature is longer than one of eight levels of h25 and w1, which has 74,988 bytes.
MAX_SIGNATURE = 75_000
MAX_DER = 1 << 20
MAX_LEAVES = 1 << 26


@dataclass(frozen=True, slots=True)
class Made:
    """A signature, what it is over where that stands beside it, and how many bytes follow it."""

    signature: HssSignature
    signed: bytes | None = None
    behind: int = 0


@dataclass
class Recognized:
    """What was found. `trouble` says why nothing was, where the bytes begin like one of these."""

    made: list[Made] = field(default_factory=list)
    keys: list[HssPublicKey] = field(default_factory=list)
    trouble: str = ""

    def __bool__(self) -> bool:
        return bool(self.made or self.keys or self.trouble)


def recognize(data: bytes) -> Recognized:
    """All that the bytes can be read as: should that be two things, one of them won't verify."""
    found = Recognized()
    # What can't be one is not tried: refusals take long to put into words.
    first, second, third = _words(data)
    if second in OTS_CODES:
        _add_signature(found, _cut_plain, data)
    if first < MAX_LEVELS and third in OTS_CODES:
        _add_signature(found, HssSignature.cut, data)
    if len(data) <= LONGEST_KEY and (first in TREE_CODES or second in TREE_CODES):
        with suppress(ParameterError):
            found.keys.append(public_key(data))
    if data[:1] == b"\x30" and len(data) <= MAX_DER:
        _add_der(found, data)
    if not found:
        found.trouble = _trouble(data)
    return found


def may_have_levels(data: bytes) -> bool:
    """Whether bytes begin like an HSS signature."""
    levels, _, ots = _words(data)
    return levels < MAX_LEVELS and ots in OTS_CODES


def _words(data: bytes) -> tuple[int, int, int]:
    """The first three numbers, whatever is cut off."""
    return (
        int.from_bytes(data[:4], "big"),
        int.from_bytes(data[4:8], "big"),
        int.from_bytes(data[8:12], "big"),
    )


def _cut_plain(data: bytes) -> tuple[HssSignature, bytes]:
    signature, rest = cut_signature(data)
    return HssSignature((signature,), ()), rest


Cut = Callable[[bytes], tuple[HssSignature, bytes]]


def _add_signature(found: Recognized, cut: Cut, data: bytes) -> None:
    try:
        signature, rest = cut(data)
    except ParameterError:
        return
    found.made.append(Made(signature, behind=len(rest)))


def _add_der(found: Recognized, data: bytes) -> None:
    reason: Exception | None = None
    for read in (subject_public_key, certificate):
        try:
            _add_read(found, read(data))
        except (DerError, ParameterError) as error:
            # That of a key which is there says more than that of the other form.
            reason = reason if isinstance(reason, ParameterError) else error
        else:
            return
    if HSS_LMS in data:
        short = str(reason).partition("; one of")[0]
        found.trouble = f"it names HSS/LMS, but is not a public key or certificate ({short})"


def _add_read(found: Recognized, read: HssPublicKey | Certificate | None) -> None:
    if isinstance(read, Certificate):
        if read.signature is not None:
            found.made.append(Made(read.signature, read.signed))
        read = read.key
    if read is not None:
        found.keys.append(read)


def _trouble(data: bytes) -> str:
    """Why bytes that begin like a signature or a public key are none."""
    first, second, third = _words(data)
    if len(data) < MAX_KEY:
        if first in TREE_CODES and second in OTS_CODES:
            return _reason(PublicKey.decode, data)
        if first <= MAX_LEVELS and second in TREE_CODES and third in OTS_CODES:
            return _reason(HssPublicKey.decode, data)
    plain = first < MAX_LEAVES and second in OTS_CODES
    leveled = first <= MAX_LEVELS and second < MAX_LEAVES and third in OTS_CODES
    if len(data) < MAX_SIGNATURE and (plain or leveled):
        return _reason(decode_either, data)
    return ""


def _reason(decode: Callable[[bytes], object], data: bytes) -> str:
    try:
        decode(data)
    except ParameterError as error:
        return str(error).partition("; one of")[0]
    return ""
