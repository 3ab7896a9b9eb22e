"""A client that waits less before it asks again: in a test, a machine that is down stays down until
the test starts it.
"""

from seeclient import blocking

# Of what a client waits for a machine that may be starting again: 75 ms in all, not 3.75 s.
SHARE = 1 / 50


class HurriedFleet(blocking.Fleet):
    """The blocking client."""

    def _pause(self, seconds: float) -> None:
        super()._pause(seconds * SHARE)
