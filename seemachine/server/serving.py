"""A machine on its port until it is told to stop, through restarts of it in the same process."""

from collections.abc import Callable

import trio

from seemachine.process.gate import Gate
from seemachine.process.threads import aside, done_at_last
from seemachine.server.assembly import Opened
from seemachine.server.crew import Allotment
from seemachine.server.daemon import Daemon, Ready, cancel_at
from seemachine.server.doors import Doors


async def serve(
    held: Opened,
    allotment: Allotment,
    stop: trio.Event,
    on_ready: Ready,
    on_stopping: Callable[[], None] = lambda: None,
    on_daemon: Callable[[Daemon], None] = lambda _daemon: None,
) -> None:
    """Until `stop` is set. `on_ready` is called at each start, with `on_daemon` before it.

    What is held at the end is the caller's to close, once the gate is shut and empty. Raises
    CannotListen, and at a restart what `opened` raises.
    """
    doors = Doors()
    try:
        while True:
            daemon = Daemon(held.machine, held.config, held.log, allotment, doors)
            on_daemon(daemon)
            if not await daemon.run(stop, on_ready, on_stopping):
                return
            if not await _is_empty(allotment.gate, stop):
                return
            await done_at_last(held.restart)
            allotment.gate.reopen()
    finally:
        doors.shut()


async def _is_empty(gate: Gate, stop: trio.Event) -> bool:
    """Once no thread is at the NVRAM: it can be closed, and work for this opening of it is not
    begun any more. Whether that was so before `stop` was set.
    """
    empty = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_at, stop, nursery.cancel_scope)
        await aside(gate.shut)
        empty = True
        nursery.cancel_scope.cancel()
    return empty
