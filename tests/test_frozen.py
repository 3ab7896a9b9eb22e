"""frozen: classes that behave as frozen dataclasses do, held against these."""

import copy
import dataclasses
import inspect
import pickle
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import pytest

from seemachine import frozen as module
from seemachine.frozen import field, frozen, replace

T = TypeVar("T")


@frozen
class Place:
    """Fields with and without defaults."""

    KINDS: ClassVar[int] = 7

    host: str
    port: int = 8888
    tags: list[str] = field(default_factory=list)
    key: bytes = field(default=b"", kw_only=True, repr=False)

    @property
    def text(self) -> str:
        """Of both."""
        return f"{self.host}:{self.port}"


@frozen
class Named(Place):
    """With one more, after those of its base."""

    name: str = "n"


@frozen
class Empty:
    """Nothing."""


@frozen
class Own(Generic[T]):
    """With methods of its own."""

    inner: T

    def __repr__(self) -> str:
        return "mine"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """Place as a dataclass."""

    host: str
    port: int = 8888
    tags: list[str] = dataclasses.field(default_factory=list)
    key: bytes = dataclasses.field(default=b"", kw_only=True, repr=False)


WAYS = [
    (("a",), {}),
    (("a", 1), {}),
    (("a", 1, ["x"]), {}),
    (("a", 1, ["x"]), {"key": b"k"}),
    (("a",), {"tags": ["x"], "port": 2}),
    ((), {"host": "a"}),
    ((), {"key": b"k", "tags": [], "port": 1, "host": "a"}),
]


