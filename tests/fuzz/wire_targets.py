"""What a peer can send: frames, envelopes, every message, and whole conversations with a link."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgpack.fallback
from fuzz.source import Source
from fuzz.target import target
from kit.frames import asked_frame, frame, refused_frame
from wire.contract import example, plain
from wire.links import HELLO, REFUSAL

from seemachine.wire import codec
from seemachine.wire.framing import FrameBuffer
from seemachine.wire.link import NEED_DATA, Answered, Asked, Closed, Link, Role
from seemachine.wire.messages import REQUESTS, Greeting
from seemachine.wire.record import FieldError, from_fields, to_fields
from seemachine.wire.status import LocalMisuse, PeerMisuse, Status

LIMIT = 4096
NAMES = sorted(REQUESTS)
# Each choice of a message stands in the input by its name, so that kept inputs outlive new
# messages.
NAMED = [name.encode() + b"\0" for name in NAMES]


def named(data: bytes) -> tuple[type[Any], Source]:
    """The request that the input names at its beginning, and the choices after that."""
    name, _, rest = data.partition(b"\0")
    known = REQUESTS.get(name.decode(errors="replace"))
    return known or REQUESTS[NAMES[len(name) % len(NAMES)]], Source(rest)


def chunks(source: Source) -> Iterator[bytes]:
    """The rest of the input in pieces of one size, then the end of the stream."""
    size = source.number(256) or LIMIT
    while piece := source.take(size):
        yield piece
    yield b""


def serve(link: Link, pieces: Iterator[bytes]) -> None:
    """A server's shell: reads when the link needs data, and answers every request."""
    accepted = 0
    for piece in pieces:
        link.receive_data(piece)
        while isinstance(event := link.next_event(), Asked):
            accepted += 1
            request = event.request
            assert from_fields(type(request), to_fields(request)) == request
            link.send(REFUSAL if accepted % 3 == 0 else example(request.Reply))
        assert event is NEED_DATA or isinstance(event, Closed)
        assert len(link._buffer) < 4 + LIMIT


def must_end_dead(link: Link, misuse: PeerMisuse) -> None:
    """After a misuse there are last words to a client, and nothing else."""
    assert 0 <= misuse.number < 1 << 32
    assert len(link.last_words(misuse)) > 4
    try:
        link.next_event()
    except LocalMisuse:
        return
    raise AssertionError("the link goes on after a misuse")


def served(pieces: Iterator[bytes]) -> None:
    """A server's shell, to the end of the link."""
    link = Link(Role.SERVER, LIMIT)
    try:
        serve(link, pieces)
    except PeerMisuse as misuse:
        must_end_dead(link, misuse)


GREETING = asked_frame(1, HELLO)
CONVERSATION = GREETING + b"".join(
    asked_frame(number, example(REQUESTS[name])) for number, name in enumerate(NAMES, 2)
)


@target(
    b"\0" + CONVERSATION,
    b"\x07" + CONVERSATION,
    *(b"\0" + GREETING + asked_frame(2, example(REQUESTS[name])) for name in NAMES),
)
def server_bytes(data: bytes) -> None:
    """A server's link takes any bytes in pieces of any size: requests, PeerMisuse, and never more
    than a frame in its buffer.
    """
    served(chunks(Source(data)))


@target(*NAMED)
def server_frames(data: bytes) -> None:
    """After hello, a server's link takes a well-formed frame with anything in its places."""
    kind, source = named(data)
    fields = source.edited(plain(example(kind)))
    parts = source.edited([2, kind.NAME, fields])
    served(iter((GREETING, frame(parts), b"")))


def asking(kind: type[Any]) -> Link:
    """A client's link that waits for the reply to a request of one class."""
    link = Link(Role.CLIENT, LIMIT)
    link.send(HELLO)
    link.receive_data(frame([1, "ok", plain(example(Greeting))]))
    assert isinstance(link.next_event(), Answered)
    link.send(example(kind))
    return link


def heard(kind: type[Any], pieces: Iterator[bytes]) -> None:
    """A client's shell, until the reply is there."""
    link = asking(kind)
    try:
        for piece in pieces:
            link.receive_data(piece)
            if (event := link.next_event()) is not NEED_DATA:
                must_be_an_answer(kind, event)
                return
            assert len(link._buffer) < 4 + LIMIT
    except PeerMisuse as misuse:
        must_end_dead(link, misuse)


