"""pipsqueak's words: verbs and name=value, as the guide writes them, in any case of letters."""

from collections.abc import Callable, Collection, Mapping, Sequence

from seeclient.algorithms import DEFAULT, registry
from seeclient.values import UsageError, nearest, number, text
from seemachine.frozen import frozen

VERBS = ("generate", "list", "showinfo")
# The guide spells one argument in three ways and another in two (2.7.1, 2.7.2.1).
SPELLINGS = {"exprelease": "explease", "exlease": "explease", "expcard": "expcards"}
NAMES = (
    "alias",
    "message",
    "msgfile",
    "sigfile",
    "msgdir",
    "sigdir",
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
    "warnat",
    "acknowledge",
    "mldsacode",
    "token",
    "context",
    "deterministic",
    "partial",
)
NUMBERS = ("slot", "expchunk", "expcache", "expcards", "explease", "warnat")


@frozen
class Arguments:
    """A command line taken apart.

    `verb` is one of VERBS, or `banner`, `sign`, `sign-folder`, `verify`, `provision`, `threshold`.
    """

    verb: str
    texts: dict[str, str]
    numbers: dict[str, int]
    json: bool
    # Whether to do what 1.4.1 does, be it odd, and nothing that it does not know.
    quirks: bool = False


def parse(words: Sequence[str]) -> Arguments:
    """Raises UsageError."""
    flags = [word for word in words if word.startswith("-")]
    values: dict[str, str] = {}
    verbs: list[str] = []
    own = _own(words)
    for word in words:
        if word in flags:
            continue
        name, equals, value = word.partition("=")
        if equals:
            _keep(values, name, value, own)
        else:
            verbs.append(word)
    _check_flags(flags)
    verb = _verb(verbs, values)
    _check(verb, {name: values[name] for name in values if name not in own}, implied=not verbs)
    texts = {
        name: own.get(name, text)(name, value)
        for name, value in values.items()
        if name not in NUMBERS
    }
    numbers = {name: number(name, value) for name, value in values.items() if name in NUMBERS}
    if verb == "generate":
        _check_generate(texts, numbers)
    _check_output(texts, as_json=bool(flags))
    return Arguments(verb, texts, numbers, bool(flags))


def _check_flags(flags: Sequence[str]) -> None:
    for flag in flags:
        if flag != "--json":
            raise UsageError(f"unknown option {flag}; there are --json, --help and --version")


def _check_output(texts: Mapping[str, str], *, as_json: bool) -> None:
    if texts.get("sigfile") == "-" and as_json:
        raise UsageError(
            "sigfile=- and --json both want standard output; leave out sigfile=: the document has"
            " the signature"
        )


def _own(words: Sequence[str]) -> Mapping[str, Callable[[str, str], str]]:
    """The arguments of the algorithm that is named, beside those of all."""
    named = (word.partition("=")[2] for word in words if word.lower().startswith("algorithm="))
    algorithm = registry.named(next(named, ""))
    return {} if algorithm is None else algorithm.ARGUMENTS


def _keep(values: dict[str, str], written: str, value: str, own: Collection[str]) -> None:
    name = SPELLINGS.get(written.lower(), written.lower())
    if name not in NAMES and name not in own:
        raise UsageError(f"unknown argument {written}={nearest(name, (*NAMES, *own))}")
    if name in values:
        raise UsageError(f"{name}= is given twice")
    if not value and name != "message":
        raise UsageError(f"{name}= needs a value")
    values[name] = value


def _verb(verbs: list[str], values: dict[str, str]) -> str:
    for word in verbs:
        if word.lower() not in VERBS:
            raise UsageError(_unknown(word, verbs[0].lower(), values))
    if len(verbs) > 1:
        raise UsageError(f"one command at a time, not {' '.join(verbs)}")
    if verbs:
        return verbs[0].lower()
    if "provesn" in values:
        return "provision"
    if "msgdir" in values or "sigdir" in values:
        return "sign-folder"
    if "verify" in values:
        return "verify"
    if "warnat" in values and "message" not in values and "msgfile" not in values:
        return "threshold"
    return "sign" if values else "banner"


