"""The fleet of a test without async: its machines run in the thread that all such fleets share."""

import weakref
from pathlib import Path

from seeclient import blocking
from seeclient.algorithms.lms.provisioning import Provisioned

from seemachine.testing.background import background
from seemachine.testing.bench import Bench, OnBench
from seemachine.testing.cards import Cards
from seemachine.testing.plan import Plan
from seemachine.wire.names import FIRST_DYNAMIC_SLOT


class BlockingFleet(OnBench, blocking.Fleet):
    """The blocking client of machines that are up, with their cards, their log and their world.

    Raises ConfigError, StateError, OSError.
    """

    def __init__(self, plan: Plan, folder: Path | str | None = None) -> None:
        self.bench = Bench(plan, folder)
        self._background = background()
        self._background.promise(self.bench.end)
        # Also of a fleet that nobody closes. Whoever collects it waits for nothing.
        finalizer = weakref.finalize(self, self._background.keep_promise, self.bench.end)
        finalizer.atexit = False
        try:
            self._background.call(self._background.keep, self.bench.hosting.run)
            self._background.call(self.bench.hosting.start_all)
            super().__init__(self.bench.environment)
        except BaseException:
            self._clear()
            raise

    @property
    def cards(self) -> "BlockingCards":
        """The cards of the world."""
        return BlockingCards(self)

    def start(self, machine: int | str = 1) -> None:
        """Start a machine that was stopped, on the port that it had. Raises StateError."""
        self._background.call(self.bench.hosting.start, self.bench.esn_of(machine))

    def stop(self, machine: int | str = 1) -> None:
        """Stop a machine in order; its NVRAM stays."""
        self._background.call(self.bench.hosting.stop, self.bench.esn_of(machine))

    def restart(self, machine: int | str = 1) -> None:
        """Stop a machine and start it again. With `store="memory"` it has forgotten its leaves."""
        self.stop(machine)
        self.start(machine)

    def close(self) -> None:
        """Hang up, stop the machines, and remove the world."""
        super().close()
        self._clear()

    def _clear(self) -> None:
        ending = self._background.keep_promise(self.bench.end)
        if ending is not None:
            ending.result()


class BlockingCards(Cards):
    """The same cards, and what a machine does with one."""

    def __init__(self, fleet: BlockingFleet) -> None:
        super().__init__(fleet.bench.world, fleet.bench.esn_of)
        self._fleet = fleet

    def provision(
        self,
        card: str | None = None,
        machine: int | str = 1,
        slot: int = FIRST_DYNAMIC_SLOT,
    ) -> Provisioned:
        """Move a lease from a card into a machine; without a card from the one in the slot.

        Raises CardError, StatusError.
        """
        if card is not None:
            self.insert(card, machine, slot)
        return self._fleet.provision(self._fleet.bench.esn_of(machine), slot)
