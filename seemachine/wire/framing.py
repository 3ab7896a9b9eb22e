"""Frames: a four-byte big-endian length, then that many bytes of body."""

from seemachine.wire.status import LocalMisuse, PeerMisuse

MAX_FRAME = 1 << 20
LENGTH_BYTES = 4
# How the first record of TLS begins (RFC 8446 5.1); as a length word it is over every limit.
TLS_HANDSHAKE = b"\x16\x03"


def encode_frame(body: bytes, max_frame: int = MAX_FRAME) -> bytes:
    """Put the length word before `body`. Raises LocalMisuse when it would not fit the limit."""
    if len(body) > max_frame:
        raise LocalMisuse(f"a frame of {len(body)} bytes is over the limit of {max_frame}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameBuffer:
    """Bytes in, whole frame bodies out.

    Holds at most one frame and what one read brought beyond it. `max_frame` may be changed.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self.max_frame = max_frame
        # Most often what one read brought is one frame: that is cut, and not copied to be cut.
        self._bytes: bytes | bytearray = b""

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, data: bytes | bytearray) -> None:
        """Store what arrived; nothing is looked at yet."""
        if not self._bytes:
            self._bytes = bytes(data)
        else:
            self._growing().extend(data)

    def next_body(self) -> bytes | None:
        """Take the next whole body, or None.

        Raises PeerMisuse as soon as a length word is over the limit.
        """
        held = len(self._bytes)
        if held < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._bytes[:LENGTH_BYTES], "big")
        # Judged by the length word alone: a peer must not make us hold what we would refuse anyway.
        if length > self.max_frame:
            raise self._misuse(length)
        end = LENGTH_BYTES + length
        if held < end:
            return None
        body = bytes(self._bytes[LENGTH_BYTES:end])
        if held == end:
            self._bytes = b""
        else:
            del self._growing()[:end]
        return body

    def _misuse(self, length: int) -> PeerMisuse:
        if self._bytes.startswith(TLS_HANDSHAKE):
            return PeerMisuse("TLS was sent to a port without TLS")
        return PeerMisuse(f"a frame of {length} bytes is over the limit of {self.max_frame}")

    def _growing(self) -> bytearray:
        """The bytes in a form that grows, and shrinks at its front, without being made anew."""
        if not isinstance(self._bytes, bytearray):
            self._bytes = bytearray(self._bytes)
        return self._bytes