@pytest.mark.parametrize(("values", "named"), WAYS)
def test_fields_are_given_by_place_or_name(values, named):
    """Each field has what a dataclass would have, and shows it so."""
    made, twin = Place(*values, **named), Twin(*values, **named)
    assert dataclasses.asdict(made) == dataclasses.asdict(twin)
    assert repr(made) == repr(twin).replace("Twin", "Place")
    assert (made.text, Place.KINDS) == (f"a:{twin.port}", 7)


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "Place needs host"),
        ((), {"port": 1}, "Place needs host"),
        (("a", 1, [], b"k"), {}, "Place takes 3 values without a name, not 4"),
        (("a",), {"host": "b"}, "Place takes host once, not twice"),
        (("a",), {"hots": 1, "prot": 2}, "Place has no field hots, prot"),
        ((), {"hots": "a"}, "Place has no field hots"),
        (("a", 1, [], b"k", 5), {"host": 1}, "Place takes 3 values without a name, not 5"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(values, named, said):
    """As a TypeError, of whatever kind the mistake is, where a dataclass raises one too."""
    with pytest.raises(TypeError) as refused:
        Place(*values, **named)
    assert str(refused.value) == said
    with pytest.raises(TypeError):
        Twin(*values, **named)


def test_all_that_is_missing_is_named():
    """Not the first of them alone."""

    @frozen
    class Two:
        """Fields."""

        one: int
        two: int

    with pytest.raises(TypeError, match=r"^Two needs one, two$"):
        Two()
    with pytest.raises(TypeError, match=r"^Empty takes 0 values without a name, not 1$"):
        Empty(1)


def test_equal_values_of_one_class_are_equal():
    """They hash alike; those of another class, a derived one too, are others."""
    assert Place("a") == Place("a", 8888) != Place("a", 1)
    assert Named("a") != Place("a")
    assert Place("a") != Twin("a")
    assert Empty() == Empty()
    assert hash(Named("a", 1, ())) == hash(Named("a", 1, ())) != hash(Named("b", 1, ()))
    assert len({Empty(), Empty()}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Place("a"))


def test_each_object_has_a_default_of_its_own_from_a_factory():
    """A list is not shared."""
    assert Place("a").tags is not Place("a").tags


@pytest.mark.parametrize("shared", [[], {}, set()])
def test_a_default_that_could_change_is_refused(shared):
    """All objects would have the same one."""
    with pytest.raises(TypeError, match="give a default_factory"):

        @frozen
        class Shared:
            """Not made."""

            tags: object = shared


def test_what_a_class_defines_stays():
    """Methods of its own are not replaced, and it is as generic as before."""
    made = Own[int](1)
    assert (repr(made), made == 2, Own.__doc__) == ("mine", True, "With methods of its own.")
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


def test_nothing_changes_later():
    """No field can be set or deleted, and there is no room for another attribute."""
    made = Named("a")
    for change in (
        lambda: setattr(made, "host", "b"),
        lambda: setattr(made, "more", 1),
        lambda: delattr(made, "name"),
    ):
        with pytest.raises(AttributeError, match=r"^Named is frozen, so .* stays as it is$"):
            change()
    assert made == Named("a")
    assert not hasattr(made, "__dict__")


def test_fields_of_a_base_come_first():
    """In values, in what is shown, and in patterns."""
    match Named("a", 1, [], "x", key=b"k"):
        case Named(host, port, tags, name):
            assert (host, port, tags, name) == ("a", 1, [], "x")
    assert repr(Named("a")) == "Named(host='a', port=8888, tags=[], name='n')"


@pytest.mark.parametrize("made", [Place("a", 1, ["x"], key=b"k"), Named("a", key=b"k"), Empty()])
def test_copies_are_equal(made):
    """Shallow, deep, and by way of bytes."""
    shallow, deep = copy.copy(made), copy.deepcopy(made)
    again = pickle.loads(pickle.dumps(made))
    assert shallow == deep == again == made
    assert {type(each) for each in (shallow, deep, again)} == {type(made)}
    if made != Empty():
        assert shallow.tags is made.tags is not deep.tags


def copy_replace(made, **changes):
    """What `copy.replace` of Python 3.13 does."""
    return type(made).__replace__(made, **changes)


@pytest.mark.parametrize("change", [replace, dataclasses.replace, copy_replace])
def test_another_is_made_with_some_fields_changed(change):
    """By either function; a field that there is not is refused."""
    made = Named("a", 1, key=b"k")
    assert change(made, port=2, name="m") == Named("a", 2, name="m", key=b"k")
    assert made.port == 1
    with pytest.raises(TypeError, match="more"):
        change(made, more=1)


def test_a_field_may_have_any_name():
    """Also that of a parameter of ours."""

    @frozen
    class Odd:
        """Names."""

        made: int
        values: int
        named: int

    assert replace(Odd(1, 2, 3), made=4, named=5) == Odd(named=5, values=2, made=4)


def test_it_is_a_dataclass_to_whoever_asks():
    """Its fields have the names, types and defaults that the class declares."""
    for ours, theirs in zip(dataclasses.fields(Place), dataclasses.fields(Twin), strict=True):
        for what in ("name", "type", "default", "default_factory", "kw_only", "repr"):
            assert getattr(ours, what) == getattr(theirs, what), (ours, what)
    assert [each.name for each in dataclasses.fields(Named)][-1] == "name"
    assert dataclasses.astuple(Named("a", 1)) == ("a", 1, [], b"", "n")


def test_how_it_is_made_is_shown_as_of_a_dataclass():
    """To `help` and to whoever makes pages of it: each field with its type and its default."""
    assert str(inspect.signature(Place)) == str(inspect.signature(Twin))
    assert list(inspect.signature(Named).parameters) == ["host", "port", "tags", "name", "key"]
    assert str(inspect.signature(Empty)) == "() -> None"


def test_an_abstract_class_stays_one():
    """What must be written must be written; then it works."""

    class Shape(ABC):
        """Something."""

        __slots__ = ()

        @abstractmethod
        def size(self) -> int:
            """Of it."""

    @frozen
    class Square(Shape):
        """One."""

        side: int

        def size(self) -> int:
            """Of it."""
            return self.side**2

    @frozen
    class Odd(Shape):
        """Without a size."""

    assert Square(3).size() == 9
    with pytest.raises(TypeError, match="abstract"):
        Odd()


def test_making_a_class_compiles_nothing(monkeypatch):
    """That is what it is for."""
    monkeypatch.setattr("builtins.exec", None)
    monkeypatch.setattr("builtins.compile", None)
    monkeypatch.setattr("builtins.eval", None)

    @module.frozen
    class Late:
        """Made now."""

        one: int = 1

    assert Late().one == 1
