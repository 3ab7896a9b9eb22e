"""Hello, and what is made of its answer, whatever it travels over.

A generator that yields what to say and is sent what came back; both clients drive it.
"""

from collections.abc import Generator, Mapping
from typing import Any

from seeclient import connecting, tls
from seeclient.effects import Address
from seeclient.sightings import Sightings
from seemachine.frozen import frozen
from seemachine.wire.messages import Greeting, Hello
from seemachine.wire.names import PROTOCOL
from seemachine.wire.record import Record
from seemachine.wire.status import StatusError

HELLO = Hello(protocol=PROTOCOL, client="seeclient")
# A reply that travels takes a little longer than the machine does.
REPLY_GRACE_SECONDS = 30.0


@frozen
class Greeted:
    """What a machine said, and what this host's memory has against it."""

    greeting: Greeting
    doubt: StatusError | None

    @property
    def seconds(self) -> float:
        """How long to wait for each reply of the machine."""
        return self.greeting.limits.request_seconds + REPLY_GRACE_SECONDS


Exchange = Generator[Hello, Record | StatusError | None, Greeted]


def greet(
    address: Address,
    certificate: Mapping[str, Any] | None,
    sightings: Sightings,
    *,
    doubted: bool,
) -> Exchange:
    """Greet a machine that showed a certificate, or none.

    With `doubted` an alarm of this host's memory is not a failure. Raises StatusError.
    """
    greeting = _greeting((yield HELLO))
    connecting.check_machine(address, greeting)
    if certificate is not None:
        tls.check_esn(address, certificate, greeting.esn)
    doubt = _doubt(sightings, greeting)
    if doubt is not None:
        # Somebody may have met it after a restart since it answered. Then this connection is dead;
        # else it answers the same again.
        doubt = _doubt(sightings, _greeting((yield HELLO)))
    if doubt is not None and not doubted:
        raise doubt
    return Greeted(greeting, doubt)


def _greeting(reply: Record | StatusError | None) -> Greeting:
    if isinstance(reply, StatusError):
        raise reply
    assert isinstance(reply, Greeting)
    return reply


def _doubt(sightings: Sightings, greeting: Greeting) -> StatusError | None:
    try:
        sightings.meet(greeting)
    except StatusError as alarm:
        return alarm
    return None
