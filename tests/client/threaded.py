"""Both clients behind one interface."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import seeclient
import trio
from seeclient import blocking
from seeclient.tls import Tls

H5_W4 = {"lms": "sha256_m32_h5", "lmots": "sha256_n32_w4"}


class ThreadedKey:
    """The blocking client's key with the trio client's interface."""

    def __init__(self, key: blocking.Key) -> None:
        self.key = key

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.key, name)
        if name not in ("sign", "sign_with", "info", "warn_at"):
            return found
        return lambda *args, **options: trio.to_thread.run_sync(partial(found, *args, **options))


class ThreadedFleet:
    """The blocking client with the trio client's interface: each call in a worker thread."""

    def __init__(self, fleet: blocking.Fleet) -> None:
        self.fleet = fleet
        self.roster = fleet.roster

    async def generate_lms(self, *arguments: Any, **options: Any) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(
            await trio.to_thread.run_sync(partial(self.fleet.generate_lms, *arguments, **options))
        )

    async def resume_lms(self, *arguments: Any, **options: Any) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(
            await trio.to_thread.run_sync(partial(self.fleet.resume_lms, *arguments, **options))
        )

    async def provision(self, esn: str, slot: int) -> Any:
        """As the blocking client does it."""
        return await trio.to_thread.run_sync(self.fleet.provision, esn, slot)

    def key(self, alias: str) -> ThreadedKey:
        """As the blocking client does it."""
        return ThreadedKey(self.fleet.key(alias))


@contextlib.asynccontextmanager
async def open_threaded(
    fleet: str | Path | None = None, tls: Tls | None = None
) -> AsyncIterator[ThreadedFleet]:
    """The blocking client's open_fleet."""
    context = blocking.open_fleet(fleet, tls)
    opened = await trio.to_thread.run_sync(context.__enter__)
    try:
        yield ThreadedFleet(opened)
    finally:
        await trio.to_thread.run_sync(context.__exit__, None, None, None)


CLIENTS = {"blocking": open_threaded, "trio": seeclient.open_fleet}
