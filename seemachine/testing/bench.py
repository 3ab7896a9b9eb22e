"""A world in a folder of its own, and the machines in it: what a test's fleet stands on."""

import os
from pathlib import Path
from typing import Any

from seeclient.environment import Environment
from seeclient.memory_files import close_below

from seemachine.config import ConfigError
from seemachine.machine import Machine
from seemachine.testing.folders import TemporaryFolder
from seemachine.testing.hosted import Hosting
from seemachine.testing.journal import Journal
from seemachine.testing.plan import Plan
from seemachine.testing.surroundings import environment
from seemachine.world import World


class Bench:
    """Made without a machine that is up. Raises ConfigError, OSError."""

    def __init__(self, plan: Plan, folder: Path | str | None = None) -> None:
        self._temporary = None if folder else TemporaryFolder()
        self.world = World.at(folder or self._folder)
        self.journal = Journal()
        try:
            self.hosting = Hosting(plan.configs(self.world), self.journal.log)
        except BaseException:
            self.clear()
            raise

    @property
    def _folder(self) -> Path:
        assert self._temporary is not None
        return self._temporary.path

    @property
    def esns(self) -> list[str]:
        """Of all machines, in the order of their modules."""
        return list(self.hosting.machines)

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
        raise ConfigError(f"there is no machine {machine!r} in this fleet; there are {known}")

    async def end(self) -> None:
        """Stop the machines, and let go of the folder. Raises nothing."""
        await self.hosting.end()
        self.clear()

    def clear(self) -> None:
        """Let go of the folder, and remove it unless it is the caller's."""
        close_below(self.world.folder)
        if self._temporary is not None:
            self._temporary.remove()


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
        found = {esn: each.machine for esn, each in self.bench.hosting.machines.items()}
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

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the machines said, the latest last, as `seemachine serve` would log it."""
        return self.bench.journal.events()
