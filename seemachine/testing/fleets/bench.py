"""A world in a folder of its own, and the machines in it: what a test's fleet stands on."""

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seeclient.environment import Environment
from seeclient.lifetime import Lifetime
from seeclient.memory_files import close_below

from seemachine.config import ConfigError
from seemachine.machine import Machine
from seemachine.state.disk.durable import forget_below
from seemachine.temporary.folder import TemporaryFolder, made, places, sweep
from seemachine.testing.fleets.fault_switch import Faults
from seemachine.testing.fleets.journal import Journal
from seemachine.testing.fleets.plan import Plan
from seemachine.testing.fleets.summary import summary
from seemachine.testing.fleets.surroundings import environment
from seemachine.testing.hosting.descriptors import allow
from seemachine.testing.hosting.hosted import Hosted
from seemachine.testing.hosting.hosting import Hosting, Place
from seemachine.testing.hosting.in_place import CrewInPlace
from seemachine.testing.hosting.in_processes import InProcess
from seemachine.world import World

_swept: set[Path] = set()


class Bench:
    """Made without a machine that is up; `crew` is who does the work of those in this process.
    Raises ConfigError, OSError.
    """

    def __init__(self, plan: Plan, crew: CrewInPlace, folder: Path | str | None = None) -> None:
        self.processes = plan.processes
        self._process = os.getpid()
        if folder is None:
            self._temporary: TemporaryFolder | None = _temporary(os.environ)
            self.world = self._temporary.world
        elif str(folder):
            self._temporary, self.world = None, World.at(folder)
        else:
            raise ConfigError("folder takes the path of a folder; leave it out for one that goes")
        self.journal = Journal()
        # Of cards: they are worn whatever becomes of a machine.
        self.faults_for_good: list[str] = []
        self._last_summary = ""
        try:
            self.hosting = Hosting(dict(self._places(plan, crew)))
        except BaseException:
            self.clear()
            raise

    def _places(self, plan: Plan, crew: CrewInPlace) -> Iterator[tuple[str, Place]]:
        configs = plan.configs(self.world)
        if not plan.processes:
            allow(len(configs))
        for config in configs:
            if plan.processes:
                yield config.esn, InProcess(config, self.journal)
            else:
                yield config.esn, Hosted(config, self.journal.log, crew, os.environ)

    @property
    def esns(self) -> list[str]:
        """Of all machines, in the order of their modules."""
        return list(self.hosting.places)

    @property
    def environment(self) -> Environment:
        """What a client is given: it finds the machines that are up."""
        return Environment(self.world)

    def esn_of(self, machine: int | str) -> str:
        """Of a machine that is said by its ESN, or by its number from 1. Raises ConfigError."""
        if isinstance(machine, int) and 0 < machine <= len(self.esns):
            return self.esns[machine - 1]
        if machine in self.esns:
            return str(machine)
        known = ", ".join(f"{number} ({esn})" for number, esn in enumerate(self.esns, 1))
        raise ConfigError(f"there is no machine {machine!r} in this fleet; it has {known}")

    def refusal(self, esn: str, error: OSError) -> OSError:
        """Why a machine can't be reached, also where that is the test's own doing."""
        if esn not in self.hosting.stopped:
            return error
        number = self.esns.index(esn) + 1
        how = f"the test stopped machine {number}; start it with: fleet.start({number})"
        # With a number of the system it would have the system's words alone.
        return ConnectionRefusedError(f"{os.strerror(errno.ECONNREFUSED)}; {how}")

    @property
    def summary(self) -> str:
        """What there is, or was at the end."""
        return self._last_summary or summary(self.world, self.hosting)

    async def end(self) -> None:
        """Stop the machines, and let go of the folder. Raises nothing."""
        self._last_summary = self.summary
        await self.hosting.end()
        self.clear()

    def clear(self) -> None:
        """Let go of the folder, and remove it unless it is the caller's, or a parent's."""
        close_below(self.world.folder)
        forget_below(self.world.folder.parent if self._temporary else self.world.folder)
        if self._temporary is not None and self._process == os.getpid():
            self._temporary.remove()


def _temporary(environ: Mapping[str, str]) -> TemporaryFolder:
    """A new one. What killed processes left is removed, once a process. Raises OSError."""
    for place in places(environ):
        if place not in _swept:
            _swept.add(place)
            with contextlib.suppress(OSError):
                sweep(place)
    return made(environ)


def name_the_end(lifetime: Lifetime) -> None:
    """Have a client that is asked too late say what has ended: a block, or a test."""
    lifetime.over = "the block or the test of this fleet has ended"
    lifetime.again = "make another with testing.fleet()"


class OnBench:
    """What a test's fleet has beside the operations of a client."""

    bench: Bench

    @property
    def esns(self) -> list[str]:
        """The ESNs of all machines, up or down, in the order of their modules."""
        return self.bench.esns

    @property
    def hosted(self) -> dict[str, Machine]:
        """The machines of this process that are up, by ESN: for whoever looks at their state."""
        found = {esn: each.machine for esn, each in self.bench.hosting.places.items()}
        return {esn: machine for esn, machine in found.items() if machine is not None}

    @property
    def world(self) -> World:
        """The world: where keys, cards and machines are."""
        return self.bench.world

    @property
    def folder(self) -> Path:
        """The folder of the world."""
        return self.bench.world.folder

    @property
    def env(self) -> dict[str, str]:
        """The environment of this process, for programs that are to find these machines:
        `subprocess.run(["pipsqueak"], env=fleet.env)`.
        """
        return environment(self.bench.world, os.environ)

    def summary(self) -> str:
        """Machines, leaves, keys and cards, in a few lines for a report; after the end, as they
        were then.
        """
        return self.bench.summary

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return Faults(self.bench)

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the machines said, the latest last, as `seemachine serve` would log it."""
        return self.bench.journal.events()
