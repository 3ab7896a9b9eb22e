"""What tools ask, and whoever answers: a person at a terminal, or the next line of a pipe."""

import contextlib
import sys
from collections.abc import Callable

from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal
from seemachine.terminal import line_of_pipe


def at_terminal() -> bool:
    """Whether a person sits there, who can be waited for."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(prompt: str, default: str | None = None) -> str:
    """The answer to a question. Raises Refusal when there is nobody to answer.

    In a pipe the answer is printed after the question, as a terminal shows it.
    """
    say(f"{prompt} ", end="")
    answer = _line()
    if not answer:
        say()
        raise Refusal("nobody answers; give the missing words on the command line")
    if not at_terminal():
        say(answer.rstrip("\n"))
    return answer.strip() or (default or "")


def ask_until(prompt: str, default: str | None, check: Callable[[str], object]) -> str:
    """An answer that `check` does not refuse; at a terminal it is asked for again until then.

    Raises Refusal.
    """
    while True:
        answer = ask(prompt, default)
        try:
            check(answer)
            return answer
        except Refusal as refused:
            if not at_terminal():
                raise
            say(refused, sys.stderr)


def confirm(question: str) -> bool:
    """Ask until yes or no is answered."""
    while True:
        answer = ask(f"{question} (yes/no):")
        if answer in ("yes", "no"):
            return answer == "yes"


def answered() -> bool:
    """Wait for a line. False when nobody types one any more."""
    return bool(_line())


def secret(prompt: str) -> str:
    """A passphrase, typed unseen; in a pipe the next line."""
    if at_terminal():
        import getpass

        with contextlib.suppress(EOFError):
            return getpass.getpass(f"{prompt} ")
        # Else the shell's prompt would stand after ours, in its line.
        say()
        raise Refusal("no passphrase was given")
    line = _line()
    if not line:
        raise Refusal("no passphrase was given; in a pipe it is the next line of standard input")
    return line.rstrip("\n")


def new_secret(prompt: str) -> str:
    """A passphrase that nobody can look up later: at a terminal typed twice, until both are the
    same.
    """
    while True:
        first = secret(prompt)
        if not at_terminal() or secret("The same again:") == first:
            return first
        say("The two are not the same.")


def _line() -> str:
    """The next line of standard input, or nothing at its end."""
    return sys.stdin.readline() if at_terminal() else line_of_pipe()
