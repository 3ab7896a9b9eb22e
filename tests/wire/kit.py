"""What the tests of this folder share: two links joined by a pretend wire, frames made by hand,
links in each state.
"""

from collections.abc import Callable
from typing import Any

import msgpack
import msgpack.fallback
from hypothesis import HealthCheck, settings
from wire.contract import example, plain

from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.link import NEED_DATA, Answered, Asked, Event, Link, Refused, Role
from seemachine.wire.messages import ContinueLms, Greeting, Hello, ListSlots, LmsChunk, SlotListing
from seemachine.wire.status import Status, StatusError

HELLO = example(Hello, client="test")
GREETING = example(Greeting, esn="7852-268D-3BF9", model="5c")
REFUSAL = StatusError(Status.NotAvailable, "no HSMs with NVRAM", "dispatch_see_nvmemfile")


# In plain Python msgpack is slow, and only its own differences matter: a tenth of the examples will
# do.
SHARE = 10 if msgpack.Unpacker is msgpack.fallback.Unpacker else 1


def examples(count: int) -> settings:
    """How many examples a property is tried with.

    None has a time limit: slow machines are no bug.
    """
    return settings(
        max_examples=count // SHARE, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


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


class Pair:
    """A client's and a server's link.

    Each method carries one message across and returns what the other side saw.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self.client = Link(Role.CLIENT, max_frame)
        self.server = Link(Role.SERVER, max_frame)

    def ask(self, request: Any) -> Event:
        """Client to server."""
        self.server.receive_data(self.client.send(request))
        return _only(self.server)

    def answer(self, reply: Any) -> Event:
        """Server to client."""
        self.client.receive_data(self.server.send(reply))
        return _only(self.client)

    def greet(self) -> "Pair":
        """The first request and its reply."""
        assert self.ask(HELLO) == Asked(HELLO)
        assert self.answer(GREETING) == Answered(GREETING)
        return self


def _only(link: Link) -> Event:
    event = link.next_event()
    assert event is not NEED_DATA
    return event


def told(event: Event) -> object:
    """An event in a form that compares by value: errors do not."""
    return ("refused", event.error.args) if isinstance(event, Refused) else event


def fresh(role: Role, max_frame: int = MAX_FRAME) -> Link:
    """Nothing was asked yet."""
    return Link(role, max_frame)


def idle(role: Role) -> Link:
    """One request was answered."""
    pair = Pair().greet()
    return pair.client if role is Role.CLIENT else pair.server


def busy(role: Role) -> Link:
    """A second request, continueLMS_cache_next, waits for its reply."""
    pair = Pair().greet()
    pair.ask(example(ContinueLms))
    return pair.client if role is Role.CLIENT else pair.server


def busy_with_list(role: Role) -> Link:
    """A second request, slot_list, waits for its reply, which is the one with records in a list."""
    pair = Pair().greet()
    pair.ask(ListSlots())
    return pair.client if role is Role.CLIENT else pair.server


STATES: list[Callable[[Role], Link]] = [fresh, idle, busy, busy_with_list]
REPLY_OF = {busy: LmsChunk, busy_with_list: SlotListing}
