"""Several witnesses of one NVRAM as one: what any of them has against it counts."""

from collections.abc import Callable

from seemachine.state.errors import StateError
from seemachine.state.witness import Mark, Past, Witness


class LayeredWitness:
    """See Witness."""

    def __init__(self, *layers: Witness) -> None:
        self._layers = layers

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

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness."""
        for layer in self._layers:
            layer.claim(name, first, end)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        return any(layer.is_spent(name, first, end) for layer in self._layers)

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

    def beat(self) -> None:
        """See Witness. One that fails keeps none of the others from its beat."""
        _each([layer.beat for layer in self._layers])

    def release(self) -> None:
        """See Witness."""
        _each([layer.release for layer in self._layers])


def _each(calls: list[Callable[[], None]]) -> None:
    """Make all calls, then raise what the first one raised that failed."""
    failed: list[StateError] = []
    for call in calls:
        try:
            call()
        except StateError as error:
            failed.append(error)
    if failed:
        raise failed[0]
