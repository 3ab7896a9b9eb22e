"""Frames between C and Python, without either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeclient.bridge import frames
from seeclient.bridge.frames import BadFrame, Reader, Request

requests = st.builds(
    Request,
    st.integers(0, (1 << 32) - 1),
    st.text("abcdefghij_", min_size=1, max_size=20),
    st.binary(max_size=80),
    st.lists(st.binary(max_size=300), max_size=16),
    st.booleans(),
)


@given(st.lists(requests, max_size=5), st.integers(1, 200))
def test_requests_come_out_as_they_went_in(asked: list[Request], size: int) -> None:
    """In whatever pieces they arrive."""
    data = b"".join(map(frames.request, asked))
    reader, found = Reader(), []
    for begin in range(0, len(data), size):
        reader.receive_data(data[begin : begin + size])
        while (request := reader.next_request()) is not None:
            found.append(request)
    assert found == asked


@given(st.binary(max_size=400))
def test_other_bytes_are_refused_or_waited_with(data: bytes) -> None:
    """Nothing else happens, whatever they are."""
    reader = Reader()
    reader.receive_data(data)
    try:
        while reader.next_request() is not None:
            pass
    except BadFrame:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\6" + b"\0\0\0\1" + b"\2" + b"\0",  # a reply
        b"\0\0\0\5" + b"\0\0\0\1" + b"\1",  # nothing in it
        b"\xff\xff\xff\xff" + b"\0\0\0\1" + b"\1",
        b"\0\0\0\6" + b"\0\0\0\1" + b"\1" + b"\0",  # no operation
        b"\0\0\0\10" + b"\0\0\0\1" + b"\1" + b"\0" + b"\0\0",  # half a size
        b"\0\0\0\12" + b"\0\0\0\1" + b"\1" + b"\0" + b"\0\0\0\1",  # a field outside
    ],
)
def test_frames_that_cannot_be(data: bytes) -> None:
    """Each rule that is broken."""
    reader = Reader()
    reader.receive_data(data)
    with pytest.raises(BadFrame):
        reader.next_request()


def test_a_reply_has_texts_bytes_and_numbers() -> None:
    """As protocol and C have them, byte for byte."""
    made = frames.reply(7, 5, ["é", b"\0", 258])
    body = b"\0\0\0\5" + b"\0\0\0\2\xc3\xa9" + b"\0\0\0\1\0" + b"\0\0\0\10" + bytes(6) + b"\1\2"
    assert made == (5 + len(body)).to_bytes(4, "big") + b"\0\0\0\7\2" + body
    assert frames.note(7, b"n") == b"\0\0\0\6\0\0\0\7\3n"
    assert frames.beat() == b"\0\0\0\5\0\0\0\0\3"


def test_a_frame_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that is too long is not begun."""
    monkeypatch.setattr(frames, "MAX_FRAME", 100)
    with pytest.raises(BadFrame, match="more than a frame may have"):
        frames.reply(1, 0, [bytes(100)])
