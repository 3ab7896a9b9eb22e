"""One ESN: its NVRAM, slots, engine and source of chance.

No globals, so that many fit in one process.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seemachine.chance.chances import Chance, RealChance, SeededChance
from seemachine.keyring import KeyRing
from seemachine.lms.engines import Engine
from seemachine.lms.generation import Generation
from seemachine.lms.lease import Lease
from seemachine.state.cards.slots import Slots
from seemachine.state.half_made import Checkpoints, NoCheckpoints
from seemachine.state.nvram.store import Store
from seemachine.state.records import StoredLease
from seemachine.tokens import LoadedSet, Tokens
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.messages import ENVELOPE_BYTES, Limits
from seemachine.wire.names import MODELS, NO_ESN, is_esn

if TYPE_CHECKING:
    from seemachine.faults import Injector

DEFAULT_LIMITS = Limits(
    frame=MAX_FRAME, message=MAX_FRAME - ENVELOPE_BYTES, idle_seconds=300, request_seconds=120
)


class DecodedLeases:
    """What signing needs of a stored lease, for as long as anybody has that very one.

    By identity: to compare leases costs as much as to decode one.
    """

    def __init__(self) -> None:
        self._leases: dict[int, tuple[weakref.ref[StoredLease], Lease]] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, stored: StoredLease) -> Lease | None:
        """What was kept of it."""
        found = self._leases.get(id(stored))
        return found[1] if found is not None and found[0]() is stored else None

    def keep(self, stored: StoredLease, lease: Lease) -> None:
        """Keep it, until the stored one goes."""
        number, forget = id(stored), self._leases.pop
        self._leases[number] = weakref.ref(stored, lambda _: forget(number, None)), lease


@dataclass
class Machine:
    """An HSM with the SEE machine on it. Lives as long as its process."""

    esn: str
    model: str
    store: Store
    slots: Slots
    engine: Engine
    random: Callable[[int], bytes]
    limits: Limits = DEFAULT_LIMITS
    signer: bytes = b""
    # Keys that signed its SEE machine too, and whether that may make NVRAM files.
    extra_signers: frozenset[bytes] = frozenset()
    delegated: bool = True
    operator: str = "manual"
    # What keys are made of in a seeded world, in place of `random`.
    seeded: SeededChance | None = None
    # What it does wrong because it is told to; None where nothing can tell it.
    faults: "Injector | None" = None
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)
    keys: KeyRing = field(init=False)
    tokens: Tokens = field(init=False, repr=False)
    decoded: DecodedLeases = field(default_factory=DecodedLeases, repr=False)
    # Labelled keys that some connection is making now.
    making: "dict[str, PendingKey]" = field(default_factory=dict, repr=False)
    labels: threading.Lock = field(default_factory=threading.Lock, repr=False)
    # A card is read, checked against NVRAM, written, and its lease installed: one provision at a
    # time.
    provisioning: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if not is_esn(self.esn):
            raise ValueError(f"{self.esn} {NO_ESN}")
        if self.model not in MODELS:
            raise ValueError(f"{self.model} is not a model; one of {', '.join(MODELS)}")
        self.slots.make_place()
        self.keys = KeyRing(self.engine)
        self.tokens = Tokens(self.random)

    @property
    def chance(self) -> Chance:
        """Where its keys come from."""
        return self.seeded or RealChance(self.random)

    @property
    def seed(self) -> str:
        """Of a world whose keys anybody can make again; empty in a real one."""
        return self.seeded.seed if self.seeded is not None else ""

    def at(self, names: Sequence[str]) -> AbstractContextManager[None]:
        """While it carries out requests by these names, in this thread: see `Injector.during`."""
        return nullcontext() if self.faults is None else self.faults.during(names)

    def forget(self, pending: "PendingKey") -> None:
        """Nobody makes this key any more.

        Call with its lock held: nobody else takes it out between the two lines.
        """
        if self.making.get(pending.label) is pending:
            del self.making[pending.label]


@dataclass(eq=False)
class PendingKey:
    """A key in the making.

    `handle` is the claim of the connection that makes it; who resumes it gets another.

    `cache_sent` is how many cache nodes that connection has. Steps hold `lock`. A worker thread may
    be at a step when its connection is gone already: the key is then `orphaned`, and stays where a
    successor finds it until the step has ended. `left` is the claim that was given up: whoever
    resumes the key at the same moment has another one, and keeps it.

    Its leases get the threshold `warnat`.
    """

    generation: Generation
    handle: bytes
    label: str = ""
    cards_written: int = 0
    warnat: int = 0
    cache_sent: int = 0
    left: bytes | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def orphaned(self) -> bool:
        """Whether the connection that has the claim is gone."""
        return self.left == self.handle


@dataclass
class Session:
    """What one connection holds: half-made keys, a node cache on its way in, card sets that it
    loaded and shares of those that it loads. They die with it.

    `client` is who asks: the name in its certificate, else its address; at most 64 characters.
    """

    machine: Machine
    client: str = ""
    generations: dict[bytes, PendingKey] = field(default_factory=dict)
    loading: bytearray = field(default_factory=bytearray, repr=False)
    tokens: list[bytes] = field(default_factory=list, repr=False)
    # By the hash of the set and the number of the card.
    shares: dict[bytes, dict[int, bytes]] = field(default_factory=dict, repr=False)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def holding(self) -> bool:
        """Whether keys or work would be lost with the connection."""
        return bool(self.generations or self.loading or self.tokens or self.shares)

    def hold(self, cardset: bytes, secret: bytes) -> bytes:
        """Have the machine hold the secret of a card set, and return its handle."""
        handle = self.machine.tokens.add(LoadedSet(cardset, secret))
        self.tokens.append(handle)
        # A worker thread may come to this after the connection was closed.
        if self.stopped.is_set():
            self.machine.tokens.forget(handle)
        return handle

    def close(self) -> None:
        """Give up what is held."""
        self.stopped.set()
        for handle, pending in self.generations.items():
            if pending.handle == handle:
                self._leave(pending, handle)
        self.generations.clear()
        self.shares.clear()
        for handle in self.tokens:
            self.machine.tokens.forget(handle)

    def _leave(self, pending: PendingKey, handle: bytes) -> None:
        """What is on disk stays for who resumes it."""
        pending.left = handle
        # Held, a step is still under way: who ends it forgets the key (`commands.making.held`).
        if pending.lock.acquire(blocking=False):
            if pending.orphaned:
                self.machine.forget(pending)
            pending.lock.release()
