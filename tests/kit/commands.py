"""Commands asked of a machine without an event loop, and keys made through them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.signatures import MESSAGE
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Machine, Session
from seemachine.testing import ESN, Rig, repeatable
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import StatusError

SLOT = 2
LEAVES = 32
# The cheapest set, for what does not depend on it; some of each hash, length and width, for what
# might.
CHEAP = ("sha256_m24_h5", "sha256_n24_w2")
SETS = (
    CHEAP,
    ("sha256_m32_h5", "sha256_n32_w4"),
    ("shake_m24_h5", "shake_n24_w4"),
    ("shake_m32_h5", "shake_n32_w2"),
)


class RepeatableRig(Rig):
    """Machines that share one rack of cards, each with random bytes that come again in each run."""

    @property
    def folder(self) -> Path:
        """The folder of all of them."""
        return self.world.folder

    def machine(self, esn: str = ESN, **settings: Any) -> Machine:
        """A machine as after a start; its NVRAM is new and forgets, unless one is given."""
        return self.start(esn, **{"engine": PortableEngine(), "random": repeatable(esn)} | settings)


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


def make_key_on_cards(
    world: RepeatableRig,
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
