"""Machines of the daemon in a loop that is not theirs alone: each on a port of loopback, and for
clients in the same loop without one.
"""

import errno
import os
from dataclasses import replace

import trio

from seemachine.config import Config
from seemachine.machine import Machine
from seemachine.server.announcing import announce, entry_of, withdraw
from seemachine.server.assembly import Opened, opened
from seemachine.server.crew import Allotment, Crew
from seemachine.server.daemon import Daemon
from seemachine.server.logs import Log
from seemachine.server.serving import serve


class Hosted:
    """One machine: see Place."""

    def __init__(self, config: Config, log: Log, crew: Crew) -> None:
        self._config = config
        self._log = log.bind(esn=config.esn)
        self._crew = crew
        self._held: Opened | None = None
        self._daemon: Daemon | None = None
        self._stop = self._over = trio.Event()
        self._came_up = False

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
        self._stop, self._over, self._came_up = trio.Event(), trio.Event(), False
        self._held = held = opened(self._config, {}, self._log)
        try:
            await self._serve(held, task_status)
        # The others of its loop go on.
        except Exception:
            if not self._came_up:
                raise
            self._log.exception("bug: the machine has ended")
        finally:
            self._daemon = self._held = None
            withdraw(self._config)
            held.close()
            held.lock.release()
            self._over.set()

    async def _serve(self, held: Opened, task_status: trio.TaskStatus[None]) -> None:
        coming: list[Daemon] = []

        def on_daemon(daemon: Daemon) -> None:
            self._daemon = None
            coming[:] = [daemon]

        async def on_ready(host: str, port: int) -> None:
            self._config = replace(self._config, port=port)
            nvram = held.machine.store.mark.identity
            announce(self._config, entry_of(self._config, held.lock.holder, nvram, host, port))
            self._daemon = coming[0]
            if not self._came_up:
                self._came_up = True
                task_status.started()

        allotment = Allotment(crew=self._crew)
        await serve(held, allotment, self._stop, on_ready, on_daemon=on_daemon)

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
