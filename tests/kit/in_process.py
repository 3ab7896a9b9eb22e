"""Machines and commands of any worlds in this process: what RunningMachine and Shell of
kit.processes are, without processes and ports.

A machine is opened as `seemachine serve` opens it: it holds its folder, has its witnesses, looks
its NVRAM through and is published. A command is the one of the command line, with the environment
of its shell. What lies between them is a MemoryWire. What is lost is how processes begin and die.
"""

import contextlib
import io
import os
import ssl
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from unittest.mock import patch

from kit.logs import Events
from kit.processes import Ran, environment
from seeclient import blocking, blocking_wire, pipsqueak
from seeclient.blocking_wire import Wire
from seeclient.effects import Address

from seemachine.cli import command as seemachine_command
from seemachine.config import Config
from seemachine.server import announcing
from seemachine.server.assembly import opened
from seemachine.testing import MemoryWire
from seemachine.world import World

# Nobody else listens there: whoever connects to one in earnest is refused.
_ports = count(1)
_listening: dict[int, "Machine"] = {}


class Machine:
    """A machine that is up from the start. It has another port at each start, or the one given."""

    def __init__(self, home: Path, esn: str, *, port: int = 0, **settings: object) -> None:
        self.home, self._given = home, port
        self.config = Config(esn=esn, world=World.at(home), port=0, **settings)
        self.start()

    def start(self) -> None:
        """Raises StateError."""
        self._held = opened(self.config, os.environ, Events())
        self.port = self._given or next(_ports)
        _listening[self.port] = self
        nvram, holder = self._held.machine.store.mark.identity, self._held.lock.holder
        entry = announcing.entry_of(self.config, holder, nvram, "127.0.0.1", self.port)
        announcing.announce(self.config, entry)

    def stop(self, *, withdrawn: bool = True) -> None:
        """In order; once is enough. Not withdrawn, it leaves a stale published object."""
        if _listening.pop(self.port, None) is not None:
            if withdrawn:
                announcing.withdraw(self.config)
            self._held.close()
            self._held.lock.release()

    def wire(self) -> MemoryWire:
        """A connection, which breaks when it stops."""
        port = self.port
        return MemoryWire(self._held.machine, lambda: port in _listening)


@contextlib.contextmanager
def machines(home: Path, *esns: str | tuple[str, dict[str, object]]) -> Iterator[list[Machine]]:
    """Machines of one world for the length of a block, some with settings of their own."""
    running: list[Machine] = []
    try:
        described = ((each, {}) if isinstance(each, str) else each for each in esns)
        running.extend(Machine(home, esn, **settings) for esn, settings in described)
        yield running
    finally:
        for machine in running:
            machine.stop()


def connect(address: Address, context: ssl.SSLContext | None = None) -> Wire:
    """The wire to whoever is at an address, here or in another process. Raises OSError."""
    if address.port in _listening:
        return _listening[address.port].wire()
    return blocking_wire.connect(address, context)


@contextlib.contextmanager
def as_a_command_has_it(env: dict[str, str]) -> Iterator[None]:
    """An environment, and clients that find machines of this process too."""
    with (
        patch.dict(os.environ, env, clear=True),
        patch.dict(blocking.Fleet.__init__.__kwdefaults__, connect=connect),
        patch.dict(blocking.connected.__wrapped__.__kwdefaults__, connect=connect),
        patch.dict(blocking.open_fleet.__kwdefaults__, connect=connect),
    ):
        yield


class Shell:
    """Commands on one world folder, with nothing of another world in their environment."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home, self.env = home, environment(home, **more)

    def seemachine(self, *words: str) -> Ran:
        """Run `seemachine`."""
        return self._run(seemachine_command.main, words)

    def pipsqueak(self, *words: str) -> Ran:
        """Run `pipsqueak`."""
        return self._run(pipsqueak.main, words)

    @contextlib.contextmanager
    def fleet(self) -> Iterator[blocking.Fleet]:
        """What a program has that was started here."""
        with as_a_command_has_it(self.env), blocking.open_fleet() as opened_fleet:
            yield opened_fleet

    def _run(self, main: Callable[[list[str]], int], words: tuple[str, ...]) -> Ran:
        written = io.StringIO()
        with (
            as_a_command_has_it(self.env),
            contextlib.redirect_stdout(written),
            contextlib.redirect_stderr(written),
        ):
            try:
                code = main(list(words))
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, written.getvalue().splitlines()
