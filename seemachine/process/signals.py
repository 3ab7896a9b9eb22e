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
# A look takes a few system calls, and a fleet has many machines that look.
LOOK_SECONDS = 0.25


@contextlib.contextmanager
def once() -> Iterator[Callable[[], None]]:
    """Call what this gives when the process begins to stop.

    Up to then signals do what they did before; from then on nothing, for good.
    """
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}
    stopping = False

    def begin() -> None:
        nonlocal stopping
        stopping = True

    def act(number: int, frame: FrameType | None) -> None:
        earlier = before[signal.Signals(number)]
        if stopping or earlier is signal.SIG_IGN:
            return
        if callable(earlier):
            earlier(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    for number in SIGNALS:
        signal.signal(number, act)
    try:
        yield begin
    finally:
        for number in SIGNALS:
            # Python sets its own handlers back while it ends, and leaves this one.
            signal.signal(number, signal.SIG_IGN if stopping else before[number])


async def heed(asked: Callable[[], bool]) -> None:
    """Look for a request to stop, and make it SIGTERM: there is one way to stop."""
    import trio

    while True:
        await trio.sleep(LOOK_SECONDS)
        if asked():
            break
    signal.raise_signal(signal.SIGTERM)
