"""A client that waits less before it asks again: in a test, a machine that is down stays down until
the test starts it.
"""

from functools import partial
from typing import TYPE_CHECKING

from seeclient import blocking, blocking_wire
from seeclient.effects import Address

from seemachine.testing.fleets.bench import Bench, name_the_end

if TYPE_CHECKING:
    import ssl

# Of what a client waits for a machine that may be starting again: 75 ms in all, not 3.75 s.
SHARE = 1 / 50


class HurriedFleet(blocking.Fleet):
    """The blocking client of the machines of a bench."""

    def __init__(self, bench: Bench) -> None:
        # It holds the bench alone: a client that holds itself would outlive its last user.
        super().__init__(bench.environment, connect=partial(_connected, bench))
        name_the_end(self.lifetime)

    def _pause(self, seconds: float) -> None:
        super()._pause(seconds * SHARE)


def _connected(
    bench: Bench, address: Address, context: "ssl.SSLContext | None"
) -> blocking_wire.Wire:
    try:
        return blocking_wire.connect(address, context)
    except OSError as error:
        raise bench.refusal(address.esn, error) from None
