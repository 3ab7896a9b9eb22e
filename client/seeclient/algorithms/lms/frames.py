"""How many messages go into one request: by their count, their bytes, and those of the reply."""

from collections import deque

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Peer
from seeclient.wanted import Wanted
from seemachine.frozen import frozen
from seemachine.lms.parameters import signature_bytes
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.messages import ENVELOPE_BYTES, MAX_SIGNINGS, signed_many_bytes
from seemachine.wire.names import TOKEN_BYTES
from seemachine.wire.status import StatusError

# What a message and its token take beside their own bytes (MessagePack: bin 32, bin 8).
HEADS_BYTES = 5 + 2


@frozen
class Room:
    """What one request of a machine takes: so many messages, and bytes of one and of all."""

    count: int
    whole: int
    bytes: int


@frozen
class Frame:
    """What is asked for in one request, with the messages; or, without these, one that is too long
    to be sent.
    """

    wanted: list[Wanted]
    messages: list[bytes]


def room(peer: Peer, key: LmsKeyFile) -> Room:
    """What a request to a machine takes that is to sign with a key."""
    limits = peer.greeting.limits
    frame = min(limits.frame, MAX_FRAME)
    most = frame - ENVELOPE_BYTES
    size = signed_many_bytes(signature_bytes(key.key.tree, key.key.ots), 1) - ENVELOPE_BYTES
    count = max(1, min(MAX_SIGNINGS, most // size))
    return Room(count, min(limits.message, most - TOKEN_BYTES - HEADS_BYTES), most)


def next_frame(waiting: deque[Wanted], room: Room) -> Frame:
    """Take the next messages that go into one request. One that can't be read has that for its
    outcome.
    """
    frame, free = Frame([], []), room.bytes
    while waiting and len(frame.wanted) < room.count:
        try:
            message = waiting[0].message.at_most(room.whole)
        except StatusError as unreadable:
            waiting.popleft().outcome = unreadable
            continue
        if message is None:
            return frame if frame.wanted else Frame([waiting.popleft()], [])
        free -= len(message) + TOKEN_BYTES + HEADS_BYTES
        if free < 0:
            break
        frame.messages.append(message)
        frame.wanted.append(waiting.popleft())
    return frame
