"""Answers of assertions: values that say what was found, where an assertion shows them."""

import warnings
from collections.abc import Iterable, Iterator, Sequence

from seemachine.wire.messages import Suspect

# What a sentence names; of more, their number.
MOST_TOLD = 5


class LeavesUsed(int):
    """A number of leaves, which says what it counts where an assertion shows it."""

    sentence = ""

    def __repr__(self) -> str:
        return self.sentence


class Answer:
    """True or false, and the sentence that says why. Whoever asks has to look at it."""

    def __init__(
        self, truth: bool, sentence: str, asked: str, found: Iterable[tuple[str, Suspect]] = ()
    ) -> None:
        self._truth = truth
        self._sentence = sentence
        self._asked = asked
        self._found = tuple(found)
        self._looked_at = False

    def __bool__(self) -> bool:
        self._looked_at = True
        return self._truth

    def __iter__(self) -> Iterator[tuple[str, Suspect]]:
        self._looked_at = True
        return iter(self._found)

    def __repr__(self) -> str:
        self._looked_at = True
        return self._sentence

    def __del__(self) -> None:
        # As of a coroutine that nobody awaited: the test would pass, whatever the answer is.
        if not self._looked_at:
            what = f"nobody looked at the answer; write: assert testing.{self._asked}(...)"
            warnings.warn(what, RuntimeWarning, stacklevel=2)


def few(sentences: Sequence[str]) -> list[str]:
    """The first ones, and how many more there are."""
    more = len(sentences) - MOST_TOLD
    return list(sentences[:MOST_TOLD]) + ([f"and {more} more"] if more > 0 else [])


def ranges(leaves: set[int]) -> str:
    """In words: `leaf 3`, `leaves 0 to 2, 5`."""
    runs: list[list[int]] = []
    for leaf in sorted(leaves):
        if runs and leaf == runs[-1][-1] + 1:
            runs[-1][1:] = [leaf]
        else:
            runs.append([leaf])
    told = ", ".join(" to ".join(map(str, run)) for run in runs)
    return f"leaf {told}" if len(leaves) == 1 else f"leaves {told}"
