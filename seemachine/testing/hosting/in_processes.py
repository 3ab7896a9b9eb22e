"""Machines in processes of their own, which end with the one that started them."""

import subprocess
import sys
import time
from dataclasses import replace

import trio

from seemachine.config import Config, to_toml
from seemachine.hsms import published
from seemachine.machine import Machine
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateFailed
from seemachine.testing.fleets.journal import Journal
from seemachine.testing.hosting import forked

LOOK_SECONDS = 0.01
START_SECONDS = 60.0
STOP_SECONDS = 15.0
# Not the file of the fleet's own machines: one of them may be up.
SETTINGS = "testing.toml"


class InProcess:
    """One machine: see Place."""

    machine: Machine | None = None

    def __init__(self, config: Config, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._process: trio.Process | None = None
        self._over = trio.Event()
        self.is_up = False

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See Place. Raises StateFailed where it does not come up."""
        self._over = trio.Event()
        try:
            self._process = process = await self._started()
            forked.give_up_in_children(self._give_up)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, process)
                await self._watch(process, task_status)
            if not self.is_up:
                raise StateFailed(f"{self._config.esn} does not start: {self._journal.last}")
        finally:
            forked.no_longer(self._give_up)
            self.is_up, self._process = False, None
            self._over.set()

    async def _started(self) -> trio.Process:
        file = private_folder(self._config.folder) / SETTINGS
        replace_file(file, to_toml(self._config))
        return await trio.lowlevel.open_process(
            [sys.executable, "-P", "-m", "seemachine.testing.hosting.own_process", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    async def _listen(self, process: trio.Process) -> None:
        """To what it says, until it says no more."""
        assert process.stderr is not None
        begun = b""
        async for part in process.stderr:
            *lines, begun = (begun + part).split(b"\n")
            for line in lines:
                self._journal.take(line.decode(errors="replace"))

    async def _watch(self, process: trio.Process, task_status: trio.TaskStatus[None]) -> None:
        """To its end."""
        try:
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if self._listens(process.pid):
                    self.is_up = True
                    task_status.started()
                    await process.wait()
                await trio.sleep(LOOK_SECONDS)
        finally:
            with trio.CancelScope(shield=True):
                await _ended(process)

    def _listens(self, pid: int) -> bool:
        entry = published.read(self._config.world, self._config.esn)
        if entry is None or entry.pid != pid:
            return False
        self._config = replace(self._config, port=entry.port)
        return True

    async def stop(self) -> None:
        """See Place."""
        if self._process is not None:
            self._process.terminate()
            with trio.move_on_after(STOP_SECONDS):
                await self._over.wait()
        if self._process is not None:
            self._process.kill()
            await self._over.wait()

    def begin_with(self, fault: str) -> None:
        """See Place."""
        self._config = replace(self._config, faults=(*self._config.faults, fault))

    def heed(self) -> None:
        """Its process does."""

    def _give_up(self) -> None:
        """In a child of this process. It may outlive it, which the machine must not; and where it
        closed a pipe, trio would have the parent's block.
        """
        process = self._process
        pipes = (process.stdin, process.stderr) if process is not None else ()
        forked.replace(pipe.fileno() for pipe in pipes if isinstance(pipe, trio.lowlevel.FdStream))

    async def attend(self, stream: trio.abc.Stream) -> None:
        """It has a port alone. Raises ConnectionRefusedError."""
        del stream
        raise ConnectionRefusedError


async def _ended(process: trio.Process) -> None:
    if process.poll() is None:
        process.kill()
    await process.wait()
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            await trio.aclose_forcefully(pipe)
