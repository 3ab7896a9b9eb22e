"""What a field of a message may hold, and the decorator that turns a class into a message.

A message never changes; see `seemachine/frozen/`. Each field is declared with one of the
specifiers below, which says its type and its limits; the same declaration encodes, decodes and
documents it.
"""

from collections.abc import Callable
from typing import TypeVar, cast, dataclass_transform

from seemachine.frozen import REQUIRED, Field, frozen
from seemachine.wire.names import is_esn
from seemachine.wire.printable import is_printable, is_word
from seemachine.wire.record import Check, FieldError, Made, from_fields

Value = TypeVar("Value")


class Specifier(Field):
    """A field whose value is checked. A `secret` one is left out of `repr`, and so of logs and
    tracebacks.
    """

    __slots__ = ("check", "secret")

    def __init__(self, check: Check, default: object, secret: bool) -> None:
        super().__init__(default=default)
        self.check = check
        self.secret = secret


def _specify(
    check: Callable[[object], Value], *, default: object = REQUIRED, secret: bool = False
) -> Value:
    """A specifier. To the type checker it is a value of the field.

    `default=None` makes it optional: nil on the wire, and it may be left out in Python.
    """

    def optional(value: object) -> Value | None:
        return None if value is None else check(value)

    return cast(Value, Specifier(optional if default is None else check, default, secret))


def number(low: int, high: int, *, default: object = REQUIRED) -> int:
    """An integer from `low` to `high`, both included."""

    def check(value: object) -> int:
        # bool is an int in Python; on the wire it is another type.
        if type(value) is not int or not low <= value <= high:
            raise FieldError(f"takes an integer from {low} to {high}")
        return value

    return _specify(check, default=default)


def octets(
    low: int, high: int | None = None, *, default: object = REQUIRED, secret: bool = False
) -> bytes:
    """A byte string of `low` to `high` bytes, or of exactly `low`."""
    most = low if high is None else high

    def check(value: object) -> bytes:
        if type(value) is not bytes or not low <= len(value) <= most:
            raise FieldError(
                f"takes {low} to {most} bytes" if most != low else f"takes {low} bytes"
            )
        return value

    return _specify(check, default=default, secret=secret)


def text(most: int, *, default: object = REQUIRED) -> str:
    """A UTF-8 string of at most `most` characters, all of them printable (`printable.py`)."""

    def check(value: object) -> str:
        if type(value) is not str or len(value) > most or not is_printable(value):
            raise FieldError(f"takes printable text of at most {most} characters")
        return value

    return _specify(check, default=default)


def sentence(most: int, *, default: object = REQUIRED) -> str:
    """A line of at most `most` printable characters, with no blank at either end; it
    may be empty.
    """

    def check(value: object) -> str:
        if type(value) is not str or len(value) > most:
            raise FieldError(f"takes at most {most} characters")
        if not is_printable(value) or value != value.strip():
            raise FieldError("takes one line of printable characters, with no blank at its ends")
        return value

    return _specify(check, default=default)


def word(most: int) -> str:
    """1 to `most` ASCII letters, digits and `. _ + -`: what stands in the middle of a line and must
    not look like the rest of it.
    """

    def check(value: object) -> str:
        if type(value) is not str or len(value) > most or not is_word(value):
            raise FieldError(f"takes 1 to {most} letters, digits and . _ + -")
        return value

    return _specify(check)


def serial_number() -> str:
    """An electronic serial number: clients name files by it."""

    def check(value: object) -> str:
        if type(value) is not str or not is_esn(value):
            raise FieldError("takes an ESN, such as 7852-268D-3BF9")
        return value

    return _specify(check)


def flag(*, default: object = REQUIRED) -> bool:
    """True or false."""

    def check(value: object) -> bool:
        if type(value) is not bool:
            raise FieldError("takes true or false")
        return value

    return _specify(check, default=default)


def records(kind: type[Made], most: int) -> list[Made]:
    """A list of at most `most` records of one class."""

    def check(value: object) -> list[Made]:
        if type(value) is not list or len(value) > most:
            raise FieldError(f"takes a list of at most {most} records")
        return [item if type(item) is kind else from_fields(kind, item) for item in value]

    return _specify(check)


def octet_strings(most: int, low: int, high: int | None = None) -> list[bytes]:
    """A list of 1 to `most` byte strings, each of `low` to `high` bytes, or of exactly `low`."""
    longest = low if high is None else high

    def check(value: object) -> list[bytes]:
        if type(value) is not list or not 1 <= len(value) <= most:
            raise FieldError(f"takes a list of 1 to {most} byte strings")
        if not all(type(item) is bytes and low <= len(item) <= longest for item in value):
            size = f"{low} to {longest}" if longest != low else str(low)
            raise FieldError(f"takes a list of byte strings of {size} bytes each")
        return value

    return _specify(check)


def numbers(most: int, low: int, high: int) -> list[int]:
    """A list of 1 to `most` integers from `low` to `high`, both included."""

    def check(value: object) -> list[int]:
        if type(value) is not list or not 1 <= len(value) <= most:
            raise FieldError(f"takes a list of 1 to {most} integers")
        if not all(type(item) is int and low <= item <= high for item in value):
            raise FieldError(f"takes a list of integers from {low} to {high}")
        return value

    return _specify(check)


def record(kind: type[Made]) -> Made:
    """One record of another class."""
    return _specify(lambda value: value if type(value) is kind else from_fields(kind, value))


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        number,
        octets,
        text,
        sentence,
        word,
        serial_number,
        flag,
        records,
        octet_strings,
        numbers,
        record,
    ),
)
def wire_class(cls: type[Made]) -> type[Made]:
    """Make `cls` a frozen class that knows the check of each of its fields.

    Raises TypeError for a field without a specifier.
    """
    specifiers = {name: vars(cls).get(name) for name in cls.__annotations__}
    for name, each in specifiers.items():
        if not isinstance(each, Specifier):
            raise TypeError(f"{cls.__name__}.{name} needs a specifier, such as `flag()`")
    made = frozen(cls)
    known = cast("dict[str, Specifier]", specifiers)
    made.CHECKS = {name: each.check for name, each in known.items()}
    made.SECRETS = frozenset(name for name, each in known.items() if each.secret)
    return made
