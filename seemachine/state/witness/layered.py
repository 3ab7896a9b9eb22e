"""Several witnesses of one NVRAM as one: what any of them has against it counts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from seemachine.state.errors import StateError, StateLocked
from seemachine.state.witness.comparing import LaggingWitness
from seemachine.state.witness.protocol import Mark, Past, Use, Witness

T = TypeVar("T")


class LayeredWitness:
    """See Witness."""

    def __init__(self, *layers: Witness) -> None:
        self._layers = layers
        # With each signature, so nobody is asked who has nothing to say.
        self._asked = [layer for layer in layers if not isinstance(layer, LaggingWitness)]

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness. Each has to meet it, also after one of them doubts."""
        return next(filter(None, [layer.meet(past, place) for layer in self._layers]), "")

    def last(self, identity: bytes) -> Mark | None:
        """See Witness."""
        seen = [mark for layer in self._layers if (mark := layer.last(identity)) is not None]
        return max(seen, key=lambda mark: mark.epoch, default=None)

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness."""
        for layer in self._layers:
            layer.advance(mark, doubt)

    def against(self, name: bytes, first: int, following: int) -> str:
        """See Witness."""
        return next(
            filter(None, (layer.against(name, first, following) for layer in self._layers)), ""
        )

    def floor(self, name: bytes, first: int) -> int:
        """See Witness."""
        return max(layer.floor(name, first) for layer in self._layers)

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness."""
        for layer in self._layers:
            layer.claim(name, first, end)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        return any(layer.is_spent(name, first, end) for layer in self._layers)

    def vouch(self, uses: Sequence[Use]) -> None:
        """See Witness."""
        for layer in self._asked:
            layer.vouch(uses)

    def take(self, uses: Sequence[Use]) -> bool:
        """See Witness."""
        return not self._asked or all(layer.take(uses) for layer in self._asked)

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        for layer in self._layers:
            layer.note(name, first, following)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        found: dict[int, int] = {}
        for layer in self._layers:
            for first, following in layer.noted(name).items():
                found[first] = max(following, found.get(first, 0))
        return found

    def beat(self) -> str:
        """See Witness. One that fails keeps none of the others from its beat."""
        return "; ".join(filter(None, _each([layer.beat for layer in self._layers])))

    def release(self) -> None:
        """See Witness."""
        _each([layer.release for layer in self._layers])


def _each(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls, then raise what is worst of what they raised: what ends the machine, else
    what came first.
    """
    failed: list[StateError] = []
    done = []
    for call in calls:
        try:
            done.append(call())
        except StateError as error:
            failed.append(error)
    if failed:
        raise min(failed, key=lambda error: not isinstance(error, StateLocked))
    return done
