"""`testing.fleet`, in all its forms."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio

from seemachine.testing.fleets.bench import Bench
from seemachine.testing.fleets.blocking_fleet import BlockingFleet
from seemachine.testing.fleets.plan import Plan
from seemachine.testing.hosting.in_place import CrewAside, CrewInPlace

if TYPE_CHECKING:
    from seemachine.testing.fleets.aio_fleet import AioFleet
    from seemachine.testing.fleets.trio_fleet import TrioFleet

    AsyncFleet = TrioFleet | AioFleet


class FleetContext:
    """Machines that are up for as long as a block lasts, `with` or `async with`."""

    def __init__(self, plan: Plan, folder: Path | str | None) -> None:
        self._plan = plan
        self._folder = folder
        # Of blocks within blocks, the innermost last.
        self._fleets: list[BlockingFleet] = []
        self._blocks: list[AbstractAsyncContextManager[AsyncFleet]] = []

    def __enter__(self) -> BlockingFleet:
        self._fleets.append(BlockingFleet(self._bench(CrewAside())))
        return self._fleets[-1]

    def __exit__(self, *_: object) -> None:
        self._fleets.pop().close()

    async def __aenter__(self) -> "AsyncFleet":
        block = self._block()
        fleet = await block.__aenter__()
        self._blocks.append(block)
        return fleet

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._blocks.pop().__aexit__(kind, error, trace)

    def _bench(self, crew: CrewInPlace) -> Bench:
        return Bench(self._plan, crew, self._folder)

    def _block(self) -> "AbstractAsyncContextManager[AsyncFleet]":
        if trio.lowlevel.in_trio_task():
            from seemachine.testing.fleets.trio_fleet import in_loop

            return in_loop(self._bench(CrewInPlace()))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("neither trio nor asyncio runs here; use plain `with`") from None
        return _in_threads(self._bench(CrewAside()))


@contextlib.asynccontextmanager
async def _in_threads(bench: Bench) -> "AsyncIterator[AioFleet]":
    """Opened and closed in one go: who is cancelled meanwhile leaves nothing."""
    from seemachine.testing.fleets.aio_fleet import AioFleet

    fleet = BlockingFleet(bench)
    try:
        yield AioFleet(fleet, fleet)
    finally:
        fleet.close()


def fleet(  # noqa: PLR0913
    machines: int = 1,
    *,
    seed: int | str | None = None,
    model: str = "",
    store: str = "sqlite",
    operator: str = "manual",
    latency: str = "",
    faults: Iterable[str] = (),
    processes: bool = False,
    folder: Path | str | None = None,
    **settings: Any,
) -> FleetContext:
    """Machines for a test, up within the block and gone after it with all that they had.

        with testing.fleet(machines=2) as fleet:
            key = fleet.generate_lms("release", **testing.QUICK)

    With `async with` the fleet is for trio or asyncio, whichever runs.

    `machines`: how many; the first is a 5c, the second a Connect XC, as in the guide, unless
    `model` says `5c` or `xc`. `store` is where NVRAM is kept: `sqlite`, `file` or `memory`.
    With `operator="auto"` machines take blank cards by themselves. `processes=True` gives each
    machine a process of its own, which takes half a second; else all are in this one. `folder`: a
    world that stays; without it the world is a temporary one. `settings` are those of a machine,
    such as `limits={"idle_seconds": 1}`.

    Entering the block raises ConfigError for a setting that is wrong.
    """
    made = {
        "store": store,
        "operator": operator,
        "latency": latency,
        "faults": list(faults),
        **({} if seed is None else {"seed": seed}),
        **settings,
    }
    return FleetContext(Plan(machines, model, made, processes), folder)
