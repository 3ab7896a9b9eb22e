"""Machines of the daemon in a loop that is not theirs alone: each on a port of loopback, and for
clients in the same loop without one.
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import replace

import trio

from seemachine.config import Config
from seemachine.machine import Machine
from seemachine.process.gate import Gate
from seemachine.server.announcing import announce, entry_of, withdraw
from seemachine.server.assembly import Opened, opened
from seemachine.server.crew import Allotment
from seemachine.server.daemon import Daemon
from seemachine.server.logs import Log
from seemachine.server.serving import serve
from seemachine.testing.hosting import forked
from seemachine.testing.hosting.in_place import CrewInPlace


class Hosted:
    """One machine: see Place."""

    def __init__(
        self, config: Config, log: Log, crew: CrewInPlace, environ: Mapping[str, str]
    ) -> None:
        self._config = config
        self._log = log.bind(esn=config.esn)
        self._crew = crew
        self._environ = environ
        self._held: Opened | None = None
        # None while it is down, and while it starts again.
        self._daemon: Daemon | None = None
        self._ready = self._stop = self._over = trio.Event()
        self.is_up = self._is_given_up = False

    @property
    def machine(self) -> Machine | None:
        """See Place."""
        held = self._held
        if held is None or not self.is_up:
            return None
        with held.turn:
            return held.machine

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See Place."""
        self._ready, self._stop, self._over = trio.Event(), trio.Event(), trio.Event()
        gate = Gate()
        self._held = held = opened(self._config, self._environ, self._log)
        forked.give_up_in_children(self._give_up)
        try:
            await self._serve(held, gate, task_status)
        # The others of its loop go on.
        except Exception:
            if not self.is_up:
                raise
            self._log.exception("the machine has ended")
        finally:
            # Not before: nothing of the NVRAM is closed under a thread that is at it.
            await self._crew.vacate(gate)
            self._let_go(held)

    def _let_go(self, held: Opened) -> None:
        """The NVRAM is closed, then the folder given back; whoever waits for the end is told."""
        self.is_up, self._daemon, self._held = False, None, None
        try:
            # What a child has is its parent's.
            if not self._is_given_up:
                withdraw(self._config)
                held.close()
        # A test may have removed its folder.
        except Exception:  # noqa: BLE001
            self._log.exception("the machine did not end in order")
        finally:
            forked.no_longer(self._give_up)
            held.lock.release()
            self._ready.set()
            self._over.set()

    async def _serve(self, held: Opened, gate: Gate, task_status: trio.TaskStatus[None]) -> None:
        coming: list[Daemon] = []

        def on_daemon(daemon: Daemon) -> None:
            coming[:] = [daemon]

        async def on_ready(host: str, port: int) -> None:
            self._config = replace(self._config, port=port)
            nvram = held.machine.store.mark.identity
            announce(self._config, entry_of(self._config, held.lock.holder, nvram, host, port))
            self._daemon = coming[0]
            self._ready.set()
            if not self.is_up:
                self.is_up = True
                task_status.started()

        allotment = Allotment(crew=self._crew, gate=gate)
        await serve(held, allotment, self._stop, on_ready, on_daemon=on_daemon)

    async def stop(self) -> None:
        """See Place."""
        self._stop.set()
        if self._held is not None:
            await self._over.wait()

    def begin_with(self, fault: str) -> None:
        """See Place."""
        self._config = replace(self._config, faults=(*self._config.faults, fault))

    def heed(self) -> None:
        """See Place."""
        if self._held is not None and self._held.lock.asked():
            self._stop.set()

    async def attend(self, stream: trio.abc.Stream) -> None:
        """See Place. While it starts again in its process who comes waits, as at a port."""
        if self._daemon is not None and self._daemon.restarts:
            self._daemon, self._ready = None, trio.Event()
        if self.is_up:
            await self._ready.wait()
        if self._daemon is None or self._stop.is_set():
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self._daemon.attend(stream, "memory")

    def _give_up(self) -> None:
        """In a child of this process."""
        self._is_given_up = True
        if self._held is not None:
            self._held.lock.release()
            forked.never_close(self._held.machine)
            forked.replace_sockets(self._config.port, str(self._config.socket_path))
