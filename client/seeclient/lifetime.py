"""How long a fleet can be used: until it is closed, and in the process that opened it."""

import os
from collections.abc import Sequence
from typing import TypeVar

from seeclient.refusals import FleetClosed
from seemachine.wire.status import Status, StatusError

Reply = TypeVar("Reply")


class Lifetime:
    """From the opening of a fleet to its end. `over` says that it has ended, `again` what to do."""

    over = "this fleet is closed"
    again = "call open_fleet() again"

    def __init__(self) -> None:
        self._process = os.getpid()
        self._ended = False

    @property
    def state(self) -> str:
        """`open`, `closed`, or `of another process`."""
        if os.getpid() != self._process:
            return "of another process"
        return "closed" if self._ended else "open"

    def check(self) -> None:
        """Raises FleetClosed, before anything is asked."""
        if os.getpid() != self._process:
            what = f"this fleet was opened by process {self._process}, and this is a child of it"
            raise _closed(f"{what}: {self.again} in the child")
        if self._ended:
            raise _closed(f"{self.over}: {self.again}")

    def end(self) -> bool:
        """From now on it is closed. Whether there is something to hang up: in a child there is not,
        for a goodbye over the parent's connections would end them.
        """
        mine = os.getpid() == self._process and not self._ended
        self._ended = True
        return mine


def open_replies(replies: Sequence[Reply | StatusError]) -> list[Reply | StatusError]:
    """The replies of several machines, unless the fleet was closed before all were asked: then none
    of them refused. Raises FleetClosed.
    """
    for reply in replies:
        if isinstance(reply, FleetClosed):
            raise reply
    return list(replies)


def _closed(detail: str) -> FleetClosed:
    return FleetClosed(Status.InvalidParameter, detail, "open_fleet")
