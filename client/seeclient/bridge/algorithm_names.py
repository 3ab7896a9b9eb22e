"""What key is meant by the text of an algorithm.

`lms:sha256_m32_h10:sha256_n32_w8[:expcards:explease]`, or `mldsa44`, `mldsa65`, `mldsa87`, also as
`ML-DSA-44`.
"""

from typing import NamedTuple

from seemachine.mldsa.parameters import MLDSA_SETS, MldsaError, of_public_key
from seemachine.wire.status import Status, StatusError

LMS_FORM = "lms:sha256_m32_h10:sha256_n32_w8[:expcards:explease]"
MLDSA = tuple(each.name for each in MLDSA_SETS)


class LmsName(NamedTuple):
    """The parameter sets and exponents of an LMS key (guide 2.7.1)."""

    lms: str
    lmots: str
    expcards: int = 0
    explease: int = 0


def read(text: str) -> LmsName | str:
    """What to make: an LMS key, or the parameter set of ML-DSA. Raises StatusError."""
    head, *rest = text.lower().split(":")
    if head == "lms":
        return _lms(rest)
    name = head.replace("-", "").replace("_", "")
    if rest or name not in MLDSA:
        raise _unknown(f"there is no algorithm {text}; known are {', '.join(MLDSA)}, {LMS_FORM}")
    return name


def code_of(public_key: bytes) -> str:
    """The parameter set that an ML-DSA public key is of; empty for what is none."""
    try:
        return of_public_key(public_key).name
    except MldsaError:
        return ""


def read_kind(text: str) -> str:
    """The same as `seeclient.verify` is told: a public key has its parameter sets in itself."""
    return text.partition(":")[0]


def _lms(rest: list[str]) -> LmsName:
    if len(rest) not in (2, 4) or not all(each.isascii() and each.isdigit() for each in rest[2:]):
        raise _unknown(f"an LMS key needs its parameter sets: {LMS_FORM}")
    numbers = [int(each[:4]) for each in rest[2:]]
    return LmsName(rest[0], rest[1], *numbers)


def _unknown(detail: str) -> StatusError:
    return StatusError(Status.InvalidParameter, detail, "generate")
