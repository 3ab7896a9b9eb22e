"""pipsqueak's words: verbs and name=value, as the guide writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

VERBS = ("generate", "list", "showinfo")
# The guide spells one argument in three ways and another in two (2.7.1, 2.7.2.1).
SPELLINGS = {"exprelease": "explease", "exlease": "explease", "expcard": "expcards"}
NAMES = (
    "alias",
    "message",
    "msgfile",
    "sigfile",
    "verify",
    "provesn",
    "slot",
    "esn",
    "algorithm",
    "lmscode",
    "lmotscode",
    "expchunk",
    "expcache",
    "expcards",
    "explease",
    "resume",
    "replace",
)
NUMBERS = ("slot", "expchunk", "expcache", "expcards", "explease")

USAGE = """\
usage: pipsqueak                                            which HSMs are there
       pipsqueak generate alias=A algorithm=lms lmscode=L lmotscode=O
                 [expcards=N explease=N] [expchunk=N] [expcache=N] [slot=N] [esn=E]
                 [replace=yes]                              give up a half-made key
       pipsqueak generate alias=A resume=yes                go on with a half-made key
       pipsqueak list                                       keys of this host
       pipsqueak showinfo alias=A                           a key, its HSMs and cards
       pipsqueak alias=A message=TEXT | msgfile=FILE [sigfile=FILE]
       pipsqueak alias=A message=TEXT | msgfile=FILE verify=SIGFILE
       pipsqueak provesn=E slot=N                           a lease from card to HSM
       --json  one JSON document instead of lines      --help  --version

lmscode    sha256_m32_h5, _h10, _h15, _h20, _h25; also sha256_m24, shake_m32, shake_m24
lmotscode  sha256_n32_w8, _w4, _w2, _w1; also sha256_n24, shake_n32, shake_n24
expcards   2^N smart cards, each good for 2^explease leases; both 0: all on one HSM
expchunk   2^N leaves in one step         expcache  levels of the tree kept for loading

exit code  0 done, 1 refused, 2 wrong usage, 130 interrupted
HSMs are found in $SEEMACHINE_FLEET (host:port,...) or the world folder ($SEEMACHINE_HOME).
PIPSQUEAK_COMPAT=1.4.1 brings back the quirks of that version.
"""


class UsageError(Exception):
    """The command line can't be understood. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """A command line taken apart. `verb` is one of VERBS, or `banner`, `sign`, `verify`, `provision`."""

    verb: str
    texts: dict[str, str]
    numbers: dict[str, int]
    json: bool


def parse(words: Sequence[str]) -> Arguments:
    """Raises UsageError."""
    flags = [word for word in words if word.startswith("-")]
    values: dict[str, str] = {}
    verbs: list[str] = []
    for word in words:
        if word in flags:
            continue
        name, equals, value = word.partition("=")
        if equals:
            _keep(values, SPELLINGS.get(name, name), value)
        else:
            verbs.append(word)
    for flag in flags:
        if flag != "--json":
            raise UsageError(f"unknown option {flag}; there are --json, --help and --version")
    verb = _verb(verbs, values)
    _check(verb, values)
    return Arguments(
        verb,
        {name: value for name, value in values.items() if name not in NUMBERS},
        {name: _number(name, value) for name, value in values.items() if name in NUMBERS},
        bool(flags),
    )


def _keep(values: dict[str, str], name: str, value: str) -> None:
    if name not in NAMES:
        raise UsageError(f"unknown argument {name}={_nearest(name, NAMES)}")
    if name in values:
        raise UsageError(f"{name}= is given twice")
    if not value and name != "message":
        raise UsageError(f"{name}= needs a value")
    values[name] = value


def _verb(verbs: list[str], values: dict[str, str]) -> str:
    if len(verbs) > 1:
        raise UsageError(f"one command at a time, not {' '.join(verbs)}")
    if verbs:
        if verbs[0] not in VERBS:
            raise UsageError(f"unknown command {verbs[0]}{_nearest(verbs[0], VERBS)}")
        return verbs[0]
    if "provesn" in values:
        return "provision"
    if "verify" in values:
        return "verify"
    return "sign" if values else "banner"


# What each command needs, and what it takes beside that.
_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "banner": ((), ()),
    "list": ((), ()),
    "showinfo": (("alias",), ()),
    "provision": (("provesn", "slot"), ()),
    "generate": (
        ("alias",),
        ("algorithm", "lmscode", "lmotscode", "expchunk", "expcache", "expcards", "explease", "slot", "esn", "resume", "replace"),
    ),
    "sign": (("alias",), ("message", "msgfile", "sigfile")),
    "verify": (("alias", "verify"), ("message", "msgfile")),
}


def _check(verb: str, values: dict[str, str]) -> None:
    needed, taken = _FORMS[verb]
    for name in needed:
        if name not in values:
            raise UsageError(f"{verb} needs {name}=")
    for name in values:
        if name not in needed + taken:
            raise UsageError(f"{verb} does not take {name}=")
    if verb == "generate":
        _check_generate(values)
    for name in ("resume", "replace"):
        if values.get(name, "yes") not in ("yes", "no"):
            raise UsageError(f"{name}= takes yes or no, not {values[name]}")
    if verb in ("sign", "verify") and ("message" in values) == ("msgfile" in values):
        raise UsageError(f"{verb} needs either message=TEXT or msgfile=FILE")


def _check_generate(values: dict[str, str]) -> None:
    if values.get("resume") == "yes":
        for name in values.keys() - {"alias", "resume", "esn", "slot", "algorithm"}:
            raise UsageError(f"resume=yes goes on with the key as it was begun; leave out {name}=")
    elif values.get("algorithm", "").lower() == "lms":
        for name, example in (("lmscode", "sha256_m32_h5"), ("lmotscode", "sha256_n32_w8")):
            if name not in values:
                raise UsageError(f"generate needs {name}=, such as {name}={example}")


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise UsageError(f"{name}= takes a number, not {value}")
    return int(value)


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(word, known, 1)
    return f"; did you mean {found[0]}?" if found else f"; known are {', '.join(known)}"
