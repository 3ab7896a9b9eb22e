"""Machines of the daemon in a loop that is not theirs alone: each on a port of loopback, and for
clients in the same loop without one.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import trio

from seemachine.config import Config
from seemachine.machine import Machine
from seemachine.server.announcing import announce, entry_of, withdraw
from seemachine.server.assembly import Opened, opened
from seemachine.server.crew import Allotment, Crew
from seemachine.server.daemon import Daemon
from seemachine.server.logs import Log
from seemachine.testing.in_place import CrewInPlace

# Between two looks whether somebody asks a machine to stop, as `seemachine fleet down` does.
LOOK_SECONDS = 0.25
# At the end, for requests under way.
GRACE_SECONDS = 0.25


class Hosted:
    """One machine. It may be started and stopped any number of times, and keeps its port."""

    def __init__(self, config: Config, log: Log, crew: Crew) -> None:
        self._config = config
        self._log = log.bind(esn=config.esn)
        self._crew = crew
        self._held: Opened | None = None
        self._daemon: Daemon | None = None
        self._stop = self._over = trio.Event()

    @property
    def is_up(self) -> bool:
        """Whether it listens."""
        return self._daemon is not None

    @property
    def machine(self) -> Machine | None:
        """The HSM itself, while it is up."""
        return self._held.machine if self._held is not None and self.is_up else None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it is stopped. Raises what keeps it from coming up."""
        self._stop, self._over = trio.Event(), trio.Event()
        self._held = held = opened(self._config, {}, self._log)
        try:
            await self._serve(held, task_status)
        # The others of its loop go on.
        except Exception:
            if not self.is_up:
                raise
            self._log.exception("bug: the machine has ended")
        finally:
            self._daemon = self._held = None
            withdraw(self._config)
            held.close()
            held.lock.release()
            self._over.set()

    async def _serve(self, held: Opened, task_status: trio.TaskStatus[None]) -> None:
        async def on_ready(host: str, port: int) -> None:
            self._config = replace(self._config, port=port)
            nvram = held.machine.store.mark.identity
            announce(self._config, entry_of(self._config, held.lock.holder, nvram, host, port))
            self._daemon = daemon
            task_status.started()

        daemon = Daemon(held.machine, self._config, self._log, Allotment(crew=self._crew))
        await daemon.run(self._stop, on_ready)

    async def stop(self) -> None:
        """In order. Returns when it is down."""
        self._stop.set()
        if self._held is not None:
            await self._over.wait()

    def heed(self) -> None:
        """Stop where somebody else asks for its folder."""
        if self._held is not None and self._held.lock.asked():
            self._stop.set()

    def attend(self, stream: trio.abc.Stream) -> None:
        """Serve a client of this loop. Raises ConnectionRefusedError when it is down."""
        if self._daemon is None or self._stop.is_set():
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self._daemon.attend(stream, "memory")


class Hosting:
    """All machines of a world, by ESN. Run `run` in a nursery."""

    def __init__(self, configs: Sequence[Config], log: Log) -> None:
        crew = CrewInPlace()
        self.machines: Mapping[str, Hosted] = {
            config.esn: Hosted(config, log, crew) for config in configs
        }
        self._nursery: trio.Nursery
        self._scope = trio.CancelScope()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until `end`."""
        with self._scope:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                while True:
                    await trio.sleep(LOOK_SECONDS)
                    for machine in self.machines.values():
                        machine.heed()

    async def start(self, esn: str) -> None:
        """Returns when it is up. Raises what keeps it from coming up."""
        if not self.machines[esn].is_up:
            await self._nursery.start(self.machines[esn].run)

    async def start_all(self) -> None:
        """One after the other."""
        for esn in self.machines:
            await self.start(esn)

    async def stop(self, esn: str) -> None:
        """Returns when it is down."""
        await self.machines[esn].stop()

    async def end(self) -> None:
        """Stop all, whatever they are at. Nothing comes up after that."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(GRACE_SECONDS):
                for machine in self.machines.values():
                    await machine.stop()
            self._scope.cancel()
            for machine in self.machines.values():
                await machine.stop()
