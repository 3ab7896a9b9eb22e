"""Asking for the passphrases of cards: a person at a terminal, or the next line of a pipe."""

import sys
from collections.abc import Callable
from typing import TypeVar

from seeclient import tokens
from seemachine.printing import say
from seemachine.terminal import line_of_pipe
from seemachine.wire.status import StatusError

Result = TypeVar("Result")


def given_for(
    name: str, attempt: Callable[[tuple[str, ...]], Result], *, taken: bool = False
) -> Result:
    """What an attempt gives with the passphrases of the cards of a set, each asked for when it is
    missed.

    A person who mistyped one is asked again, until Ctrl-C or Ctrl-D; a wrong line of a pipe is
    refused. `taken`: standard input was something else, and has no passphrase. Raises StatusError.
    """
    known: tuple[str, ...] = ()
    locked = ""
    while True:
        try:
            return attempt(known)
        except StatusError as refused:
            if not tokens.wants_passphrase(refused):
                raise
            locked, before = tokens.locked_card(refused), locked
            known += (_next(name, refused, wrong=locked == before, taken=taken),)


def _next(name: str, refused: StatusError, *, wrong: bool, taken: bool) -> str:
    """Raises the refusal where nobody answers."""
    if not _at_terminal():
        if wrong:
            raise refused
        return _of_pipe(refused, taken=taken)
    if wrong:
        say(f"{refused.sentence}; try again", file=sys.stderr)
    import getpass

    try:
        return getpass.getpass(f"{tokens.locked_card(refused) or name}: Enter passphrase: ")
    except EOFError:
        # Else the shell's prompt would stand after ours, in its line.
        say(file=sys.stderr)
        raise refused from None


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _of_pipe(refused: StatusError, *, taken: bool) -> str:
    if taken:
        how = "standard input is the message, so load the card set with preload"
        raise StatusError(refused.status, f"{refused.detail}; {how}", refused.where)
    line = line_of_pipe()
    if not line:
        how = "in a pipe it is the next line of standard input; or load the card set with preload"
        raise StatusError(refused.status, f"{refused.detail}; {how}", refused.where)
    return line.removesuffix("\n")
