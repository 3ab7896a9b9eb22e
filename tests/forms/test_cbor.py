"""CBOR: the examples of RFC 8949, one encoding of each value, a sentence for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples

from seemachine.encodings.cbor import MAX_DEPTH, CborError, Tagged, decoded, encoded

# RFC 8949 appendix A, as far as it goes here.
PUBLISHED = {
    "00": 0,
    "01": 1,
    "0a": 10,
    "17": 23,
    "1818": 24,
    "1819": 25,
    "1864": 100,
    "1903e8": 1000,
    "1a000f4240": 1000000,
    "1b000000e8d4a51000": 1000000000000,
    "1bffffffffffffffff": 18446744073709551615,
    "3bffffffffffffffff": -18446744073709551616,
    "20": -1,
    "29": -10,
    "3863": -100,
    "3903e7": -1000,
    "f4": False,
    "f5": True,
    "f6": None,
    "c11a514b67b0": Tagged(1, 1363896240),
    "d74401020304": Tagged(23, b"\1\2\3\4"),
    "40": b"",
    "4401020304": b"\1\2\3\4",
    "60": "",
    "6449455446": "IETF",
    "62c3bc": "\u00fc",
    "80": [],
    "83010203": [1, 2, 3],
    "8301820203820405": [1, [2, 3], [4, 5]],
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819": list(range(1, 26)),
    "a0": {},
    "a201020304": {1: 2, 3: 4},
    "a26161016162820203": {"a": 1, "b": [2, 3]},
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-9, 9) | st.text(max_size=3), inner, max_size=4)
        | st.builds(Tagged, st.integers(0, (1 << 64) - 1), inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("published", PUBLISHED)
def test_the_examples_of_the_rfc(published):
    """Both ways."""
    assert encoded(PUBLISHED[published]).hex() == published
    assert decoded(bytes.fromhex(published)) == PUBLISHED[published]


@given(VALUES)
@examples(100)
def test_what_is_written_is_read(value):
    """Every value comes back, and cut off anywhere it is none."""
    data = encoded(value)
    assert decoded(data) == value
    for size in range(len(data)):
        with pytest.raises(CborError):
            decoded(data[:size])


def test_maps_are_in_the_order_of_their_names():
    """Of their encodings, byte by byte (RFC 8949 4.2.1)."""
    names = [10, 100, -1, "z", "aa"]
    data = encoded(dict.fromkeys(reversed(names), False))
    assert data.hex() == "a50af41864f420f4617af4626161f4"
    assert list(decoded(data)) == names


@pytest.mark.parametrize(
    "data",
    [
        "",
        "9fff",
        "5f42010243030405ff",
        "1c",
        "f97e00",
        "f818",
        "f0",
        "61ff",
        "a201020103",
        "a1f500",
        "a18001",
        "0000",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "81" * (MAX_DEPTH + 1) + "00",
        "81" * 100_000,
    ],
)
def test_what_is_not_read(data):
    """Indefinite lengths, numbers with a point, names twice, what is too deep, what is cut off."""
    with pytest.raises(CborError):
        decoded(bytes.fromhex(data))


@pytest.mark.parametrize("value", [1.5, (1,), {1, 2}, 1 << 64, -(1 << 64) - 1, {None: [1.5]}])
def test_what_is_not_written(value):
    """What has no encoding here is refused."""
    with pytest.raises(CborError):
        encoded(value)


@given(st.binary(max_size=60))
@examples(300)
def test_garbage(data):
    """It is read, or refused with a sentence."""
    try:
        value = decoded(data)
    except CborError:
        return
    assert decoded(encoded(value)) == value
