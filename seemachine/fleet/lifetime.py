"""When a fleet ends by itself: after a time, or with the process that wanted it."""

import os
import select
import time
from collections.abc import Callable

from seemachine.process.parent import Parent

# Says whether that process has ended.
Ended = Callable[[], bool]


class NoHandles(Exception):
    """This system gives no handles of processes that are not children."""


class ParentEnded(Exception):
    """It has ended while this process was on its way."""


class Lifetime:
    """Of a fleet, from now on: for so many seconds, and as long as a process lives."""

    def __init__(self, seconds: float | None = None, ended: Ended | None = None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._ended = ended
        # By the clock, for people.
        self.until = None if seconds is None else time.time() + seconds

    @property
    def options(self) -> list[str]:
        """Of the commands of machines: where their supervisor is killed, nobody else ends them."""
        return ["--die-with-parent"] if self._end is not None or self._ended is not None else []

    @property
    def over(self) -> str:
        """Why it is over; empty while it is not."""
        if self._end is not None and time.monotonic() >= self._end:
            return "its time is over"
        if self._ended is not None and self._ended():
            return "the process that it was to end with has ended"
        return ""


def parent_ended(parent: Parent) -> Ended:
    """For the parent of this process."""
    return lambda: parent.is_gone


def handle_of(parent: Parent) -> int:
    """A descriptor by which a child of this process can see the end of this one's parent.

    It is never signalled. Raises NoHandles, ParentEnded.
    """
    try:
        handle = os.pidfd_open(parent.pid)
    except ProcessLookupError as error:
        raise ParentEnded from error
    except (AttributeError, OSError) as error:
        raise NoHandles from error
    if parent.is_gone:
        # So that its number may be another's.
        os.close(handle)
        raise ParentEnded
    return handle


def process_ended(handle: int) -> Ended:
    """For the process of a descriptor, which is kept from children."""
    os.set_inheritable(handle, False)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return lambda: bool(poll.poll(0))


def span(seconds: float) -> str:
    """As `--ttl` takes it, in the two largest units."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes_left}m"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
