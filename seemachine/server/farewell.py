"""The last that a peer hears."""

import contextlib

import trio

FAREWELL_SECONDS = 1
READ_BYTES = 1 << 16


async def last_words(stream: trio.abc.Stream, words: bytes) -> None:
    """Send a last refusal so that it arrives: closed with unread bytes, the connection would be
    reset and the words lost.
    """
    with (
        trio.move_on_after(FAREWELL_SECONDS),
        contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
    ):
        await stream.send_all(words)
        if isinstance(stream, trio.abc.HalfCloseableStream):
            await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
