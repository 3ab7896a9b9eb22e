"""plain_stream.py over a pair of sockets."""

import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from seemachine.server.plain_stream import PlainStream

LARGE = bytes(range(256)) * (1 << 14)  # more than a socket holds


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def stream(sockets) -> PlainStream:
    """On the first of them."""
    return PlainStream(trio.SocketStream(trio.socket.from_stdlib_socket(sockets[0])))


@pytest.fixture
def peer(sockets) -> trio.SocketStream:
    """On the second."""
    return trio.SocketStream(trio.socket.from_stdlib_socket(sockets[1]))


async def test_bytes_come_in_their_order_and_then_the_end(stream, peer):
    """What the peer sent is there at once, no more of it than was asked for, and then nothing."""
    await peer.send_all(b"one two")
    assert await stream.receive_some(3) == b"one"
    await peer.send_eof()
    assert await stream.receive_some() == b" two"
    assert [await stream.receive_some(), await stream.receive_some(1)] == [b"", b""]


async def test_more_than_the_system_takes_arrives_in_full(stream, peer, nursery):
    """The rest is sent as the peer reads, also while something is received."""
    nursery.start_soon(stream.send_all, LARGE)
    await wait_all_tasks_blocked()
    await peer.send_all(b"while it is sent")
    assert await stream.receive_some() == b"while it is sent"
    received = bytearray()
    while len(received) < len(LARGE):
        received += await peer.receive_some()
    assert received == LARGE
    await stream.send_eof()
    assert await peer.receive_some() == b""


async def test_to_receive_always_lets_others_run(stream, peer):
    """Also where the bytes are there already."""
    await peer.send_all(b"here")
    with assert_checkpoints():
        assert await stream.receive_some() == b"here"


async def test_who_is_cut_short_has_lost_nothing(stream, peer):
    """A cancelled wait takes no byte; one that is cancelled before it begins takes none either."""
    with trio.move_on_after(0):
        await stream.receive_some()
    await peer.send_all(b"kept")
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.receive_some()
    assert scope.cancelled_caught
    assert await stream.receive_some() == b"kept"


async def test_a_peer_that_is_gone_breaks_it(sockets, stream, peer):
    """Whether it is written to or waited for, once the system has noticed."""
    await stream.send_all(b"unread")
    sockets[1].close()
    await peer.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"more")
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()


async def test_a_peer_that_leaves_wakes_who_waits_to_send(stream, peer, nursery):
    """The rest is not waited with for ever."""
    broken = []

    async def send():
        try:
            await stream.send_all(LARGE)
        except trio.BrokenResourceError as error:
            broken.append(error)

    async with trio.open_nursery() as sending:
        sending.start_soon(send)
        await wait_all_tasks_blocked()
        await peer.aclose()
    assert broken


async def test_closing_it_closes_the_connection(sockets, stream, peer):
    """The peer sees the end."""
    await stream.aclose()
    assert await peer.receive_some() == b""
