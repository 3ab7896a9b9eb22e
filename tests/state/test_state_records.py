"""records.py and sealed.py: values that check themselves, and bytes that can't change unnoticed."""

import hashlib
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.flips import flipped
from kit.leases import lease

from seemachine.state.disk.checksummed import CHECKSUM_BYTES, seal, unseal
from seemachine.state.errors import StateCorrupt
from seemachine.state.records import MAX_LEAVES, NvramFile, Reserved, lease_from, lease_values
from seemachine.wire.names import printed_name

CHANGES = {
    "range": [
        {"first": -8, "end": 0},
        {"first": 8, "end": 8},
        {"first": 16, "end": 8},
        {"first": MAX_LEAVES, "end": MAX_LEAVES + 1},
    ],
    "whole subtree": [
        {"end": 3},
        {"first": 4, "end": 12},
        {"first": 1, "end": 3},
        {"first": 8, "end": 24},
        {"first": 0, "end": 31},
    ],
    "lengths of key and seed": [
        {"seed": b""},
        {"seed": b"s" * 31},
        {"seed": b"s" * 24},
        {"seed": b"s" * 64},
        {"public_key": b""},
        {"public_key": b"k" * 55},
        {"public_key": b"k" * 48},
    ],
    "threshold is not one": [{"warnat": -1}, {"warnat": (1 << 25) + 1}],
    "path has a broken length": [{"path": b"p"}, {"path": b"p" * 33}, {"path": b"p" * 24}],
}

leases = st.builds(
    lambda key, height, number, n: lease(key, number << height, number + 1 << height, n),
    st.integers(1, 9),
    st.integers(0, 20),
    st.integers(0, 31),
    st.sampled_from([24, 32]),
)


@pytest.mark.parametrize(
    ("problem", "change"),
    [(problem, change) for problem, changes in CHANGES.items() for change in changes],
)
def test_a_lease_checks_itself(problem, change):
    """A range, a size or a length that no lease can have is refused with what is wrong with it."""
    with pytest.raises(StateCorrupt, match=problem):
        replace(lease(), **change)


@given(leases)
def test_every_subtree_is_a_lease(made):
    """Every aligned power of two of leaves within the largest tree is accepted, and named after its
    root.
    """
    assert made.problem == ""
    assert made.name == b"lms" + made.public_key[24:32]


@pytest.mark.parametrize("leaf", [-1, 7, 16, 17, 1 << 40])
def test_a_file_stands_inside_its_lease(leaf):
    """A next leaf before the first or behind the last is refused, and the sentence names the file
    and both numbers.
    """
    with pytest.raises(
        StateCorrupt,
        match=f"NVRAM file {printed_name(lease().name)}: next leaf {leaf} is outside of 8 to 15",
    ):
        NvramFile(lease(first=8, end=16), leaf)


def test_a_file_knows_what_is_left():
    """Remaining counts from the next leaf to the end."""
    assert [NvramFile(lease(first=8, end=16), leaf).remaining for leaf in (8, 9, 15)] == [8, 7, 1]


@given(leases)
def test_a_seed_is_never_printed(made):
    """Neither seed nor path shows in a lease, in a file, in a reservation, or in the error about a
    damaged one.
    """
    shown = [repr(made), repr(NvramFile(made, made.first)), repr(Reserved(made, made.first, 0))]
    with pytest.raises(StateCorrupt) as refused:
        replace(made, end=made.first)
    shown.append(str(refused.value))

    for text in shown:
        assert "seed" not in text
        assert made.seed.hex() not in text
        assert "pppp" not in text


@given(leases)
def test_leases_are_sealed_and_unsealed(made):
    """A lease comes out of its bytes as it went in."""
    assert lease_from(unseal(seal(lease_values(made)), "it"), "it") == made


@given(leases, st.integers(min_value=0))
def test_no_bit_changes_unnoticed(made, bit):
    """One flipped bit anywhere in the bytes is StateCorrupt, with the name of what was damaged."""
    with pytest.raises(
        StateCorrupt, match=r"^card 7: the checksum does not fit; the file was damaged or cut$"
    ):
        unseal(flipped(seal(lease_values(made)), bit), "card 7")


@given(leases, st.integers(min_value=0))
def test_no_cut_goes_unnoticed(made, size):
    """Bytes that end too early are StateCorrupt, down to none at all."""
    data = seal(lease_values(made))

    with pytest.raises(StateCorrupt, match="damaged or cut"):
        unseal(data[: size % len(data)], "it")


def test_a_checksum_alone_is_no_record():
    """Not even that of no bytes, which fits."""
    with pytest.raises(StateCorrupt, match="damaged or cut"):
        unseal(hashlib.sha256(b"").digest(), "it")


@given(leases, st.binary(min_size=1, max_size=40))
def test_nothing_may_follow(made, more):
    """Bytes behind the checksum are StateCorrupt."""
    with pytest.raises(StateCorrupt, match="damaged or cut"):
        unseal(seal(lease_values(made)) + more, "it")


@pytest.mark.parametrize("value", [7, "text", None, [1], b"raw"])
def test_only_a_map_is_a_record(value):
    """Bytes with a right checksum over anything but a map are StateCorrupt."""
    with pytest.raises(StateCorrupt, match="it: not a record"):
        unseal(seal(value), "it")


@pytest.mark.parametrize("field", ["public_key", "first", "end", "seed", "path"])
def test_every_field_is_needed(field):
    """A lease without one of its fields, with one of the wrong type or with one too many is
    StateCorrupt.
    """
    values = lease_values(lease())

    for wrong in (
        {key: value for key, value in values.items() if key != field},
        {**values, field: None},
        {**values, "more": 1},
    ):
        with pytest.raises(StateCorrupt, match=r"^it: "):
            lease_from(wrong, "it")


def test_the_checksum_covers_everything():
    """The bytes are the packed map and its checksum, nothing else."""
    data = seal({"a": 1})

    assert data[:-CHECKSUM_BYTES] == msgpack.packb({"a": 1})
