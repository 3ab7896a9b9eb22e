"""A world in a folder, and machines of it that answer within the call that asks them."""

import errno
import os
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeclient import blocking
from seeclient.effects import Address
from seeclient.environment import Environment

from seemachine.lms import engines
from seemachine.machine import Machine
from seemachine.state.cards.cardsets import OPERATOR
from seemachine.state.cards.dealing import card_names, deal
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.nvram.store import Store
from seemachine.state.nvram.stores import MEMORY, STORES
from seemachine.testing.keys import ESN
from seemachine.testing.rigs.parts import Parts
from seemachine.testing.rigs.wires import AsyncMemoryWire, MemoryWire
from seemachine.wire.names import FIRST_DYNAMIC_SLOT
from seemachine.world import World

if TYPE_CHECKING:
    from seeclient import trio_fleet

    from seemachine.faults import Injector


class Rig:
    """A world in a folder, and machines of it in this process: those of the daemon, command for
    command. What lies between client and machine is left out: sockets, TLS, admission, threads.

        rig = testing.Rig(tmp_path)
        rig.start()
        with rig.fleet() as fleet:
            key = fleet.generate_lms("release", **testing.QUICK)
    """

    def __init__(self, folder: Path) -> None:
        self.world = World.at(folder)
        self.rack = Rack(self.world)
        self.machines: dict[str, Machine] = {}

    def start(
        self,
        esn: str = ESN,
        store: str | Store = MEMORY.name,
        faults: "Injector | None" = None,
        **settings: Any,
    ) -> Machine:
        """Start a machine; `settings` are those of Machine.

        `store` is `memory`, `file`, `sqlite`, or an NVRAM that is open. In a durable one the
        machine finds what it had; else it forgets at its end. `faults` is an Injector: what it has
        happens to this machine, but not to an NVRAM that is given open. Raises StateError.
        """
        given: dict[str, Any] = {"model": "5c", "engine": engines.select(), "random": os.urandom}
        given |= settings
        parts = self._parts(esn, faults)
        if isinstance(store, str) and STORES[store].durable:
            given = {"checkpoints": parts.checkpoints()} | given
        nvram = parts.nvram(STORES[store]) if isinstance(store, str) else store
        made = Machine(esn=esn, store=nvram, slots=parts.slots(), faults=faults, **given)
        if faults is not None:
            faults.when("restart", lambda _fault: self._restart(made, store, faults, settings))
        self.machines[esn] = made
        return made

    def _parts(self, esn: str, faults: "Injector | None") -> Parts:
        if faults is None:
            return Parts(self.world, esn)
        from seemachine.testing.rigs.parts_with_faults import PartsWithFaults

        return PartsWithFaults(self.world, esn, faults)

    def _restart(
        self, machine: Machine, store: str | Store, faults: "Injector", settings: dict[str, Any]
    ) -> None:
        """Wires to it break."""
        from seemachine.mishaps import restarted

        kept = restarted(machine.store)
        if kept is None:
            self.stop(machine.esn)
        self.start(machine.esn, kept or store, faults, **settings)

    def stop(self, esn: str = ESN) -> None:
        """Stop a machine in order; who is connected notices."""
        self.machines.pop(esn).store.close()

    def connect(self, address: Address, context: object = None) -> MemoryWire:
        """The wire to the machine of an address. Raises ConnectionRefusedError."""
        del context
        machine = self.machines.get(address.esn)
        if machine is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return MemoryWire(machine, lambda: self.machines.get(address.esn) is machine)

    async def connect_async(self, address: Address, context: object = None) -> AsyncMemoryWire:
        """The same for the trio client."""
        return AsyncMemoryWire(self.connect(address, context))

    @property
    def environment(self) -> Environment:
        """Where clients find the machines that are up now, in the order of their start."""
        places = enumerate(self.machines, 1)
        return Environment(self.world, [Address("memory", 0, n, esn) for n, esn in places])

    def fleet(self, *, doubted: bool = False) -> AbstractContextManager[blocking.Fleet]:
        """The blocking client of the machines that are up."""
        return blocking.connected(self.environment, doubted=doubted, connect=self.connect)

    def trio_fleet(self) -> "AbstractAsyncContextManager[trio_fleet.Fleet]":
        """The trio client of the machines that are up."""
        from seeclient import trio_fleet

        return trio_fleet.connected(self.environment, connect=self.connect_async)

    def feed_blank(self, esn: str = ESN, slot: int = FIRST_DYNAMIC_SLOT) -> str:
        """Put a blank card into a slot in place of what is there, and return its name."""
        if Slots(self.world, esn).occupant(slot) is not None:
            self.rack.remove(esn, slot)
        blank = (self.rack.blanks() or self.rack.new())[0]
        self.rack.insert(blank, esn, slot)
        return blank

    def deal_cards(
        self, name: str, quorum: int = 1, cards: int = 1, passphrase: str = ""
    ) -> list[str]:
        """Make an operator card set for `token=`, and return the names of its cards on the rack."""
        passphrases = [passphrase.encode()] * cards
        made, _ = deal(self.world, (name, OPERATOR), name, quorum, passphrases)
        folder = self.world.keys
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / made.file_name).write_bytes(made.encoded())
        return card_names(name, cards)

    def move(self, card: str, esn: str = ESN, slot: int = FIRST_DYNAMIC_SLOT) -> None:
        """Take a card from wherever it is and put it into a slot in place of what is there."""
        for found in self.rack.listing():
            if found.esn and (found.card == card or (found.esn, found.slot) == (esn, slot)):
                self.rack.remove(found.esn, found.slot)
        self.rack.insert(card, esn, slot)
