"""What a step is: its name, how to see that it is done, what to call, and what to do when that fails."""

from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[], bool]


def nothing() -> None:
    """For steps that note nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. A word that is {name} stands for what an earlier call answered, as one or several words.

    `typed` answers its questions. A tool that `reads_cards` talks with the person at the terminal itself. `keep` is a name and a pattern:
    group 1 of the first match in what it printed is remembered under the name. `fine_if` is a pattern: a failure that says so is none.
    """

    words: tuple[str, ...]
    typed: str = ""
    reads_cards: bool = False
    keep: tuple[str, str] | None = None
    fine_if: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What the script does itself. `says` is how a shell would do it."""

    says: str
    do: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """`begun` is called before the calls and `ended` after all of them went well: they keep the journal.

    A step without calls is a condition: someone else has to bring it about. `waits`: that is to be expected (a card, a certificate), so it
    is no failure. `clears`: the module is cleared, and whatever others have loaded on it is gone.
    """

    name: str
    guide: str
    done: Check
    advice: str
    calls: tuple[Call | Act, ...] = ()
    begun: Callable[[], None] = nothing
    ended: Callable[[], None] = nothing
    waits: bool = False
    clears: bool = False


def call(*words: object, **more: object) -> Call:
    """A call, its words as text."""
    return Call(tuple(map(str, words)), **more)  # type: ignore[arg-type]
