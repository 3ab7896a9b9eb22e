"""framing.py: a length, then that many bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples

from seemachine.wire.framing import MAX_FRAME, FrameBuffer, encode_frame
from seemachine.wire.status import LocalMisuse, PeerMisuse


def test_a_frame_is_a_big_endian_length_and_the_body():
    """Four bytes, the most significant first; an empty body is a frame, too."""
    assert encode_frame(b"abc") == b"\0\0\0\x03abc"
    assert encode_frame(bytes(258))[:4] == b"\0\0\x01\x02"
    assert encode_frame(b"") == bytes(4)


def test_the_default_limit_is_one_mebibyte():
    """The limit itself is allowed, a byte more is not, in both directions."""
    buffer = FrameBuffer()
    buffer.add(encode_frame(bytes(1 << 20)))

    assert MAX_FRAME == 1 << 20
    assert buffer.next_body() == bytes(1 << 20)
    with pytest.raises(LocalMisuse, match="1048577 bytes is over the limit of 1048576"):
        encode_frame(bytes((1 << 20) + 1))


@pytest.mark.parametrize("length", [11, 12, 1 << 20, 0xFFFFFFFF])
def test_a_length_over_the_limit_is_refused_by_the_word_alone(length):
    """Not one byte of the body needs to be there."""
    buffer = FrameBuffer(10)
    word = length.to_bytes(4, "big")
    buffer.add(word[:3])
    assert buffer.next_body() is None

    buffer.add(word[3:])
    with pytest.raises(PeerMisuse, match=f"{length} bytes is over the limit of 10"):
        buffer.next_body()


def test_a_length_at_the_limit_is_waited_for():
    """The limit counts the body without its length word."""
    buffer = FrameBuffer(10)
    buffer.add(encode_frame(b"0123456789", 10)[:-1])
    assert buffer.next_body() is None

    buffer.add(b"9")
    assert buffer.next_body() == b"0123456789"


@given(
    bodies=st.lists(st.binary(max_size=30), max_size=6),
    cuts=st.lists(st.integers(0, 200), max_size=12),
)
@examples(200)
def test_bodies_come_out_whole_wherever_the_bytes_are_cut(bodies, cuts):
    """The same bodies in the same order, each as soon as its last byte is there, and nothing is
    left over.
    """
    stream = b"".join(encode_frame(body) for body in bodies)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut <= len(stream))})
    buffer, found, whole = FrameBuffer(), [], 0
    for start, end in pairwise(edges):
        buffer.add(stream[start:end])
        while (body := buffer.next_body()) is not None:
            found.append(body)
        whole = sum(4 + len(body) for body in found)
        assert len(buffer) == end - whole

    assert found == bodies
    assert whole == len(stream)


@given(data=st.binary(max_size=60), limit=st.integers(0, 40))
@examples(200)
def test_any_bytes_are_bodies_or_a_misuse(data, limit):
    """Nothing but PeerMisuse comes out, and no body is longer than the limit."""
    buffer = FrameBuffer(limit)
    buffer.add(data)
    taken = 0
    try:
        while (body := buffer.next_body()) is not None:
            assert len(body) <= limit
            taken += 4 + len(body)
    except PeerMisuse:
        assert int.from_bytes(data[taken : taken + 4], "big") > limit
    assert len(buffer) == len(data) - taken
