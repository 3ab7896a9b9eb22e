"""What a setting is: what it may hold, and what people are told of it.

A setting is declared once, as a field with one of the specifiers below. The same declaration checks
it, and makes its option of `seemachine serve`, its lines of a new fleet.toml, and its row of
docs/reference/settings.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from seemachine.wire.printable import is_printable

# Four years in seconds; for counts and bytes more than anybody needs.
MOST = 1 << 27


class ConfigError(ValueError):
    """A setting is unknown or wrong. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`what` and the meanings of `choices` are phrases that fit into a sentence.

    `takes` completes "<name> takes ...". `unset` says what an empty or missing value stands for;
    `more` are whole sentences, for the reference. `example` is TOML. `shown` is what the option's
    value is called in `--help`; without it there is no option. `secret`: it may hold a password,
    and a refusal does not repeat it.
    """

    what: str
    takes: str
    fits: Callable[[Any], bool]
    choices: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    unset: str = ""
    more: str = ""
    example: str = ""
    shown: str = ""
    secret: bool = False

    def check(self, name: str, value: object) -> None:
        """Raises ConfigError, which begins with the name."""
        if not self.fits(value):
            given = "what was given" if self.secret else repr(value)
            raise ConfigError(f"{name} takes {self.takes}, not {given}")


def _declared(setting: Setting, default: object) -> Any:
    return field(default=default, metadata={"setting": setting})


def settings_of(kind: type[Any]) -> Iterator[tuple[Field[Any], Setting]]:
    """The fields of a class that are settings, in their order."""
    for each in fields(kind):
        if "setting" in each.metadata:
            yield each, each.metadata["setting"]


def check_all(settings: Any, prefix: str = "") -> None:
    """Every setting of an object by itself. Raises ConfigError."""
    for each, setting in settings_of(type(settings)):
        setting.check(prefix + each.name, getattr(settings, each.name))


def choice(default: str, choices: Mapping[str, str], what: str, **told: Any) -> Any:
    """One of several words, each with what it means."""

    def fits(value: object) -> bool:
        return type(value) is str and value in choices

    takes = f"one of {', '.join(choices)}"
    return _declared(Setting(what, takes, fits, choices, **told), default)


def number(default: int, least: int, most: int, what: str, **told: Any) -> Any:
    """A whole number between bounds, both included. `unset` is what 0 stands for."""

    def fits(value: object) -> bool:
        # bool is an int in Python; in TOML it is another type.
        return type(value) is int and least <= value <= most

    zero = f"{least} ({told['unset']})" if "unset" in told else str(least)
    return _declared(Setting(what, f"a number from {zero} to {most}", fits, **told), default)


def flag(what: str, *, default: bool, **told: Any) -> Any:
    """True or false."""
    return _declared(
        Setting(what, "true or false", lambda value: type(value) is bool, **told), default
    )


def text(default: str, takes: str, what: str, **told: Any) -> Any:
    """A line of printable characters. It may be empty, unless `fits` says otherwise."""
    fits = told.pop("fits", lambda _value: True)

    def is_line(value: object) -> bool:
        return type(value) is str and is_printable(value) and bool(fits(value))

    return _declared(Setting(what, takes, is_line, **told), default)


def texts(takes: str, what: str, fits: Callable[[str], bool], **told: Any) -> Any:
    """A list of texts, by default empty."""
    return _listed(str, takes, what, fits, **told)


def numbers(takes: str, what: str, fits: Callable[[int], bool], **told: Any) -> Any:
    """A list of whole numbers, by default empty."""
    return _listed(int, takes, what, fits, **told)


def _listed(
    kind: type[Any], takes: str, what: str, fits: Callable[[Any], bool], **told: Any
) -> Any:
    def all_fit(value: object) -> bool:
        return isinstance(value, tuple) and all(type(each) is kind and fits(each) for each in value)

    return _declared(Setting(what, takes, all_fit, **told), ())


def path(takes: str, what: str, kind: type[Any] = Path, **told: Any) -> Any:
    """An absolute path, or what is made of one."""
    return _declared(Setting(what, takes, lambda value: isinstance(value, kind), **told), MISSING)
