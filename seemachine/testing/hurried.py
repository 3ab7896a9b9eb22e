"""Clients that wait less before they ask again: in a test, a machine that is down stays down until
the test starts it.
"""

import trio
from seeclient import blocking, trio_fleet
from seeclient.effects import Work

# Of what a client waits for a machine that may be starting again: 75 ms in all, not 3.75 s.
SHARE = 1 / 50


class HurriedFleet(blocking.Fleet):
    """The blocking client."""

    def _pause(self, seconds: float) -> None:
        super()._pause(seconds * SHARE)


class HurriedTrioFleet(trio_fleet.Fleet):
    """The client for trio. It has no threads, so that a clock that jumps finds nobody at work."""

    async def _pause(self, seconds: float) -> None:
        await super()._pause(seconds * SHARE)

    async def _work(self, work: Work) -> object:
        await trio.lowlevel.checkpoint()
        return work.call()