def _unknown(word: str, verb: str, values: dict[str, str]) -> str:
    if not word:
        return "an empty word is not a command; is a variable empty?"
    if verb in ("showinfo", "generate") and "alias" not in values:
        return f"{verb} takes no {word}; did you mean alias={word}?"
    if word.lower() in NAMES:
        return f"{word} is not a command; did you mean {word}=...?"
    if word.lower() == "sign":
        return f"{word} is not a command; to sign: pipsqueak {_WRITTEN['sign']}"
    return f"unknown command {word}{nearest(word.lower(), VERBS)}"


# How a command that takes an argument is written.
_WRITTEN = {
    "showinfo": "showinfo",
    "provision": "provesn=ESN",
    "generate": "generate",
    "sign": "alias=A message=TEXT",
    "sign-folder": "alias=A msgdir=DIR sigdir=DIR",
    "verify": "alias=A message=TEXT verify=SIGFILE",
    "threshold": "alias=A warnat=N",
}
# What each command needs, and what it takes beside that.
FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "banner": ((), ()),
    "list": ((), ()),
    "showinfo": (("alias",), ()),
    "provision": (("provesn", "slot"), ()),
    "generate": (
        ("alias",),
        (
            *("algorithm", "lmscode", "lmotscode", "expchunk", "expcache", "expcards", "explease"),
            *("slot", "esn", "resume", "replace", "warnat", "mldsacode", "token"),
        ),
    ),
    "sign": (
        ("alias",),
        ("message", "msgfile", "sigfile", "acknowledge", "context", "deterministic"),
    ),
    "sign-folder": (
        ("alias", "msgdir", "sigdir"),
        ("acknowledge", "context", "deterministic", "partial"),
    ),
    "verify": (("alias", "verify"), ("message", "msgfile", "context")),
    "threshold": (("alias", "warnat"), ()),
}


def _check(verb: str, values: dict[str, str], *, implied: bool) -> None:
    needed, taken = FORMS[verb]
    if verb == "sign-folder":
        _check_folder(values)
    for name in values:
        if name not in needed + taken:
            where = " or ".join(
                _WRITTEN[each] for each, form in FORMS.items() if name in form[0] + form[1]
            )
            raise UsageError(
                f"{name}= goes with {where}"
                if implied and "alias" not in values
                else f"{verb} does not take {name}="
            )
    for name in needed:
        if name not in values:
            raise UsageError(f"{verb} needs {name}=")
    if verb in ("sign", "verify"):
        _check_message(verb, values)


def _check_folder(values: dict[str, str]) -> None:
    """In words that were typed."""
    typed = "msgdir" if "msgdir" in values else "sigdir"
    if "sigfile" in values:
        raise UsageError(f"sigfile= does not go with {typed}=; use sigdir=")
    needed, taken = FORMS["sign-folder"]
    for name in values:
        if name not in needed + taken:
            raise UsageError(f"{name}= does not go with {typed}=")
    for name in needed:
        if name not in values:
            raise UsageError(f"{typed}= needs {name}=")


def _check_message(verb: str, values: dict[str, str]) -> None:
    both = "message" in values, "msgfile" in values
    if all(both):
        raise UsageError(f"{verb} takes message=TEXT or msgfile=FILE, not both")
    if not any(both):
        raise UsageError(f"{verb} needs either message=TEXT or msgfile=FILE")


def _check_generate(texts: dict[str, str], numbers: dict[str, int]) -> None:
    if texts.get("resume") == "yes":
        for name in (texts.keys() | numbers.keys()) - {
            "alias",
            "resume",
            "esn",
            "slot",
            "algorithm",
        }:
            raise UsageError(f"resume=yes resumes the key as it was begun; leave out {name}=")
        return
    algorithm = registry.named(texts.get("algorithm", DEFAULT))
    assert algorithm is not None
    algorithm.check_arguments(texts, numbers)
    if "slot" in numbers and not numbers.get("expcards", 0) + numbers.get("explease", 0):
        raise UsageError(
            "slot= names a card slot, and this key has no cards; leave it out, or add expcards= or"
            " explease="
        )
