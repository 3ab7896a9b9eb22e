"""Two links joined by a pretend wire, and links in each state."""

from collections.abc import Callable
from typing import Any

from wire.contract import example

from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.link import NEED_DATA, Answered, Asked, Event, Link, Refused, Role
from seemachine.wire.messages import ContinueLms, Greeting, Hello, ListSlots, LmsChunk, SlotListing
from seemachine.wire.status import Status, StatusError

HELLO = example(Hello, client="test")
GREETING = example(Greeting, esn="7852-268D-3BF9", model="5c")
REFUSAL = StatusError(Status.NotAvailable, "no HSMs with NVRAM", "dispatch_see_nvmemfile")


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
