"""From the forms in which people write a fault to the fault: a line, words, a table.

All say the same: `drop-after on=signing times=1`. What is unknown or wrong is refused by
name.
"""

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seemachine.faults.fault import Fault
from seemachine.faults.kinds import GROUPS, KINDS, MOMENTS, REQUEST, SIGNING, WRITE, Kind
from seemachine.frozen import frozen
from seemachine.wire.messages import MAX_CARD
from seemachine.wire.printable import is_printable, is_word
from seemachine.wire.requests import REQUESTS
from seemachine.wire.status import Status

MOST_COUNT = 1 << 30
# A year: more than any machine of a test is up.
MOST_SECONDS = 366 * 86400.0
MAX_DETAIL = 120
MAX_SEED = 64
# Who clears faults says hello first, so one on hello has to end by itself.
MOST_HELLOS = 10
HELLO = "hello"
# What adds, lists and clears faults meets none.
SPARED = "fault_"
STATUSES = {each.name: each for each in Status if each not in (Status.OK, Status.Failed)}


class FaultError(ValueError):
    """A fault is unknown or wrong. The text says what would be right."""


def fault_of(given: "Fault | str | Sequence[str] | Mapping[str, Any]") -> Fault:
    """The fault of a line, of its words, or of a table. Raises FaultError."""
    if isinstance(given, Fault):
        return _checked(given)
    if isinstance(given, Mapping):
        return _of_table(given)
    return _of_words(_split(given) if isinstance(given, str) else list(given))


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise FaultError(f"the fault {line!r} can't be read: {error}") from None


def _of_words(words: list[str]) -> Fault:
    if not words or "=" in words[0]:
        raise FaultError(f"a fault begins with its kind, one of {', '.join(KINDS)}")
    table: dict[str, Any] = {"kind": words[0]}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            raise FaultError(f"{words[0]} takes words such as times=1, not {word!r}")
        if name == "kind":
            raise FaultError(f"the kind of a fault is its first word alone, here {words[0]}")
        if name in table:
            raise FaultError(f"{words[0]} takes {name}= once, not twice")
        table[name] = value
    return _of_table(table)


def _of_table(table: Mapping[str, Any]) -> Fault:
    kind = _kind(table.get("kind"))
    given = {name: value for name, value in table.items() if name != "kind"}
    for name in given:
        if name not in kind.takes:
            raise FaultError(f"{kind.name} takes no {name}; {meant(name, kind.takes)}")
    for name in kind.needs:
        if name not in given:
            raise FaultError(f"{kind.name} needs {name}=, such as {name}={WORDS[name].example}")
    read: dict[str, Any] = {
        name: WORDS[name].read(kind, name, value) for name, value in given.items()
    }
    return _checked(Fault(kind.name, **{"times": kind.times, **read}))


def _checked(fault: Fault) -> Fault:
    """What no word can tell by itself. Raises FaultError."""
    if fault.until and fault.until <= fault.at:
        raise FaultError(f"{fault.kind}: until= takes seconds after those of at=")
    if fault.facts.place == REQUEST and HELLO in fault.on and not 0 < fault.times <= MOST_HELLOS:
        raise FaultError(
            f"{fault.kind} on={HELLO}: nobody could clear it; limit it with times=1, or up to"
            f" {MOST_HELLOS}"
        )
    return fault


def _kind(name: object) -> Kind:
    if isinstance(name, str) and name in KINDS:
        return KINDS[name]
    if name is None:
        raise FaultError(f"a fault needs a kind, one of {', '.join(KINDS)}")
    raise FaultError(f"there is no fault {name!r}; {meant(str(name), KINDS)}")


def meant(name: str, known: Iterable[str]) -> str:
    """Advice, for after a semicolon: what may be meant, and what there is."""
    from difflib import get_close_matches

    known = list(known)
    like = _with_part(name, known) or get_close_matches(name, known, n=1)
    begins = f"did you mean {' or '.join(like)}? Known" if like else "known"
    return f"{begins} are {', '.join(known)}"


def _with_part(name: str, known: Iterable[str]) -> list[str]:
    """Those that are said in short: `drop`, `sign`."""
    return [each for each in known if name in each.replace("-", "_").split("_")]


