"""A record: named fields with their checks, and the map that it is on the wire."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

Check = Callable[[object], object]


class FieldError(ValueError):
    """A field is missing, unknown, of the wrong type or out of its limits."""


class Record:
    """Named fields with their checks: a message or a part of one. See `wire_class`."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    CHECKS: ClassVar[dict[str, Check]]
    SECRETS: ClassVar[frozenset[str]]

    def __repr__(self) -> str:
        shown = (f"{name}={self._shown(name)}" for name in self.CHECKS)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return "..." if name in self.SECRETS and value is not None else repr(value)


Made = TypeVar("Made", bound=Record)


def from_fields(cls: type[Made], raw: object) -> Made:
    """Build a message from a decoded map.

    Raises FieldError naming the first field that is wrong.
    """
    if type(raw) is not dict:
        raise FieldError("fields must be a map")
    checks, make = cls.CHECKS, cast("Callable[..., Made]", cls)
    if raw.keys() != checks.keys():
        raise FieldError(_mismatch(set(raw), set(checks)))
    return make(*[_checked(name, check, raw[name]) for name, check in checks.items()])


def to_fields(made: Record) -> dict[str, object]:
    """The map of a message's fields. Raises FieldError when a value is out of its limits."""
    checks = made.CHECKS
    return {name: _encoded(name, check, getattr(made, name)) for name, check in checks.items()}


def _checked(name: str, check: Check, value: object) -> object:
    try:
        return check(value)
    except FieldError as error:
        raise FieldError(f"{name} {error}") from None


def _encoded(name: str, check: Check, value: object) -> object:
    try:
        return _plain(check(value))
    except FieldError as error:
        raise FieldError(f"{name} {error}") from None


def _plain(value: object) -> object:
    if type(value) is list:
        return [_plain(item) for item in value]
    return to_fields(value) if isinstance(value, Record) else value


def _mismatch(given: set[object], known: set[str]) -> str:
    missing = ", ".join(sorted(known - given))
    return f"missing field {missing}" if missing else "unknown field"
