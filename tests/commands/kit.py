"""What the tests of this folder share: machines without an event loop, keys made through commands,
the verdict of pyhsslms.
"""

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pyhsslms
import pytest
from seeclient.signing import new_token

from seemachine import world as worlds
from seemachine.commands import answer
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Machine, Session
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.disk import durable
from seemachine.state.nvram.store import Store
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError

ESN, OTHER_ESN = "7852-268D-3BF9", "5F08-02E0-D947"
SLOT = 2
LEAVES = 32
MESSAGE = b"firmware 1.0"

# The cheapest set, for what does not depend on it; some of each hash, length and width, for what
# might.
CHEAP = ("sha256_m24_h5", "sha256_n24_w2")
SETS = (
    CHEAP,
    ("sha256_m32_h5", "sha256_n32_w4"),
    ("shake_m24_h5", "shake_n24_w4"),
    ("shake_m32_h5", "shake_n32_w2"),
)


def repeatable(label: str) -> Callable[[int], bytes]:
    """A source of random-looking bytes that is the same in every run and differs at every call."""
    calls = count()
    return lambda size: hashlib.shake_256(f"{label} {next(calls)}".encode()).digest(size)


class World:
    """Machines that share one rack of cards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rack = Rack(worlds.World.at(folder))

    def machine(self, esn: str = ESN, store: Store | None = None, **settings: Any) -> Machine:
        """A machine of this world, as after a start; its NVRAM is new and forgets, unless given."""
        settings = {"engine": PortableEngine(), "random": repeatable(esn), "model": "5c"} | settings
        return Machine(
            esn=esn,
            store=store or MemoryStore(),
            slots=Slots(worlds.World.at(self.folder), esn),
            **settings,
        )

    def feed_blank(self, esn: str = ESN, slot: int = SLOT) -> str:
        """Put a blank card into a slot in place of what is there, and return its name."""
        if Slots(worlds.World.at(self.folder), esn).occupant(slot) is not None:
            self.rack.remove(esn, slot)
        blank = (self.rack.blanks() or self.rack.new())[0]
        self.rack.insert(blank, esn, slot)
        return blank

    def move(self, card: str, esn: str, slot: int = SLOT) -> None:
        """Take a card from wherever it is and put it into a slot in place of what is there."""
        for found in self.rack.listing():
            if found.esn and (found.card == card or (found.esn, found.slot) == (esn, slot)):
                self.rack.remove(found.esn, found.slot)
        self.rack.insert(card, esn, slot)


def ask(session: Session, request: Any) -> Any:
    """The reply to a request. Fails on a refusal."""
    reply = answer(session, request)
    assert isinstance(reply, type(request).Reply), repr(reply)
    return reply


def refuse(session: Session, request: Any) -> StatusError:
    """The refusal of a request. Fails on a reply."""
    reply = answer(session, request)
    assert isinstance(reply, StatusError), reply
    return reply


def generate(
    names: tuple[str, str] = CHEAP, expcards: int = 0, explease: int = 0, **exponents: int
) -> m.GenerateLms:
    """The request for a key of these sets."""
    return m.GenerateLms(
        lms=lms(names[0]).typecode,
        lmots=lmots(names[1]).typecode,
        expcards=expcards,
        explease=explease,
        **exponents,
    )


@dataclass
class Key:
    """A key that was made: what its key file would hold, and the cards that have it."""

    public_key: bytes
    expcache: int
    cache: bytes
    handle: bytes
    cards: list[str] = field(default_factory=list)

    @property
    def file(self) -> bytes:
        """The name of its NVRAM file."""
        return nvram_name(self.public_key)

    def load(self, **changes: Any) -> m.LoadLms:
        """The request that loads its whole node cache."""
        return m.LoadLms(
            **{"file": self.file, "expcache": self.expcache, "offset": 0, "nodes": self.cache}
            | changes
        )


def hash_key(
    session: Session,
    names: tuple[str, str] = CHEAP,
    expcards: int = 0,
    explease: int = 0,
    **exponents: int,
) -> Key:
    """Make a key without its cards: a singular one is in NVRAM then, a sectorized one waits."""
    started = ask(session, generate(names, expcards, explease, **exponents))
    steps = [ask(session, m.ContinueLms(handle=started.handle)) for _ in range(started.remaining)]
    assert steps[-1].remaining == 0
    assert steps[-1].public_key is not None
    return Key(
        steps[-1].public_key,
        started.expcache,
        b"".join(step.cache for step in steps),
        started.handle,
    )


def make_key(
    world: World,
    session: Session,
    names: tuple[str, str] = CHEAP,
    expcards: int = 0,
    explease: int = 0,
    **exponents: int,
) -> Key:
    """Make a key and write its cards, which stay on the rack but for the last one."""
    key = hash_key(session, names, expcards, explease, **exponents)
    for _ in range(1 << expcards if expcards or explease else 0):
        key.cards.append(world.feed_blank(session.machine.esn))
        ask(session, m.ContinueLmsCard(handle=key.handle, slot=SLOT))
    return key


def sign(file: bytes, message: bytes = MESSAGE, token: bytes = b"") -> m.NvmemfileSign:
    """The request for a signature, under a new token unless one is given."""
    return m.NvmemfileSign(file=file, token=token or new_token(), message=message)


def verifies(public_key: bytes, signature: bytes, message: bytes = MESSAGE) -> bool:
    """The verdict of an independent implementation."""
    verdict: bool = pyhsslms.LmsPublicKey.deserialize(public_key).verify(message, signature)
    return verdict


def digest_for(public_key: bytes, reserved: m.NvmemfileReserved, message: bytes = MESSAGE) -> bytes:
    """Q as the client computes it from a reservation."""
    return message_digest(
        PublicKey.decode(public_key).ots,
        reserved.identifier,
        reserved.leaf,
        reserved.randomizer,
        message,
    )


def leaves_on(card: Any) -> list[tuple[bytes, int]]:
    """Every leaf that a card could still give away, with its key."""
    return [(lease.name, leaf) for lease in card.leases for leaf in range(lease.first, lease.end)]


# The steps of writing a file durably.
STEPS = ("open", "write", "fsync", "replace", "flush_folder")


def break_at(patch: pytest.MonkeyPatch, step: str, number: int = errno.ENOSPC) -> None:
    """Let one step of writing cards, or of a file store, fail."""

    def fail(*_arguments: Any, **_named: Any) -> None:
        raise OSError(number, os.strerror(number))

    if step == "replace":
        patch.setattr(Path, "replace", fail)
    elif step == "flush_folder":
        patch.setattr(durable, "flush_folder", fail)
    else:
        patch.setattr(durable, "os", BrokenOs(step, fail))


class BrokenOs:
    """The `os` of seemachine.state.disk.durable, with one function that fails."""

    def __init__(self, broken: str, fail: Callable[..., None]) -> None:
        self._broken, self._fail = broken, fail

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._broken else getattr(os, name)
