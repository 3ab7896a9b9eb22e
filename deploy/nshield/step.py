"""What a step is: its name, how to see that it is done, what to call, and what to do when that
fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

Check = Callable[[], bool]


def nothing() -> None:
    """For steps that note nothing."""


def never(_said: str) -> bool:
    """For calls that must not fail."""
    return False


class Place(str):
    """A word that is known only later: what an earlier call answered, in one or several words, or
    what the settings have.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call.

    `typed` answers its questions. A tool that `reads_cards` talks with the person at the terminal
    itself. `keep` is a name and a pattern: group 1 of the first match in what it printed is
    remembered under the name. `fine` is asked when it failed, with what it said: whether that is
    not a failure.
    """

    words: tuple[str, ...]
    typed: str = ""
    reads_cards: bool = False
    keep: tuple[str, str] | None = None
    fine: Callable[[str], bool] = never


@dataclass(frozen=True, slots=True)
class Act:
    """What the script does itself. `says` is how a shell would do it."""

    says: str
    do: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """`begun` is called before the calls, `ended` after all of them went well, `failed` after one
    that did not: they keep the journal.

    `looks` are the calls that `done` may make, which change nothing. A step without calls is a
    condition: someone else has to bring it about. `waits`: that is to be expected (a card, a
    certificate), so it is not a failure. `clears`: the module is cleared, and what others have
    loaded on it is gone. `destroys`: a container is.
    """

    name: str
    guide: str
    done: Check
    advice: str
    calls: tuple[Call | Act, ...] = ()
    looks: tuple[str, ...] = ()
    begun: Callable[[], None] = nothing
    ended: Callable[[], None] = nothing
    failed: Callable[[], None] = nothing
    waits: bool = False
    clears: bool = False
    destroys: bool = False


def call(*words: object, **more: object) -> Call:
    """A call, its words as text."""
    return Call(tuple(word if isinstance(word, Place) else str(word) for word in words), **more)  # type: ignore[arg-type]


def unless(found: Check, step: Step, *looks: str) -> Step:
    """A step that is also done when something else is found, by these looks."""
    return replace(step, done=lambda: step.done() or found(), looks=(*step.looks, *looks))
