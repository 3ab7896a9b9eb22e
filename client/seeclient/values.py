"""Which values pipsqueak's arguments can have at all, whatever keys and HSMs there are."""

import os
import re
from collections.abc import Callable, Sequence

from seeclient import algorithms
from seeclient.keyfile import check_alias
from seeclient.thresholds import reason
from seemachine.lms.parameters import OTS_SETS, TREE_SETS, OtsParameters, TreeParameters
from seemachine.mldsa.parameters import MAX_CONTEXT, MLDSA_SETS
from seemachine.wire.messages import MAX_HEIGHT, MAX_WARNAT
from seemachine.wire.names import MAX_EXPCACHE, MAX_EXPCARDS, MAX_EXPLEASE, NO_ESN, SLOTS, is_esn
from seemachine.wire.status import StatusError

HIGHEST = {
    "slot": SLOTS[-1],
    "expchunk": MAX_HEIGHT,
    "expcache": MAX_EXPCACHE,
    "expcards": MAX_EXPCARDS,
    "explease": MAX_EXPLEASE,
    "warnat": MAX_WARNAT,
}
# As the usage has them: all of them in one line can't be read.
SETS = {
    "lmscode": "sha256_m32_h5, _h10, _h15, _h20, _h25; also sha256_m24, shake_m32, shake_m24",
    "lmotscode": "sha256_n32_w8, _w4, _w2, _w1; also sha256_n24, shake_n32, shake_n24",
    "mldsacode": "mldsa87 (if none is given), mldsa65, mldsa44",
}
# What the names of the RFCs have before those of the guide.
REGISTRIES: dict[str, tuple[str, Sequence[TreeParameters | OtsParameters]]] = {
    "lmscode": ("lms_", TREE_SETS),
    "lmotscode": ("lmots_", OTS_SETS),
}
# Not 00000010: a public key has it as a word, which is hexadecimal.
_TYPECODE = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[1-9][0-9]{0,9}", re.ASCII)


class UsageError(Exception):
    """The command line can't be understood. The text says what would be right."""


def number(name: str, value: str) -> int:
    """The number of an argument. Raises UsageError."""
    read = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
    if not 0 <= read <= HIGHEST[name]:
        raise UsageError(f"{name}= takes a number from 0 to {HIGHEST[name]}, not {value}")
    return read


def text(name: str, value: str) -> str:
    """The text of an argument, as the client takes it. Raises UsageError."""
    return TEXTS[name](name, value) if name in TEXTS else value


def nearest(word: str, known: Sequence[str], all_of_them: str = "") -> str:
    """What may have been meant, after a semicolon."""
    from difflib import get_close_matches

    found = get_close_matches(word, known, 1)
    return (
        f"; did you mean {found[0]}?" if found else f"; known are {all_of_them or ', '.join(known)}"
    )


def _alias(_name: str, value: str) -> str:
    try:
        check_alias(value)
    except StatusError as error:
        raise UsageError(error.detail) from None
    return value


def _esn(name: str, value: str) -> str:
    if not is_esn(value.upper()):
        raise UsageError(f"{name}={value} {NO_ESN}")
    return value.upper()


def _set(name: str, value: str) -> str:
    """A parameter set by the guide's name, the name of RFC 8554 or RFC 9858 (SP 800-208 has the
    same), or the typecode.
    """
    prefix, sets = REGISTRIES[name]
    code = int(value, 0) if _TYPECODE.fullmatch(value) else None
    known = {each.name: each.typecode for each in sets}
    short = value.lower().removeprefix(prefix)
    for each, its_code in known.items():
        if short == each or code == its_code:
            return each
    if code is not None:
        codes = known.values()
        raise UsageError(f"there is no {name}={value}; typecodes are {min(codes)} to {max(codes)}")
    meant = nearest(short.replace("shake256", "shake"), list(known), SETS[name])
    raise UsageError(f"there is no {name}={value}{meant}")


def _mldsa_set(name: str, value: str) -> str:
    """A parameter set as mldsa87, by the name of FIPS 204, or by its number."""
    number = value.lower().replace("-", "").removeprefix("mldsa")
    for each in MLDSA_SETS:
        if number == str(each.number):
            return each.name
    raise UsageError(f"there is no {name}={value}; known are {SETS[name]}")


def _context(name: str, value: str) -> str:
    if len(os.fsencode(value)) > MAX_CONTEXT:
        raise UsageError(f"{name}= takes at most {MAX_CONTEXT} bytes")
    return value


def _algorithm(name: str, value: str) -> str:
    known = [each.lower() for each in (*algorithms.MODULES, *algorithms.SPELLINGS)]
    if value.lower() not in known:
        sets = {each.name for each in MLDSA_SETS}
        meant = value.lower().replace("-", "")
        if meant in sets:
            raise UsageError(f"there is no {name}={value}; did you mean mldsacode={meant}?")
        raise UsageError(f"there is no {name}={value}{nearest(value.lower(), known)}")
    return value.lower()


def _consent(name: str, value: str) -> str:
    if value.lower() not in ("yes", "no"):
        raise UsageError(f"{name}= takes yes or no, not {value}")
    return value.lower()


def _reason(_name: str, value: str) -> str:
    try:
        return reason(value)
    except StatusError as error:
        raise UsageError(error.detail) from None


TEXTS: dict[str, Callable[[str, str], str]] = {
    "alias": _alias,
    "esn": _esn,
    "provesn": _esn,
    "lmscode": _set,
    "lmotscode": _set,
    "mldsacode": _mldsa_set,
    "context": _context,
    "deterministic": _consent,
    "algorithm": _algorithm,
    "resume": _consent,
    "replace": _consent,
    "partial": _consent,
    "acknowledge": _reason,
}
