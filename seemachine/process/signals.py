"""How a process is told to stop: the first signal does it in order, and no further one ends the
process before that is done.

A request to stop (seemachine.state.disk.lock) is as good as a signal.

trio gives signals back to whoever had them before as soon as nobody receives them any more; by
default they would kill the process then, in the middle of its last steps.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A look takes a few system calls.
LOOK_SECONDS = 0.1


class Stopping:
    """What a process does with the signals that stop it."""

    def __init__(self) -> None:
        self.begun = False
        self._held: list[int] | None = None

    def begin(self) -> None:
        """It stops: from now on signals do nothing, for good."""
        self.begun = True

    def hold(self) -> None:
        """Keep signals until `release`: an event loop must not be torn out of its beginning."""
        self._held = []

    def release(self) -> None:
        """Somebody receives signals now; those that were kept come."""
        held, self._held = self._held or [], None
        for number in held:
            signal.raise_signal(number)

    def keeps(self, number: int) -> bool:
        """Whether a signal that came is kept."""
        if self._held is not None:
            self._held.append(number)
        return self._held is not None


@contextlib.contextmanager
def once() -> Iterator[Stopping]:
    """Call `begin` of what this gives when the process begins to stop.

    Up to then signals do what they did before, unless they are held. None stays blocked, as by a
    careless parent: nothing would stop the process.
    """
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}
    stopping = Stopping()

    def act(number: int, frame: FrameType | None) -> None:
        earlier = before[signal.Signals(number)]
        if stopping.begun or earlier is signal.SIG_IGN or stopping.keeps(number):
            return
        if callable(earlier):
            earlier(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    for number in SIGNALS:
        signal.signal(number, act)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        yield stopping
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in SIGNALS:
            # Python sets its own handlers back while it ends, and leaves this one.
            signal.signal(number, signal.SIG_IGN if stopping.begun else before[number])


async def heed(asked: Callable[[], bool]) -> None:
    """Look for a request to stop, and make it SIGTERM: there is one way to stop."""
    import trio

    while True:
        await trio.sleep(LOOK_SECONDS)
        if asked():
            break
    signal.raise_signal(signal.SIGTERM)
