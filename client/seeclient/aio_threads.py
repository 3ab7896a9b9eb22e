"""The blocking client in threads of an event loop: how a fleet is opened in one, and how one tells
the loop of progress.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVarTuple

from seeclient import blocking
from seeclient.blocking_wire import Connect
from seeclient.environment import Environment

Told = TypeVarTuple("Told")


def in_loop(progress: Callable[[*Told], None]) -> Callable[[*Told], None]:
    """A listener for a thread that has another one called in this event loop."""
    loop = asyncio.get_running_loop()

    def listen(*told: *Told) -> None:
        loop.call_soon_threadsafe(progress, *told)

    return listen


async def open_blocking(given: Environment, *, doubted: bool, connect: Connect) -> blocking.Fleet:
    """A fleet. Who stops waiting for it leaves none open."""
    call = asyncio.to_thread(blocking.Fleet, given, doubted=doubted, connect=connect)
    opening = asyncio.create_task(call)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unseen)
        raise


def _close_unseen(opening: "asyncio.Task[blocking.Fleet]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
