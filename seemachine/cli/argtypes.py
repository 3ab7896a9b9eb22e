"""How command lines are read: nothing is guessed, and what is invalid whatever the world looks
like is exit code 2.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from seemachine.wire.names import NO_ESN, SLOTS, is_esn
from seemachine.wire.printable import printable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
MOST_DURATION = 366 * _UNITS["d"]


# What other programs call it.
CALLED_ELSEWHERE = {
    "start": ("up",),
    "stop": ("down",),
    "ls": ("list",),
    "rm": ("remove", "clear"),
    "remove": ("clear",),
    "delete": ("destroy", "clear"),
    "-v": ("--version",),
    "-V": ("--version",),
}


def nearest(word: object, known: Iterable[object]) -> str:
    """What may have been meant, after a semicolon; empty where nothing is near."""
    from difflib import get_close_matches

    given = str(word).partition("=")[0]
    names = {str(each).lower(): str(each) for each in known}
    others = [each for each in CALLED_ELSEWHERE.get(given, ()) if each in names]
    found = others or get_close_matches(given.lower(), list(names), 1)
    return f"; did you mean {names[found[0]]}?" if found else ""


class WrongUsage(SystemExit):
    """How parsing ends where the command line is invalid, which is said already: exit code 2, for
    which command, and the sentence.
    """

    def __init__(self, prog: str, sentence: str) -> None:
        super().__init__(2)
        self.prog = prog
        self.sentence = sentence


class Parser(argparse.ArgumentParser):
    """Takes no abbreviations, since longer options may come.

    What is wrong with a command is told with the usage of that command.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})
        self.register("action", "parsers", _Verbs)
        self._later: list[Callable[[], None]] = []
        self._intermixes = False

    def later(self, add: Callable[[], None]) -> None:
        """Options that cost imports are added when this command is read, not with all commands."""
        self._later.append(add)

    def complete(self) -> "Parser":
        """With all of its options."""
        while self._later:
            self._later.pop()()
        return self

    def complete_all(self) -> "Parser":
        """With all options of it and of its commands."""
        self.complete()
        for action in self._actions:
            if isinstance(action, _Verbs):
                for each in action.choices.values():
                    each.complete_all()
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What is left over is refused here already: the parser above would print its own usage."""
        self.complete()
        words = sys.argv[1:] if args is None else list(args)
        # Else argparse would miss the command first, and say that.
        if any(isinstance(action, _Verbs) for action in self._actions):
            for word in filter(self._is_unknown, words[:1]):
                self._refuse_early(word)
        options, left = super().parse_known_args(words, namespace)
        if self._intermixes:
            return options, left
        if left and self._may_intermix():
            options, left = self._intermixed(words)
        self._refuse_unknown(left)
        return options, left

    def _may_intermix(self) -> bool:
        whole = (argparse.PARSER, argparse.REMAINDER)
        return not any(each.nargs in whole for each in self._get_positional_actions())

    def _intermixed(self, words: list[str]) -> Any:
        """Read once more: argparse takes no FILE after an option if there was none before it."""
        self._intermixes = True
        try:
            return self.parse_known_intermixed_args(words)
        finally:
            self._intermixes = False

    def _is_unknown(self, word: str) -> bool:
        known = self._option_string_actions
        return word.startswith("-") and word != "--" and word.partition("=")[0] not in known

    def _refuse_early(self, word: str) -> None:
        """An option before any command may be one of a command."""
        option = word.partition("=")[0]
        if any(option in each._option_string_actions for each in self.complete_all().endings()):  # noqa: SLF001
            self.error(f"{option} comes after the command")
        self._refuse_unknown([word])

    def _refuse_unknown(self, words: list[str]) -> None:
        if words:
            meant = nearest(words[0], self._option_string_actions)
            if not meant and Path(words[0]).exists():
                meant = f"; the file is ./{words[0]}"
            self.error(f"unrecognized arguments: {' '.join(words)}{meant}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """A word that is not one of those known is told with the one that may have been meant."""
        if action.choices is None or value in action.choices:
            return
        known = ", ".join(map(str, action.choices))
        what = "command" if isinstance(action, _Verbs) else "choice"
        meant = nearest(value, action.choices) or f"; known are {known}"
        raise argparse.ArgumentError(
            None if isinstance(action, _Verbs) else action, f"unknown {what} {value!r}{meant}"
        )

    def error(self, message: str) -> NoReturn:
        """A script may hand over words of others; what is said of them stays in its line."""
        try:
            super().error(printable(message))
        except SystemExit:
            raise WrongUsage(self.prog, printable(message)) from None

    def _print_message(self, message: str, file: Any = None) -> None:
        """Unlike argparse's, raises OSError: what nobody gets is not done."""
        if message:
            (file or sys.stderr).write(message)

    def endings(self) -> "Iterator[Parser]":
        """Its commands that have none of their own."""
        below = [action for action in self._actions if isinstance(action, _Verbs)]
        if not below:
            yield self
        for action in below:
            for each in action.choices.values():
                yield from each.endings()


class _Verbs(argparse._SubParsersAction):  # type: ignore[type-arg] # noqa: SLF001
    def add_parser(self, name: str, **options: Any) -> Any:
        """What the list of commands says of one stands in its own help too."""
        said = options.get("help")
        return super().add_parser(
            name, **{"description": said and f"{said[0].upper()}{said[1:]}.", **options}
        )


def esn(text: str) -> str:
    """An electronic serial number, in upper case."""
    if not is_esn(text.upper()):
        raise argparse.ArgumentTypeError(f"{text!r} {NO_ESN}")
    return text.upper()


def seed(text: str) -> str:
    """That of a world for tests."""
    from seemachine.chance.seed_file import MOST_SEED, is_seed

    if not is_seed(text):
        raise argparse.ArgumentTypeError(
            f"takes 1 to {MOST_SEED} printable characters, with no blank at its ends, not {text!r}"
        )
    return text


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number between bounds."""

    def number(text: str) -> int:
        value = (
            int(text)
            if text.isascii() and text.isdecimal() and len(text) <= len(str(most))
            else least - 1
        )
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"takes a number from {least} to {most}, not {text!r}")
        return value

    return number


def duration(text: str) -> int:
    """Seconds, written as 90s, 30m, 2h or 1d."""
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= MOST_DURATION:
        raise argparse.ArgumentTypeError(
            f"takes a time from 1s to {MOST_DURATION // _UNITS['d']}d, such as 90s, 30m, 2h or 1d,"
            f" not {text!r}"
        )
    return seconds


slot = whole(SLOTS[0], SLOTS[-1])
