"""Machines that faults are injected into, opened as by the daemon, and asked without it."""

import itertools
from functools import partial
from pathlib import Path
from typing import Any

from kit.commands import ask
from kit.leases import order
from kit.logs import Events
from kit.signatures import MESSAGE
from kit.verdicts import leaf_of
from kit.whens import Ticks
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.commands.leases import to_store
from seemachine.config import Config
from seemachine.faults import Injector
from seemachine.lms.generation import Generation
from seemachine.machine import Session
from seemachine.server import assembly
from seemachine.server.assembly import Opened
from seemachine.state.cards.rack import Rack
from seemachine.state.disk.lock import FolderLock
from seemachine.testing import ESN, make_key
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError
from seemachine.world import World

SLOT = 2
CHEAP = {"tree": "sha256_m24_h5", "ots": "sha256_n24_w2"}


class Bench:
    """A machine, its injector, its rack of cards, and all leaves that it ever gave away."""

    def __init__(self, home: Path, store: str = "sqlite", *faults: str, **settings: Any) -> None:
        given = {"runtime_witness": "off", "store": store, **settings}
        self.config = Config(esn=ESN, world=World.at(home), port=0, **given)
        self.faults, self.log = Injector(clock=Ticks()), Events()
        for fault in faults:
            self.faults.add(fault)
        lock = FolderLock(self.config.folder, ESN)
        again = partial(assembly._machine, self.config, {}, self.log, self.faults)
        self.held = Opened(self.config, again(None), lock, self.log, again)
        self.rack = Rack(self.config.world)
        self.signed: list[tuple[bytes, int, bytes]] = []
        # What came out under each token, whoever asked.
        self._of_token: dict[bytes, set[bytes]] = {}
        self._numbers = itertools.count()

    def close(self) -> None:
        """In order."""
        self.held.close()
        self.held.lock.release()

    def session(self) -> Session:
        """A connection."""
        return Session(self.held.machine, "test")

    def ask(self, request: Any) -> Any:
        """The reply, on a connection of its own."""
        return ask(self.session(), request)

    def refused(self, request: Any) -> str:
        """Status and words of the refusal."""
        reply = answer(self.session(), request)
        assert isinstance(reply, StatusError), reply
        return f"{reply.status.name}: {reply.detail}"

    def singular(self) -> bytes:
        """The NVRAM file of a new key."""
        made = make_key(**CHEAP)
        self.held.machine.store.install(to_store(made.lease(0)))
        return made.public_key.file_name

    def card(self, leases: int = 4, slot: int = SLOT) -> Generation:
        """A new key, all its leases on one card in a slot."""
        made = make_key(**CHEAP, explease=leases.bit_length() - 1)
        self.blank(slot)
        given = tuple(to_store(made.lease(number)) for number in range(leases))
        self.held.machine.slots.write_leases(slot, given)
        return made

    def blank(self, slot: int = SLOT) -> str:
        """A blank card in a slot, in place of what is there."""
        if self.held.machine.slots.occupant(slot) is not None:
            self.rack.remove(ESN, slot)
        [name] = self.rack.new()
        self.rack.insert(name, ESN, slot)
        return name

    def sign(self, file: bytes, token: bytes | None = None, message: bytes = b"") -> int | str:
        """The leaf that signed a message, new unless given, or why it was not signed."""
        message = message or b"%s %d" % (MESSAGE, next(self._numbers))
        request = m.NvmemfileSign(file=file, token=token or new_token(), message=message)
        reply = answer(self.session(), request)
        if isinstance(reply, StatusError):
            return f"{reply.status.name}: {reply.detail}"
        return self.came_out(request, reply.signature)

    def came_out(self, request: m.NvmemfileSign, signature: bytes) -> int:
        """Keep what somebody was given for a request, and return its leaf."""
        leaf = leaf_of(signature)
        self.signed.append((request.file, leaf, request.message))
        self._of_token.setdefault(request.token, set()).add(signature)
        return leaf

    def provision(self, slot: int = SLOT) -> m.LmsProvisioned | str:
        """The next lease of the card in a slot, or why it did not come."""
        reply = answer(self.session(), m.ProvisionLms(slot=slot))
        return f"{reply.status.name}: {reply.detail}" if isinstance(reply, StatusError) else reply

    def check(self) -> None:
        """Of all that came out no leaf signed two messages, the ledger has each of them, and who
        asked again under a token got the same signature.
        """
        of_leaf: dict[tuple[bytes, int], set[bytes]] = {}
        for file, leaf, message in self.signed:
            of_leaf.setdefault((file, leaf), set()).add(message)
        assert all(len(messages) == 1 for messages in of_leaf.values())
        assert all(len(signatures) == 1 for signatures in self._of_token.values())
        rows = {(row.name, row.leaf) for _, row in self.held.machine.store.ledger(0, 1 << 20)}
        assert of_leaf.keys() <= rows


__all__ = ["CHEAP", "SLOT", "Bench", "nvram_name", "order"]
