"""The machines of one process. Each comes up, stops and fails by itself; the others go on."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import trio

from seemachine.config import Config
from seemachine.lms import engines
from seemachine.printing import say
from seemachine.process.gate import Gate
from seemachine.process.hardening import CannotHarden
from seemachine.process.pace import rest
from seemachine.process.shortage import THREADS, lacking
from seemachine.process.threads import aside, done_at_last
from seemachine.server.announcing import announce, entry_of, record_failure, refusal_of, withdraw
from seemachine.server.assembly import Opened, opened
from seemachine.server.crew import Allotment, Crew
from seemachine.server.logs import Log
from seemachine.server.ports import CannotListen
from seemachine.server.process_facts import ProcessFacts
from seemachine.server.serving import serve
from seemachine.server.tls import TlsError
from seemachine.state.disk.permissions import check_world
from seemachine.state.errors import StateError
from seemachine.world import World

if TYPE_CHECKING:
    from seemachine.faults import Injected

# Between two looks for requests to stop.
LOOK_SECONDS = 0.25
# Machines that are opened at one time: mostly they wait for a disk.
OPENINGS = 16
# Why a machine may not start; anything else is a bug.
REFUSALS = (StateError, CannotHarden, CannotListen, TlsError, engines.EngineError, OSError)


@dataclass(eq=False)
class Place:
    """One machine of the process, from its opening to its end."""

    config: Config
    log: Log
    stop: trio.Event = field(default_factory=trio.Event)
    gate: Gate = field(default_factory=Gate)
    held: Opened | None = None
    # Comes up or serves, and was not told to stop; `tried`: came up, or will not.
    runs: bool = True
    tried: bool = False
    opening: trio.CancelScope = field(default_factory=trio.CancelScope)
    parting: trio.CancelScope = field(default_factory=trio.CancelScope)


class Host:
    """Runs machines until all have stopped."""

    def __init__(self, configs: Sequence[Config], log: Log, process: ProcessFacts) -> None:
        self._places = [Place(config, log.bind(esn=config.esn)) for config in configs]
        self._log = self._places[0].log if len(configs) == 1 else log
        self._process = process
        self._crew = Crew(len(configs))
        self._reserved = frozenset(config.port for config in configs if config.port)
        self._openings = trio.CapacityLimiter(OPENINGS)
        self._worlds: dict[World, StateError | OSError] = {}
        self._running = self._untried = len(configs)
        # Said once, by the first machine that comes so far.
        self._short, self._hardened_logged = list(process.short), False
        self._stopping = self._failed = False
        self.started = 0
        # Of machines that have stopped.
        self._faults: list[Injected] = []

    @property
    def exit_code(self) -> int:
        """1 when no machine came up, unless the process was told to stop before."""
        return 1 if self._failed and not self.started else 0

    @property
    def unmet(self) -> list[str]:
        """Faults of machines that have stopped which happened on none of them."""
        happened = {
            each.fault.text for each in self._faults if each.fired or each.fault.facts.lasts
        }
        texts = dict.fromkeys(each.fault.text for each in self._faults)
        return [text for text in texts if text not in happened]

    async def run(self, stop: trio.Event) -> None:
        """Until every machine has stopped; `stop` stops them all.

        A bug of a machine that is alone is raised.
        """
        self._check_worlds()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_all, stop)
            nursery.start_soon(self._heed_requests)
            async with trio.open_nursery() as machines:
                for place in self._places:
                    machines.start_soon(self._live, place)
            nursery.cancel_scope.cancel()
        self._crew.close()

    def _check_worlds(self) -> None:
        for world in {place.config.world for place in self._places}:
            machines = [place.config for place in self._places if place.config.world == world]
            try:
                check_world(world, private_group=all(each.private_group for each in machines))
            except (StateError, OSError) as error:
                self._worlds[world] = error

    async def _stop_all(self, stop: trio.Event) -> None:
        await stop.wait()
        self._begin_to_stop()
        for place in self._places:
            place.opening.cancel()
            place.parting.cancel()
            place.stop.set()

    def _begin_to_stop(self) -> None:
        """From now on no further signal ends the process before it is done."""
        if not self._stopping:
            self._stopping = True
            self._process.on_stopping()

    async def _heed_requests(self) -> None:
        """Stop each machine whose folder somebody else asks for (seemachine.state.disk.lock)."""
        while True:
            began = trio.current_time()
            for place in self._places:
                if place.held is not None and place.runs and place.held.lock.asked():
                    place.stop.set()
                await trio.lowlevel.checkpoint()
            await trio.sleep(rest(LOOK_SECONDS, trio.current_time() - began))

    async def _live(self, place: Place) -> None:
        try:
            # Cancelled, when the process is told to stop: what was opened by then ends with it.
            with place.opening:
                place.held = await self._opened(place.config, place.log)
            if place.held is not None:
                await self._serve(place, place.held)
        except Exception as error:
            if isinstance(error, REFUSALS) or lacking(error):
                self._refuse(place, error)
            elif len(self._places) == 1:
                raise
            else:
                place.log.exception("bug: the machine has ended")
        finally:
            self._runs_no_more(place)
            self._count_tried(place)

    async def _opened(self, config: Config, log: Log) -> Opened:
        if self._process.refused is not None and config.lock_memory == "yes":
            raise self._process.refused
        if config.world in self._worlds:
            raise self._worlds[config.world]
        async with self._openings:
            # The very threads that it will sign with: a process needs no other to come up.
            return await self._crew.signing.run(
                opened, config, self._process.environ, log, abandon_on_cancel=True
            )

    async def _serve(self, place: Place, held: Opened) -> None:
        while self._short:
            details = self._short.pop(0).details
            self._log.warning("the system allows less than the settings promise", **details)
        config = place.config
        allotment = Allotment(self._process.most, self._reserved, self._crew, place.gate)
        try:
            ready, stopping = partial(self._ready, place), partial(self._runs_no_more, place)
            await serve(held, allotment, place.stop, ready, stopping)
        finally:
            if config.publish:
                await done_at_last(partial(withdraw, config))
            self._runs_no_more(place)
            if held.machine.faults is not None:
                self._faults += held.machine.faults.listing()
            await self._let_go(place, held)

    async def _let_go(self, place: Place, held: Opened) -> None:
        """Close the NVRAM. Give the folder back only when no thread is left that could write into
        it; when the process ends, the folder is held until then.
        """
        empty = False
        try:
            with place.parting:
                await aside(place.gate.shut)
                empty = True
        except RuntimeError as error:
            if lacking(error) != THREADS:
                raise
        finally:
            await done_at_last(held.close)
        if empty:
            held.lock.release()
            place.held = None

    def _runs_no_more(self, place: Place) -> None:
        self._running -= place.runs
        place.runs = False
        if self._running or self._stopping or self._process.goes_on:
            return
        # Nobody is left for whom the process would go on: nothing is waited for.
        for other in self._places:
            other.parting.cancel()
        if self.started:
            self._begin_to_stop()

    async def _ready(self, place: Place, host: str, port: int) -> None:
        if not self._hardened_logged:
            self._hardened_logged = True
            self._log.info("hardened", **self._process.in_force)
        assert place.held is not None
        nvram = place.held.machine.store.mark.identity
        entry = entry_of(place.config, place.held.lock.holder, nvram, host, port)
        await self._crew.signing.run(announce, place.config, entry)
        # Not again after a restart.
        self.started += not place.tried
        self._count_tried(place, f"{entry.esn} listens on {entry.place}")

    def _count_tried(self, place: Place, status: str = "") -> None:
        """The owner of the process is told once, when all machines that can be up are."""
        self._untried -= not place.tried
        before, place.tried = place.tried, True
        if not before and not self._untried and self.started:
            many = f"{self.started} machines are up"
            self._process.on_up(status if len(self._places) == 1 else many)

    def _refuse(self, place: Place, error: Exception) -> None:
        config, self._failed = place.config, True
        sentence = refusal_of(config, error)
        name = "" if len(self._places) == 1 else f"{config.esn}: "
        if name and sentence.startswith(f"{config.esn} "):
            sentence = f"it {sentence.removeprefix(f'{config.esn} ')}"
        say(f"seemachine {self._process.command}: {name}{sentence}", file=sys.stderr)
        record_failure(config, self._process.who, sentence)
