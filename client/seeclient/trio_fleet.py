"""The client for trio: the same operations over trio streams. Its twin is blocking.py."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import trio

from seeclient import environment, operations, trio_wire
from seeclient.algorithms.lms import generating, provisioning
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.environment import Environment
from seeclient.events import Listener, ignore
from seeclient.keyfile import KeyFile
from seeclient.local import LocalKey
from seeclient.message import Message
from seeclient.patience import Patience, fed
from seeclient.results import Destroyed, KeyInfo, MachineView, Signed
from seeclient.signing_options import SigningOptions, as_given
from seeclient.tls import Tls
from seeclient.trio_mldsa import MldsaFleet
from seeclient.trio_wire import Connect
from seeclient.wanted import Progress, unseen
from seemachine.world import World


class Fleet(MldsaFleet["Key"]):
    """The machines of a fleet; see `open_fleet`.

    Tasks may share it.
    """

    async def generate_lms(  # noqa: PLR0913
        self,
        alias: str,
        lms: str,
        lmots: str,
        *,
        expcards: int = 0,
        explease: int = 0,
        expchunk: int | None = None,
        expcache: int | None = None,
        esn: str = "",
        slot: int | None = None,
        replace: bool = False,
        warnat: int = 0,
        progress: Listener = ignore,
        patience: Patience | None = None,
    ) -> "Key":
        """Make a key and return it: 2^expcards cards with 2^explease leases each, or with both 0
        all leaves in one HSM. See Recipe. Raises StatusError.

        `progress` is called with each event of seeclient.events, `patience` says how long to wait
        for a blank card.
        """
        recipe = Recipe(
            alias,
            lms,
            lmots,
            expcards=expcards,
            explease=explease,
            expchunk=expchunk,
            expcache=expcache,
            esn=esn,
            slot=slot,
            replace=replace,
            warnat=warnat,
        )
        story = generating.generate(self.roster, recipe, progress, patience or fed)
        return Key(self, await self.run(story))

    async def resume_lms(
        self,
        alias: str,
        *,
        esn: str = "",
        slot: int | None = None,
        progress: Listener = ignore,
        patience: Patience | None = None,
    ) -> "Key":
        """Go on with a half-made key and return it.

        Raises StatusError (UnknownID) when no machine has one of that alias.
        """
        story = generating.resume(self.roster, alias, esn, slot, progress, patience or fed)
        return Key(self, await self.run(story))

    async def provision(
        self, esn: str, slot: int, *, patience: Patience | None = None
    ) -> provisioning.Provisioned:
        """Move a lease from a card into a machine; with patience, wait for a card that has one.

        Raises StatusError.
        """
        return await self.run(provisioning.provision(self.roster, esn, slot, patience))

    async def machines(self) -> list[MachineView]:
        """The HSMs that answer, with the cards in them. Raises StatusError."""
        return await self.run(operations.machines(self.roster))

    def _key(self, file: KeyFile) -> "Key":
        return Key(self, file)


class Key(LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, file: KeyFile) -> None:
        super().__init__(file)
        self._fleet = fleet

    @property
    def fleet(self) -> Fleet:
        """The fleet that gave it."""
        return self._fleet

    async def sign(
        self,
        message: bytes | Path,
        *,
        acknowledge: str | None = None,
        context: bytes = b"",
        deterministic: bool = False,
        passphrases: Sequence[str] = (),
    ) -> bytes:
        """A signature of bytes or of a file of any size: with an LMS key a plain one (RFC 8554
        5.4), which takes one leaf; with an ML-DSA key one of FIPS 204.

        `context`, of at most 255 bytes, and `deterministic` are for ML-DSA alone (FIPS 204 5.2), as
        are the `passphrases` of the cards that protect the key.
        Raises StatusError; UseLimitExceeded: few signatures are left, and `acknowledge` must say
        why to make one. Else it must be None.
        """
        options = as_given(acknowledge, context, deterministic, passphrases)
        return (await self._signed(message, options)).signature

    async def sign_with(
        self,
        message: bytes | Path,
        *,
        acknowledge: str | None = None,
        context: bytes = b"",
        deterministic: bool = False,
        passphrases: Sequence[str] = (),
    ) -> Signed:
        """The same, with the machine, the leaf and what remains there."""
        options = as_given(acknowledge, context, deterministic, passphrases)
        return await self._signed(message, options)

    async def sign_many(
        self,
        messages: Iterable[bytes | Path],
        *,
        acknowledge: str | None = None,
        context: bytes = b"",
        deterministic: bool = False,
        passphrases: Sequence[str] = (),
        progress: Progress = unseen,
    ) -> list[bytes]:
        """Signatures of several messages, in their order, each as of `sign`. All HSMs that hold
        leaves of the key make them together.

        `acknowledge` is for those leaves that need it. `progress` is called with the place and the
        Signed of each as they come. Raises PartlySigned, which has what was signed, where not all
        were, or `progress` raised; StatusError where none was.
        """
        options = as_given(acknowledge, context, deterministic, passphrases)
        wanted = list(map(Message, messages))
        story = operations.sign_many(self._fleet.roster, self.file, wanted, options, progress)
        return await self._fleet.run(story)

    async def _signed(self, message: bytes | Path, options: SigningOptions) -> Signed:
        story = operations.sign(self._fleet.roster, self.file, Message(message), options)
        return await self._fleet.run(story)

    async def warn_at(self, count: int) -> None:
        """From now on each of the last `count` signatures of each lease needs an acknowledgement.

        0: none does. Raises StatusError; UseLimitExceeded for fewer while one is needed now.
        """
        self.file = await self._fleet.run(operations.warn_at(self._fleet.roster, self.file, count))

    async def destroy(self) -> Destroyed:
        """Destroy it on all machines that can be reached, and then its file: for good.

        Cards stay, and can be provisioned again; the ledgers stay. Needs the role admin. While a
        machine refuses, the file stays too. Raises StatusError where no machine is reachable.
        """
        return await self._fleet.run(operations.destroy(self._fleet.roster, self.file))

    async def info(self) -> KeyInfo:
        """What the reachable machines hold of this key."""
        return await self._fleet.run(operations.info(self._fleet.roster, self.file))


@contextlib.asynccontextmanager
async def connected(
    given: Environment, *, doubted: bool = False, connect: Connect = trio_wire.connect
) -> AsyncIterator[Fleet]:
    """The same as `open_fleet`, for who knows the environment already."""
    fleet = Fleet(given, doubted=doubted, connect=connect)
    try:
        await fleet.connect()
        yield fleet
    finally:
        with trio.CancelScope(shield=True):
            await fleet.close()


def open_fleet(
    fleet: str | Path | None = None,
    tls: Tls | None = None,
    *,
    world: World | Path | str | None = None,
    doubted: bool = False,
    connect: Connect = trio_wire.connect,
) -> contextlib.AbstractAsyncContextManager[Fleet]:
    """Connect to every machine of a fleet, as `blocking.open_fleet` does."""
    given = environment.chosen(os.environ, world, fleet, tls)
    return connected(given, doubted=doubted, connect=connect)