def must_be_an_answer(kind: type[Any], event: Any) -> None:
    """The reply that the request asks for, or a reason that is one."""
    if isinstance(event, Answered):
        assert type(event.reply) is kind.Reply
        assert from_fields(kind.Reply, to_fields(event.reply)) == event.reply
    else:
        assert event.error.status in Status
        assert event.error.status is not Status.OK


REPLIES = [frame([2, "ok", plain(example(REQUESTS[name].Reply))]) for name in NAMES]


@target(
    *(name + b"\0" + reply for name, reply in zip(NAMED, REPLIES, strict=True)),
    NAMED[0] + b"\3" + refused_frame(2),
    NAMED[0] + b"\3" + refused_frame(0),
)
def client_bytes(data: bytes) -> None:
    """A client's link that waits for a reply takes any bytes: the reply, a refusal, PeerMisuse."""
    kind, source = named(data)
    heard(kind, chunks(source))


@target(*NAMED)
def client_frames(data: bytes) -> None:
    """A client's link that waits for a reply takes a well-formed frame with anything in
    its places.
    """
    kind, source = named(data)
    refusal = {"status": 73, "name": "NotAvailable", "detail": "not here", "where": "dispatch"}
    word, fields = source.pick([("ok", plain(example(kind.Reply))), ("refused", refusal)])
    parts = source.edited([2, word, source.edited(fields)])
    heard(kind, iter((frame(parts), b"")))


@target(*NAMED)
def messages(data: bytes) -> None:
    """Any fields are a message or a FieldError; a message survives encoding, packing
    and decoding.
    """
    kind, source = named(data)
    made = source.pick([kind, kind.Reply])
    try:
        message = from_fields(made, source.edited(plain(example(made))))
    except FieldError as error:
        assert str(error)
        return
    encoded = to_fields(message)
    assert from_fields(made, encoded) == message
    assert codec.unpack(codec.pack([1, kind.NAME, encoded])) == [1, kind.NAME, encoded]


@target(*(b"\1" + CONVERSATION[:at] for at in (3, 4, 40)), longest=512)
def framing(data: bytes) -> None:
    """Bodies come out as the lengths before them say, wherever the bytes are cut; a length over the
    limit ends it.
    """
    source = Source(data)
    most, size = source.pick([64, 0, 5, 256]), source.number(256) or 1
    stream, buffer, bodies = source.rest(), FrameBuffer(most), []
    try:
        for start in range(0, len(stream), size):
            buffer.add(stream[start : start + size])
            while (body := buffer.next_body()) is not None:
                bodies.append(body)
            assert len(buffer) < 4 + most
    except PeerMisuse:
        assert int.from_bytes(stream[4 * len(bodies) + sum(map(len, bodies)) :][:4], "big") > most
    assert stream.startswith(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))


def decoded(body: bytes) -> object:
    """What the codec makes of a body, or the kind of its refusal."""
    try:
        return codec.unpack(body)
    except PeerMisuse as misuse:
        return misuse


def too_deep(outcome: object) -> bool:
    """Each implementation has an end of its own to how deep values nest."""
    return isinstance(outcome, PeerMisuse) and any(
        name in outcome.detail for name in ("StackError", "RecursionError")
    )


@target(
    *(asked_frame(1, example(REQUESTS[name]))[4:] for name in NAMES),
    *(reply[4:] for reply in REPLIES),
    b"\x93" + b"\x91" * 600,
)
def envelopes(data: bytes) -> None:
    """Any body is three values or PeerMisuse, the same ones in compiled msgpack and in plain
    Python; three values survive packing.
    """
    compiled = decoded(data)
    with patch.object(codec.msgpack, "unpackb", msgpack.fallback.unpackb):
        plain_python = decoded(data)
    if isinstance(compiled, PeerMisuse) or isinstance(plain_python, PeerMisuse):
        assert too_deep(compiled) or too_deep(plain_python) or type(compiled) is type(plain_python)
        return
    assert repr(compiled) == repr(plain_python)
    assert repr(codec.unpack(codec.pack(compiled))) == repr(compiled)
