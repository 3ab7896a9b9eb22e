"""What key is meant by the text of an algorithm.

`lms:sha256_m32_h10:sha256_n32_w8[:expcards:explease]`, or `mldsa44`, `mldsa65`, `mldsa87`, also as
`ML-DSA-44`. `ML-DSA` alone, which is what a key says of itself, is the default set.
"""

from typing import NamedTuple

from seemachine.lms.parameters import ParameterError, check_pair, lmots, lms
from seemachine.mldsa.parameters import DEFAULT, MLDSA_SETS, MldsaError, of_public_key
from seemachine.wire.status import Status, StatusError

LMS_FORM = "lms:sha256_m32_h10:sha256_n32_w8[:expcards:explease]"
MLDSA = tuple(each.name for each in MLDSA_SETS)
FAMILY = "mldsa"
KNOWN = f"known are {', '.join(MLDSA)}, {LMS_FORM}"


class LmsName(NamedTuple):
    """The parameter sets and exponents of an LMS key (guide 2.7.1)."""

    lms: str
    lmots: str
    expcards: int = 0
    explease: int = 0


def read(text: str, family: str = DEFAULT.name) -> LmsName | str:
    """What to make: an LMS key, or the parameter set of ML-DSA, which without a number is `family`.

    Raises StatusError.
    """
    if not text:
        raise _unknown(f"algorithm is missing; {KNOWN}")
    head, *rest = text.lower().split(":")
    if head == "lms":
        return _lms(rest)
    name = head.replace("-", "").replace("_", "")
    if rest or name not in (FAMILY, *MLDSA):
        raise _unknown(f"there is no algorithm {text}; {KNOWN}")
    return family if name == FAMILY else name


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
    wanted = LmsName(rest[0], rest[1], *numbers)
    _check_pair(wanted)
    return wanted


def _check_pair(wanted: LmsName) -> None:
    """In the words of this form: those of the client name options of pipsqueak."""
    try:
        tree, ots = lms(wanted.lms), lmots(wanted.lmots)
    except ParameterError as error:
        raise _unknown(f"{error}; the form is {LMS_FORM}") from None
    try:
        check_pair(tree, ots)
    except ParameterError:
        raise _unknown(
            f"{tree.name} and {ots.name} differ in hash or in length; use"
            f" lms:{tree.name}:{tree.hash}_n{tree.m}_w..."
        ) from None


def _unknown(detail: str) -> StatusError:
    return StatusError(Status.InvalidParameter, detail, "generate")
