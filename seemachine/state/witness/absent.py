"""No witness: for an NVRAM that forgets, or that nobody vouches for."""

from seemachine.state.witness.comparing import LaggingWitness
from seemachine.state.witness.protocol import Mark, Past


class NoWitness(LaggingWitness):
    """See Witness. It remembers nothing, and has nothing against anything."""

    def meet(self, past: Past, place: bytes) -> str:
        """Nothing is against it."""
        del past, place
        return ""

    def last(self, identity: bytes) -> Mark | None:
        """None is known."""
        del identity
        return None

    def advance(self, mark: Mark, doubt: str) -> None:
        """Nothing is remembered."""

    def claim(self, name: bytes, first: int, end: int) -> None:
        """Every lease may come in."""

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """None is known."""
        del name, first, end
        return False

    def note(self, name: bytes, first: int, following: int) -> None:
        """Nothing is remembered."""

    def noted(self, name: bytes) -> dict[int, int]:
        """None is known."""
        del name
        return {}

    def beat(self) -> str:
        """There is nothing to make sure of."""
        return ""

    def release(self) -> None:
        """There is nothing to let go of."""
