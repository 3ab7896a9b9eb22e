"""What a machine says before it hangs up: the next request goes over another connection, though the
end of this one has not arrived yet.
"""

from dataclasses import dataclass, field

import pytest
from kit.stories import GREETING
from seeclient import blocking_connection, trio_connection
from seeclient.effects import Address

from seemachine.wire.link import NEED_DATA, Asked, Link, Role
from seemachine.wire.messages import Hello, ListSlots
from seemachine.wire.status import Status, StatusError

ADDRESS = Address("127.0.0.1", 8888, 1, GREETING.esn)
LAST = {
    "misuse": (StatusError(Status.Malformed, "no", "link"), True),
    "too late": (StatusError(Status.TimeLimitExceeded, "not done", "slot_list"), True),
    "any other": (StatusError(Status.NotAvailable, "no", "slot_list"), False),
}


@dataclass
class Answers:
    """Says hello, and then no."""

    refusal: StatusError
    certificate = None
    has_news = False
    link: Link = field(default_factory=lambda: Link(Role.SERVER))
    said: bytes = b""

    def take(self, data: bytes) -> None:
        """Answer what was asked."""
        self.link.receive_data(data)
        while (event := self.link.next_event()) is not NEED_DATA:
            assert isinstance(event, Asked)
            hello = isinstance(event.request, Hello)
            self.said += self.link.send(GREETING if hello else self.refusal)

    def give(self) -> bytes:
        """What was said."""
        said, self.said = self.said, b""
        return said


class Wire(Answers):
    """For programs without async."""

    def send(self, data: bytes, seconds: float) -> None:
        """See blocking_wire."""
        assert seconds
        self.take(data)

    def receive(self, seconds: float) -> bytes:
        """See blocking_wire."""
        assert seconds
        return self.give()

    def close(self) -> None:
        """Nothing is open."""


class TrioWire(Answers):
    """For programs of trio."""

    async def send(self, data: bytes) -> None:
        """See trio_wire."""
        self.take(data)

    async def receive(self) -> bytes:
        """See trio_wire."""
        return self.give()

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("refusal", "last"), LAST.values(), ids=LAST)
def test_a_blocking_connection_hangs_up_too(refusal: StatusError, *, last: bool) -> None:
    """So that the request after that is not lost on it."""
    made = blocking_connection.Connection(ADDRESS, connect=lambda *_: Wire(refusal))
    made.greet()
    made.send(ListSlots())
    assert str(made.receive()) == str(refusal)
    assert made.stale == last


@pytest.mark.parametrize(("refusal", "last"), LAST.values(), ids=LAST)
async def test_a_trio_connection_hangs_up_too(refusal: StatusError, *, last: bool) -> None:
    """The same."""
    made = trio_connection.Connection(ADDRESS, TrioWire(refusal))
    await made.greet()
    assert str(await made.ask(ListSlots())) == str(refusal)
    assert made.stale == last