def _names(kind: Kind, _word: str, value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(type(each) is str for each in names):
        raise FaultError(f"{kind.name}: on= takes names of requests, with a comma between two")
    if not names or names == [""]:
        raise FaultError(f"{kind.name}: on= takes at least one request; left out, it is any")
    for name in names:
        if name.startswith(SPARED):
            raise FaultError(f"{kind.name}: {name} meets no faults, so that they can be cleared")
        if name not in REQUESTS and name not in GROUPS:
            known = [each for each in (*GROUPS, *REQUESTS) if not each.startswith(SPARED)]
            raise FaultError(f"{kind.name}: there is no request {name!r}; {meant(name, known)}")
    return tuple(dict.fromkeys(names))


def _whole(least: int) -> Callable[[Kind, str, object], int]:
    def read(kind: Kind, word: str, value: object) -> int:
        is_text = type(value) is str and value.isascii() and value.isdecimal() and len(value) < 12
        number = int(str(value)) if is_text else value
        if type(number) is not int or not least <= number <= MOST_COUNT:
            raise _wrong(kind, word, f"a whole number from {least}", value)
        return number

    return read


def _real(value: object) -> float:
    """NaN for what is none."""
    if type(value) not in (int, float, str):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return math.nan


def _probability(kind: Kind, word: str, value: object) -> float:
    number = _real(value)
    if not 0 < number <= 1:
        raise _wrong(kind, word, "a number over 0 and up to 1, such as 0.25", value)
    return number


def _seconds(kind: Kind, word: str, value: object) -> float:
    number = _real(value)
    least = -MOST_SECONDS if word == "seconds" and kind.name == "clock-moved" else 0
    if not least <= number <= MOST_SECONDS:
        takes = "seconds" if least else "seconds from 0"
        raise _wrong(kind, word, f"{takes}, such as {WORDS[word].example}", value)
    return number


def _status(kind: Kind, word: str, value: object) -> Status:
    if isinstance(value, Status) and value.name in STATUSES:
        return value
    if not isinstance(value, str) or value not in STATUSES:
        known = meant(str(value), STATUSES)
        raise FaultError(f"{kind.name}: there is no {word} {value!r} to refuse with; {known}")
    return STATUSES[value]


def _seed(kind: Kind, word: str, value: object) -> str:
    text = str(value) if type(value) in (int, str) else ""
    if len(text) > MAX_SEED or not is_word(text):
        raise _wrong(kind, word, f"up to {MAX_SEED} letters, digits and . _ + -", value)
    return text


def _detail(kind: Kind, word: str, value: object) -> str:
    fits = type(value) is str and 0 < len(value) <= MAX_DETAIL and is_printable(value)
    if not fits or value != str(value).strip():
        raise _wrong(kind, word, f"a line of 1 to {MAX_DETAIL} printable characters", value)
    return str(value)


def _moment(kind: Kind, word: str, value: object) -> str:
    if not isinstance(value, str) or value not in MOMENTS:
        raise FaultError(f"{kind.name}: {word}= takes {', '.join(MOMENTS)}, not {value!r}")
    return value


def _card(kind: Kind, word: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_CARD or not is_word(value):
        raise _wrong(kind, word, "the name of a card, such as card1", value)
    return value


def _wrong(kind: Kind, word: str, takes: str, value: object) -> FaultError:
    return FaultError(f"{kind.name}: {word}= takes {takes}, not {value!r}")


@frozen
class Word:
    """A word of a fault: how its value is read, what it says, and an example of a value."""

    read: Callable[[Kind, str, object], Any]
    what: str
    example: str


WORDS = {
    "on": Word(
        _names,
        f"only these requests, separated by commas; `{SIGNING}` is all that make a signature;"
        " without it, all but hello",
        SIGNING,
    ),
    "times": Word(_whole(0), "this many times, then no more; 0: until it is cleared", "1"),
    "after": Word(_whole(0), "skip the first ones that it is for, this many", "2"),
    "every": Word(_whole(1), "then only one in this many", "3"),
    "probability": Word(_probability, "then with this probability, over 0 and up to 1", "0.25"),
    "seed": Word(_seed, "what the draws are made of; without it, one is drawn and listed", "7"),
    "at": Word(_seconds, "only from this many seconds after it was added", "5"),
    "until": Word(_seconds, "only until this many seconds after it was added", "60"),
    "status": Word(_status, "the name of the status", "AccessDenied"),
    "detail": Word(_detail, "the sentence, in quotes", "'come back later'"),
    "moment": Word(_moment, f"when: {', '.join(MOMENTS)}; without it, {WRITE}", "read"),
    "card": Word(_card, "only the card of this name; without it, any", "card1"),
    "seconds": Word(_seconds, "this many seconds", "0.5"),
}
