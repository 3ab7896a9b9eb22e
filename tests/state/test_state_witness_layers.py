"""Several witnesses as one: each is told everything, also when another one fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.stores import ESN

from seemachine.state.errors import StateError, StateFailed, StateLocked
from seemachine.state.witness.comparing import LaggingWitness
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.protocol import Mark, Past


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


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def advance(self, *words: object) -> None:
        """See Witness."""
        self.told.append(("advance", *words))

    def claim(self, *words: object) -> None:
        """See Witness."""
        self.told.append(("claim", *words))

    def note(self, *words: object) -> None:
        """See Witness."""
        self.told.append(("note", *words))

    def vouch(self, *words: object) -> None:
        """See Witness."""
        self.told.append(("vouch", *words))


class ToldLater(Told, LaggingWitness):
    """One that is not told of a use before it is signed."""

    def noted(self, _name: bytes) -> dict[int, int]:
        """Nothing."""
        return {}


@pytest.mark.parametrize(
    ("call", "words"),
    [("advance", ("mark", "doubt")), ("claim", (b"name", 0, 8)), ("note", (b"name", 0, 3))],
)
def test_each_layer_is_told(call: str, words: tuple[object, ...]) -> None:
    """Whatever one of them loses, the next one knows."""
    layers = [ToldLater(), Told(), ToldLater()]
    getattr(LayeredWitness(*layers), call)(*words)  # type: ignore[arg-type]
    assert [layer.told for layer in layers] == [[(call, *words)]] * 3


def test_who_is_asked_is_told_of_uses() -> None:
    """Of each use, before it is signed; the others learn of it later, by notes."""
    layers = [ToldLater(), Told(), Told()]
    uses = [object()]
    LayeredWitness(*layers).vouch(uses)  # type: ignore[arg-type]
    assert [layer.told for layer in layers] == [[], [("vouch", uses)], [("vouch", uses)]]


class Noted(LaggingWitness):
    """One that holds some notes."""

    def __init__(self, notes: dict[int, int]) -> None:
        self._notes = notes

    def noted(self, _name: bytes) -> dict[int, int]:
        """They."""
        return dict(self._notes)


def test_the_greatest_note_of_a_lease_counts() -> None:
    """Whichever layer has it, and wherever it stands among them."""
    layers = Noted({0: 3, 8: 9}), Noted({0: 5, 16: 20}), Noted({0: 4})
    for ordered in (layers, layers[::-1]):
        assert LayeredWitness(*ordered).noted(b"name") == {0: 5, 8: 9, 16: 20}  # type: ignore[arg-type]


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


@contextmanager
def two_folders(home: Path) -> Iterator[list[FolderWitness]]:
    """Two witnesses that a process has, up to its death."""
    witnesses = [FolderWitness(home / where, ESN, b"boot") for where in ("here", "elsewhere")]
    yield witnesses
    for each in witnesses:
        each._file.close()


def test_a_layer_that_lags_is_brought_along(tmp_path: Path) -> None:
    """An opening died when the first layer knew of it, and the next one when neither did: the NVRAM
    is the one that both know, so there is no doubt.
    """
    first, second, third = [Mark(b"i" * 16, epoch, b"%08d" % epoch) for epoch in (1, 2, 3)]
    with two_folders(tmp_path) as witnesses:
        LayeredWitness(*witnesses).advance(first, "")
        witnesses[0].advance(second, "")
    for last, before in ((second, first), (third, second)):
        with two_folders(tmp_path) as witnesses:
            past = Past(last, (before.epoch, before.nonce))
            assert LayeredWitness(*witnesses).meet(past, b"") == ""
