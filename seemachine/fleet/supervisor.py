"""Keeps the machines of a fleet running, in a process each or in one for all. A process that dies
is started again, with a pause that grows.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from seemachine.config import Config
from seemachine.fleet import supervisor_log
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.processes import Child, ForkServer, died, started
from seemachine.fleet.settings_file import write_settings
from seemachine.fleet.shared import EACH, ONE
from seemachine.hsms import published, supervised
from seemachine.process import signals, systemd
from seemachine.process.fork_server import adopt_orphans
from seemachine.process.identity import Process, child
from seemachine.process.pace import rest
from seemachine.process.shortage import lacking
from seemachine.process.signals import Stopping
from seemachine.state.errors import reason

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
LOOK_SECONDS = 0.02
KILL_AFTER = 5.0
# Files that are written at one time.
WRITERS = 16

# The machines of one process.
Group = Sequence[Config]
Result = TypeVar("Result")


class FleetFailed(Exception):
    """A process did not come up at the first try."""


class Supervisor:
    """Runs one fleet until SIGTERM, SIGINT, SIGHUP or a request. Raises FleetFailed.

    It begins `stopping`, and stops only once. `options` are those of its machines' commands.
    """

    def __init__(
        self,
        fleet: FleetPlan,
        stopping: Stopping,
        asked: Callable[[], bool],
        options: Sequence[str] = (),
    ) -> None:
        self._fleet = fleet
        self._stopping = stopping
        self._asked = asked
        self._options = options
        self._ready: set[str] = set()
        self._failed: set[str] = set()
        self._failure: FleetFailed | None = None
        self._server: ForkServer | None = None
        # Whose process runs, and who was not seen to be up in it, by ESN.
        self._coming: dict[str, tuple[Config, Process]] = {}
        self._more = trio.Event()

    async def run(self) -> None:
        """Start, keep, stop."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
            self._stopping.release()
            trio.lowlevel.spawn_system_task(signals.heed, self._asked)
            if self._fleet.process == EACH and adopt_orphans():
                self._server = ForkServer(_environment(), self._options)
            try:
                await self._keep_all(received)
            finally:
                if self._server is not None:
                    await self._server.close()
        if self._failure is not None:
            raise self._failure

    async def _keep_all(self, received: AsyncIterator[int]) -> None:
        """Until a signal."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._announce)
            for group in self._fleet.groups:
                nursery.start_soon(self._keep, group, nursery.cancel_scope)
            await anext(received)
            self._stopping.begin()
            systemd.stopping()
            nursery.cancel_scope.cancel()

    async def _keep(self, group: Group, scope: trio.CancelScope) -> None:
        pause = FIRST_PAUSE
        while True:
            began = trio.current_time()
            ended = await self._live_once(group)
            if self._ready.isdisjoint(machine.esn for machine in group):
                self._failure = FleetFailed(f"{_named(group)} did not start: it {ended}")
                scope.cancel()
                return
            if trio.current_time() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE
            supervisor_log.warning(f"{_named(group)} {ended}; starting it again in {pause:g} s")
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live_once(self, group: Group) -> str:
        """One life of a process, and how it ended. What the system lacks ends one, and never us."""
        try:
            return died(await self._run_once(group))
        except (OSError, RuntimeError, MemoryError) as error:
            if not isinstance(error, OSError) and not lacking(error):
                raise
            supervisor_log.warning(reason(error))
            return "can't be run"

    async def _run_once(self, group: Group) -> int:
        """One life of the process of some machines. Cancelled, it stops the process in order."""
        files = await for_each(write_settings, group)
        process, begin = await self._begun(group, files)
        try:
            ours = child(process.pid)
            await for_each(partial(self._record, ours), group)
            begin()
            self._coming |= {machine.esn: (machine, ours) for machine in group}
            self._more.set()
            code = await process.wait()
            # One that came up and died since the last look did start.
            for machine in group:
                if machine.esn in self._coming:
                    self._is_up(machine, ours)
            return code
        finally:
            await self._stop(group, process)
            for machine in group:
                self._coming.pop(machine.esn, None)
                self._record(None, machine)

    async def _begun(self, group: Group, files: Sequence[Path]) -> tuple[Child, Callable[[], None]]:
        """A process, and what lets it do its work once it is known whose it is. Raises OSError."""
        if self._server is None:
            return await started(files, _environment(), self._options), lambda: None
        forked = await self._server.fork(group[0].esn, files[0])
        return forked, forked.begin

    def _record(self, ours: Process | None, machine: Config) -> None:
        supervised.set_process(self._fleet.world, machine.esn, ours)

    async def _announce(self) -> None:
        """Say of each machine that it is up, until cancelled; one among others says itself why it
        is not.
        """
        while True:
            await self._more.wait()
            began = trio.current_time()
            for machine, ours in list(self._coming.values()):
                if self._is_up(machine, ours) or self._has_failed(machine, ours):
                    del self._coming[machine.esn]
            if not self._coming:
                self._more = trio.Event()
            await trio.sleep(rest(LOOK_SECONDS, trio.current_time() - began))

    def _is_up(self, machine: Config, ours: Process) -> bool:
        entry = published.read(self._fleet.world, machine.esn)
        if entry is None or not entry.process.is_same(ours):
            return False
        self._count_tried(machine.esn, self._ready)
        what = f"{machine.esn} ({machine.model}, module {machine.module})"
        moved = machine.fixed_port not in (0, entry.port)
        why = f"; port {machine.port} was taken" if moved else ""
        supervisor_log.info(f"{what} ready at {entry.address}, {ours}{why}")
        return True

    def _has_failed(self, machine: Config, ours: Process) -> bool:
        # The end of its own process tells that a machine which is alone is not up.
        if self._fleet.process != ONE:
            return False
        failure = published.failure(self._fleet.world, machine.esn)
        if failure is None or not failure.process.is_same(ours):
            return False
        self._count_tried(machine.esn, self._failed)
        return True

    def _count_tried(self, esn: str, those: set[str]) -> None:
        """The service manager is told once, when all machines of the fleet are up, or can't be."""
        known = len(self._ready | self._failed)
        those.add(esn)
        if known < len(self._ready | self._failed) == len(self._fleet.machines) and self._ready:
            systemd.ready(f"{len(self._ready)} machines are up")

    async def _stop(self, group: Group, process: Child) -> None:
        if process.poll() is not None:
            return
        patience = max(machine.limits.drain_seconds for machine in group) + KILL_AFTER
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(patience):
                await process.wait()
            if process.poll() is None:
                supervisor_log.warning(f"{_named(group)} did not stop in time and is killed")
                process.kill()
                await process.wait()


async def for_each(work: Callable[[Config], Result], group: Group) -> list[Result]:
    """The results of a work that waits for the disk, on threads: who is told to stop need not wait
    for a slow one.
    """

    def all_of_them() -> list[Result]:
        if len(group) == 1:
            return [work(group[0])]
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(work, group))

    return await trio.to_thread.run_sync(all_of_them)


def _named(group: Group) -> str:
    return group[0].esn if len(group) == 1 else f"the process of {len(group)} machines"


def _environment() -> dict[str, str]:
    """Of a machine's process. Only the supervisor talks with the service manager."""
    return {name: value for name, value in os.environ.items() if name != systemd.VARIABLE}
