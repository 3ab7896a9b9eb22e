"""Questions that a command has for a person before it does what can't be undone."""

import sys

from seemachine.cli.answer import Misused, Refused
from seemachine.document import INTERRUPTED, Failure
from seemachine.printing import say


def need_person(what: str) -> None:
    """Raises Misused where nobody can be asked `what`, the end of a sentence."""
    if not sys.stdin.isatty():
        raise Misused(f"standard input is not a terminal, so nobody can be asked {what}; add --yes")


def typed(question: str, nothing: str) -> str:
    """What somebody types. At Ctrl-C raises Refused, with `nothing` as what was done."""
    say(f"{question} ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip()
    except KeyboardInterrupt:
        say(file=sys.stderr)
        stopped = Refused(f"interrupted; {nothing}")
        stopped.failure = Failure.of(INTERRUPTED, str(stopped))
        raise stopped from None
