"""A world whose network loses what it is told to lose, and a key with leaves on two machines."""

import errno
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Address
from seeclient.keys import KeyStore

from seemachine import testing
from seemachine.commands.leases import to_store
from seemachine.lms.generation import Generation
from seemachine.machine import Machine
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.testing import ESN, OTHER_ESN, MemoryWire, make_key

REQUEST, REPLY = "request", "reply"
# What happens to a request: it is lost, its reply is, or neither; None for the rest.
Fate = Callable[[str, bytes], str | None]


class LossyWire(MemoryWire):
    """Asks, before each request, what becomes of it, and says when it was done."""

    fate: Fate
    ends: Callable[[str], None]
    esn: str
    _lost = False

    def send(self, data: bytes, seconds: float) -> None:
        """See Wire."""
        fate = self.fate(self.esn, data)
        if fate != REQUEST:
            super().send(data, seconds)
        self._lost = fate is not None
        self.ends(self.esn)

    def receive(self, seconds: float) -> bytes:
        """See Wire."""
        if self._lost:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return super().receive(seconds)


class LossyRig(testing.Rig):
    """`losses` are taken one for each request to sign many. A machine that `dies_at` so many of
    these does that one, and is gone before it can reply.
    """

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.losses: list[str | None] = []
        self.dies_at: dict[str, int] = {}
        self.asked: list[str] = []
        self.dead: dict[str, Machine] = {}

    def connect(self, address: Address, context: object = None) -> MemoryWire:
        """See Rig."""
        plain = super().connect(address, context)
        wire = LossyWire(self.machines[address.esn], lambda: not plain.has_news)
        wire.fate, wire.ends, wire.esn = self._fate, self._ends, address.esn
        return wire

    def _ends(self, esn: str) -> None:
        if esn in self.machines and self.asked.count(esn) == self.dies_at.get(esn):
            del self.dies_at[esn]
            self.dead[esn] = self.machines.pop(esn)

    def revive(self, esn: str) -> None:
        """It is there again, as it was."""
        self.machines[esn] = self.dead.pop(esn)

    def _fate(self, esn: str, data: bytes) -> str | None:
        if b"nvmemfile_sign_many" not in data:
            return None
        self.asked.append(esn)
        return self.losses.pop(0) if self.losses else None

    def share(self, alias: str = "shared", **choice: Any) -> LmsKeyFile:
        """A key of two leases, one on each machine: of 512 leaves each, unless chosen otherwise."""
        self._shared = _made(**({"tree": "sha256_m24_h10", "ots": "sha256_n24_w2"} | choice))
        for esn in (ESN, OTHER_ESN):
            self.install(esn)
        key = LmsKeyFile(alias, self._shared.public_key.encode(), 0, 1, 0, b"")
        KeyStore(self.world.keys).save(key)
        return key

    def install(self, esn: str) -> None:
        """Put the lease of a machine into it, which has forgotten it."""
        lease = self._shared.lease((ESN, OTHER_ESN).index(esn))
        self.machines[esn].store.install(to_store(lease))

    def rows(self) -> list[LedgerRow]:
        """The rows of all ledgers."""
        ledgers = (machine.store.ledger(0, 1 << 20) for machine in self.machines.values())
        return [row for ledger in ledgers for _, row in ledger]


@lru_cache
def _made(**choice: Any) -> Generation:
    """One for all tests: each has a world of its own."""
    return make_key(explease=1, **choice)
