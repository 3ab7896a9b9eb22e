"""fields.py: the specifiers, and the maps that they make of messages."""

import pytest

from seemachine.wire.fields import (
    flag,
    number,
    octets,
    record,
    records,
    serial_number,
    text,
    wire_class,
    word,
)
from seemachine.wire.record import FieldError, Record, from_fields, to_fields


@wire_class
class Inner(Record):
    """A record."""

    count: int = number(1, 9)


@wire_class
class Outer(Record):
    """A message with a field of every kind."""

    small: int = number(-1, 3)
    exact: bytes = octets(2)
    short: bytes = octets(1, 3)
    name: str = text(3)
    kind: str = word(3)
    esn: str = serial_number()
    on: bool = flag()
    one: Inner = record(Inner)
    many: list[Inner] = records(Inner, 2)
    maybe: int | None = number(0, 1, default=None)


def outer(**changes):
    """An Outer that is right but for `changes`."""
    return Outer(**(PLAIN | {"one": Inner(1), "many": [Inner(2)]} | changes))


PLAIN = {
    "small": 0,
    "exact": b"ab",
    "short": b"a",
    "name": "a c",
    "kind": "5c",
    "esn": "7852-268D-3BF9",
    "on": True,
    "one": {"count": 1},
    "many": [{"count": 2}],
    "maybe": None,
}

# A value that is not taken, and what the refusal says of it.
WRONG = [
    ("small", -2, "small takes an integer from -1 to 3"),
    ("small", 4, "small takes an integer from -1 to 3"),
    ("small", True, "small takes an integer from -1 to 3"),
    ("small", 1.0, "small takes an integer from -1 to 3"),
    ("small", None, "small takes an integer from -1 to 3"),
    ("exact", b"a", "exact takes 2 bytes"),
    ("exact", b"abc", "exact takes 2 bytes"),
    ("exact", "ab", "exact takes 2 bytes"),
    ("exact", bytearray(b"ab"), "exact takes 2 bytes"),
    ("short", b"", "short takes 1 to 3 bytes"),
    ("short", b"abcd", "short takes 1 to 3 bytes"),
    ("name", "abcd", "name takes printable text of at most 3 characters"),
    ("name", b"abc", "name takes printable text of at most 3 characters"),
    ("name", "a\n", "name takes printable text of at most 3 characters"),
    ("name", "\u202e", "name takes printable text of at most 3 characters"),
    ("kind", "", "kind takes 1 to 3 letters, digits and . _ + -"),
    ("kind", "a b", "kind takes 1 to 3 letters, digits and . _ + -"),
    ("kind", "a\n", "kind takes 1 to 3 letters, digits and . _ + -"),
    ("esn", "../../victim00", "esn takes an ESN, such as 7852-268D-3BF9"),
    ("esn", "7852-268D-3BF9\n", "esn takes an ESN, such as 7852-268D-3BF9"),
    ("on", 1, "on takes true or false"),
    ("on", None, "on takes true or false"),
    ("one", None, "one fields must be a map"),
    ("one", {}, "one missing field count"),
    ("one", {"count": 1, "more": 2}, "one unknown field"),
    ("one", {"count": 10}, "one count takes an integer from 1 to 9"),
    ("many", None, "many takes a list of at most 2 records"),
    ("many", ({"count": 1},), "many takes a list of at most 2 records"),
    ("many", [{"count": 1}] * 3, "many takes a list of at most 2 records"),
    ("many", [{"count": 1}, {"count": 0}], "many count takes an integer from 1 to 9"),
    ("many", [1], "many fields must be a map"),
    ("maybe", 2, "maybe takes an integer from 0 to 1"),
    ("maybe", False, "maybe takes an integer from 0 to 1"),
]


def test_messages_compare_by_class_and_fields():
    """Equal fields make equal messages, which hash alike; of another class they make none."""

    @wire_class
    class Other(Record):
        """With the fields of Inner."""

        count: int = number(1, 9)

    assert Inner(count=1) == Inner(count=1) != Inner(count=2)
    assert Other(count=1) != Inner(count=1)
    assert Inner(count=1) != 1
    assert len({Inner(count=1), Inner(count=1), Inner(count=2)}) == 2
    assert repr(Inner(count=1)) == "Inner(count=1)"
    with pytest.raises(AttributeError):
        Inner(count=1).count = 2


def test_a_message_and_its_map_are_the_same():
    """Each way round, records and lists of records included."""
    assert to_fields(outer()) == PLAIN
    assert from_fields(Outer, PLAIN) == outer()


def test_an_optional_field_is_nil_on_the_wire_and_may_be_left_out_in_python():
    """Left out here it is None; on the wire it must still be there."""
    assert outer().maybe is None
    assert from_fields(Outer, PLAIN | {"maybe": 1}) == outer(maybe=1)
    with pytest.raises(FieldError, match="missing field maybe"):
        from_fields(Outer, {name: value for name, value in PLAIN.items() if name != "maybe"})


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_value_is_refused_by_name_when_decoding(name, value, said):
    """The refusal begins with the field and says what it takes."""
    with pytest.raises(FieldError) as refused:
        from_fields(Outer, PLAIN | {name: value})

    assert str(refused.value) == said


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_value_is_refused_when_encoding(name, value, said):
    """What would be refused over there is refused here first, in the same words."""
    with pytest.raises(FieldError) as refused:
        to_fields(outer(**{name: value}))

    assert str(refused.value) == said


@pytest.mark.parametrize("made", [{"one": Inner(0)}, {"many": [Inner(1), Inner(10)]}])
def test_a_wrong_value_inside_a_record_is_refused_when_encoding(made):
    """Records are checked as deep as they go."""
    with pytest.raises(FieldError, match="count takes an integer from 1 to 9"):
        to_fields(outer(**made))


@pytest.mark.parametrize("raw", [None, [], "x", 1, b"", [("small", 0)]])
def test_fields_must_be_a_map(raw):
    """Nothing else is looked into."""
    with pytest.raises(FieldError, match="fields must be a map"):
        from_fields(Outer, raw)


@pytest.mark.parametrize("name", PLAIN)
def test_a_missing_field_is_named(name):
    """Every field must be there."""
    with pytest.raises(FieldError) as refused:
        from_fields(Outer, {key: value for key, value in PLAIN.items() if key != name})

    assert str(refused.value) == f"missing field {name}"


@pytest.mark.parametrize("key", ["more", "", "Small", b"small", "x" * 5000])
def test_an_unknown_field_is_refused_without_repeating_it(key):
    """Whatever its name is: a peer's text does not get into our log."""
    with pytest.raises(FieldError) as refused:
        from_fields(Outer, PLAIN | {key: 1})

    assert str(refused.value) == "unknown field"


def test_a_message_is_frozen():
    """A message can't change between the check and its use."""
    with pytest.raises(AttributeError):
        outer().small = 1
