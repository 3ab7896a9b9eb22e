"""Several witnesses as one: each is told everything, also when another one fails."""

import pytest

from seemachine.state.errors import StateError, StateFailed, StateLocked
from seemachine.state.witness.layered import LayeredWitness


class Layer:
    """A witness that says or raises one thing."""

    def __init__(self, said: str | StateError = "") -> None:
        self._said, self.calls = said, 0

    def beat(self) -> str:
        """Say it."""
        self.calls += 1
        if isinstance(self._said, StateError):
            raise self._said
        return self._said

    release = beat


class Asked(Layer):
    """One that has to be asked with each signature."""

    def take(self, _uses: object) -> bool:
        """Whether it knows that it may be."""
        return self._said == "yes"


@pytest.mark.parametrize(
    ("said", "taken"), [([], True), (["yes"], True), (["yes", "yes"], True), (["yes", "no"], False)]
)
def test_leaves_are_taken_when_all_know(said: list[str], taken: bool) -> None:
    """Nobody to ask is enough; one that does not know is too few."""
    assert LayeredWitness(*map(Asked, said)).take([]) is taken  # type: ignore[arg-type]


FAILED, LOCKED = StateFailed("a disk"), StateLocked("another's")


@pytest.mark.parametrize("call", ["beat", "release"])
@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ([FAILED, ""], FAILED),
        (["", FAILED, LOCKED, ""], LOCKED),
        ([LOCKED, FAILED], LOCKED),
        ([FAILED, StateFailed("another disk")], FAILED),
    ],
)
def test_one_fails(call: str, said: list[str | StateError], raised: StateError) -> None:
    """All are called; then it is raised what ends the machine, else what came first."""
    layers = [Layer(each) for each in said]
    with pytest.raises(StateError) as failed:
        getattr(LayeredWitness(*layers), call)()  # type: ignore[arg-type]

    assert failed.value is raised
    assert [layer.calls for layer in layers] == [1] * len(said)


def test_none_fails() -> None:
    """What they have to say comes in one line; nothing to say makes none."""
    assert LayeredWitness(Layer(), Layer("one"), Layer("two")).beat() == "one; two"  # type: ignore[arg-type]
    assert LayeredWitness(Layer(), Layer()).beat() == ""  # type: ignore[arg-type]
