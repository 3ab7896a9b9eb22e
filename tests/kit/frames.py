"""Frames made and read by hand, without the Link."""

from typing import Any

import msgpack
import msgpack.fallback
from wire.contract import plain


def frame(parts: object) -> bytes:
    """A frame as any peer could send it: whatever `parts` is, packed, behind its length."""
    return framed(msgpack.packb(parts))


def framed(body: bytes) -> bytes:
    """Any bytes behind their length."""
    return len(body).to_bytes(4, "big") + body


def asked_frame(number: object, request: Any) -> bytes:
    """A request's frame, made without the Link."""
    return frame([number, request.NAME, plain(request)])


def answered_frame(number: object, reply: Any) -> bytes:
    """A reply's frame, made without the Link."""
    return frame([number, "ok", plain(reply)])


def refused_frame(number: object, **changes: object) -> bytes:
    """A refusal's frame, made without the Link."""
    return frame(
        [
            number,
            "refused",
            {"status": 73, "name": "NotAvailable", "detail": "not here", "where": "dispatch"}
            | changes,
        ]
    )


def parts(data: bytes) -> list[Any]:
    """Number, name and fields of one frame, read without the Link."""
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    number, name, fields = msgpack.unpackb(data[4:])
    return [number, name, fields]
