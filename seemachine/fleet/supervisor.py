"""Keeps the machines of a fleet running: one process each, started again when it dies, with a pause
that grows.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable

import trio

from seemachine import printing
from seemachine.config import Config
from seemachine.fleet.card_feeder import feed_cards
from seemachine.fleet.configuration import Fleet
from seemachine.fleet.settings_file import write_settings
from seemachine.hsms import published, records
from seemachine.process import signals, systemd
from seemachine.process.identity import Process, child
from seemachine.process.shortage import lacking
from seemachine.state.errors import reason

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
LOOK_SECONDS = 0.02
KILL_AFTER = 5.0


class FleetFailed(Exception):
    """A machine did not come up at the first try."""


def say(text: str) -> None:
    """One line for the person at the terminal."""
    with contextlib.suppress(OSError):
        printing.say(text, file=sys.stderr, flush=True)


class Supervisor:
    """Runs one fleet until SIGTERM, SIGINT, SIGHUP or a request. Raises FleetFailed.

    `tell` is called when it begins to stop.
    """

    def __init__(self, fleet: Fleet, tell: Callable[[], None], asked: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._tell = tell
        self._asked = asked
        self._ready: set[str] = set()
        self._failure: FleetFailed | None = None

    async def run(self) -> None:
        """Start, keep, stop."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
            trio.lowlevel.spawn_system_task(signals.heed, self._asked)
            async with trio.open_nursery() as nursery:
                for machine in self._fleet.machines:
                    nursery.start_soon(self._keep, machine, nursery.cancel_scope)
                if self._fleet.fed:
                    nursery.start_soon(feed_cards, self._fleet)
                await anext(received)
                self._tell()
                systemd.stopping()
                nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    async def _keep(self, machine: Config, scope: trio.CancelScope) -> None:
        pause = FIRST_PAUSE
        while True:
            began = trio.current_time()
            ended = await self._live_once(machine)
            if machine.esn not in self._ready:
                self._failure = FleetFailed(
                    f"{machine.esn} did not start: it {ended}; the reason is above"
                )
                scope.cancel()
                return
            if trio.current_time() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE
            say(f"fleet: {machine.esn} {ended}; starting it again in {pause:g} s")
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live_once(self, machine: Config) -> str:
        """One life of a machine, and how it ended. What the system lacks ends one, and never us."""
        try:
            return _died(await self._run_once(machine))
        except (OSError, RuntimeError, MemoryError) as error:
            if not isinstance(error, OSError) and not lacking(error):
                raise
            say(f"fleet: {reason(error)}")
            return "can't be run"

    async def _run_once(self, machine: Config) -> int:
        """One life of a machine's process. Cancelled, it stops the process in order."""
        settings = write_settings(machine)
        command = [sys.executable, "-P", "-m", "seemachine", "serve", "--config", str(settings)]
        # In a session of its own: Ctrl-C is for the supervisor, which stops its machines in order.
        process = await trio.lowlevel.open_process(
            command, stdin=None, start_new_session=True, env=_environment()
        )
        try:
            ours = child(process.pid)
            records.note_fleet_process(self._fleet.world, machine.esn, ours)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._announce, machine, ours)
                code = await process.wait()
                nursery.cancel_scope.cancel()
            return code
        finally:
            await self._stop(machine, process)
            records.note_fleet_process(self._fleet.world, machine.esn, None)

    async def _announce(self, machine: Config, ours: Process) -> None:
        while True:
            entry = published.read(self._fleet.world, machine.esn)
            if entry is not None and entry.process.is_same(ours):
                self._tell_ready(machine.esn)
                what = f"{machine.esn} ({machine.model}, module {machine.module})"
                say(f"fleet: {what} ready at {entry.host}:{entry.port}, {ours}")
                return
            await trio.sleep(LOOK_SECONDS)

    def _tell_ready(self, esn: str) -> None:
        """The service manager is told once, when the last machine of the fleet is up."""
        known = len(self._ready)
        self._ready.add(esn)
        if known < len(self._ready) == len(self._fleet.machines):
            systemd.ready(f"{len(self._ready)} machines are up")

    async def _stop(self, machine: Config, process: trio.Process) -> None:
        if process.poll() is not None:
            return
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(machine.limits.drain_seconds + KILL_AFTER):
                await process.wait()
            if process.poll() is None:
                say(f"fleet: {machine.esn} did not stop in time and is killed")
                process.kill()
                await process.wait()


def _environment() -> dict[str, str]:
    """Of a machine's process. Only the supervisor talks with the service manager."""
    return {name: value for name, value in os.environ.items() if name != systemd.VARIABLE}


def _died(code: int) -> str:
    return (
        f"was killed by {signal.Signals(-code).name}"
        if code < 0
        else f"ended with exit code {code}"
    )
