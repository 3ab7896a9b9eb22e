"""The client for asyncio: the blocking one, each call in a thread.

A call that is cancelled goes on in its thread to its end, and may take a leaf.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from seeclient import blocking, blocking_wire, environment
from seeclient.aio_mldsa import MldsaFleet
from seeclient.aio_threads import in_loop, open_blocking
from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.blocking_wire import Connect
from seeclient.effects import Roster
from seeclient.environment import Environment
from seeclient.events import Listener, ignore
from seeclient.keyfile import KeyFile
from seeclient.local import LocalKey
from seeclient.patience import Patience
from seeclient.results import Destroyed, KeyInfo, MachineView, Signed
from seeclient.tls import Tls
from seeclient.wanted import Progress, unseen
from seemachine.world import World


class Fleet(MldsaFleet["Key"]):
    """The machines of a fleet; see `open_fleet`.

    Tasks may share it; on each machine their requests take turns.
    """

    def __init__(self, fleet: blocking.Fleet) -> None:
        self._blocking = fleet
        self.lifetime = fleet.lifetime
        self.roster: Roster = fleet.roster

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
        """Make a key and return it, as `blocking.Fleet.generate_lms` does. Raises StatusError.

        `progress` is called in the event loop, `patience` in a thread.
        """
        made = await asyncio.to_thread(
            self._blocking.generate_lms,
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
            progress=in_loop(progress),
            patience=patience,
        )
        return self._key(made.file)

    async def resume_lms(
        self,
        alias: str,
        *,
        esn: str = "",
        slot: int | None = None,
        progress: Listener = ignore,
        patience: Patience | None = None,
    ) -> "Key":
        """Go on with a half-made key and return it, as `blocking.Fleet.resume_lms` does."""
        made = await asyncio.to_thread(
            self._blocking.resume_lms,
            alias,
            esn=esn,
            slot=slot,
            progress=in_loop(progress),
            patience=patience,
        )
        return self._key(made.file)

    async def provision(
        self, esn: str, slot: int, *, patience: Patience | None = None
    ) -> Provisioned:
        """Move a lease from a card into a machine, as `blocking.Fleet.provision` does."""
        return await asyncio.to_thread(self._blocking.provision, esn, slot, patience=patience)

    async def machines(self) -> list[MachineView]:
        """The HSMs that answer, with the cards in them. Raises StatusError."""
        return await asyncio.to_thread(self._blocking.machines)

    async def close(self) -> None:
        """Hang up on all. Whatever is asked after that is refused, and takes no leaf."""
        await asyncio.to_thread(self._blocking.close)

    def _key(self, file: KeyFile) -> "Key":
        return Key(self, blocking.Key(self._blocking, file))


class Key(LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, key: blocking.Key) -> None:
        super().__init__(key.file)
        self._fleet = fleet
        self._blocking = key

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
        """As `blocking.Key.sign` does; of LMS it takes one leaf. Raises StatusError."""
        made = await self.sign_with(
            message,
            acknowledge=acknowledge,
            context=context,
            deterministic=deterministic,
            passphrases=passphrases,
        )
        return made.signature

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
        return await asyncio.to_thread(
            self._blocking.sign_with,
            message,
            acknowledge=acknowledge,
            context=context,
            deterministic=deterministic,
            passphrases=passphrases,
        )

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
        """As `blocking.Key.sign_many` does. Raises PartlySigned, StatusError.

        `progress` is called in the event loop, which reports what it raises; signing goes on.
        """
        return await asyncio.to_thread(
            self._blocking.sign_many,
            list(messages),
            acknowledge=acknowledge,
            context=context,
            deterministic=deterministic,
            passphrases=passphrases,
            progress=in_loop(progress),
        )

    async def warn_at(self, count: int) -> None:
        """As `blocking.Key.warn_at` does. Raises StatusError."""
        await asyncio.to_thread(self._blocking.warn_at, count)
        self.file = self._blocking.file

    async def destroy(self) -> Destroyed:
        """As `blocking.Key.destroy` does: for good. Raises StatusError."""
        return await asyncio.to_thread(self._blocking.destroy)

    async def info(self) -> KeyInfo:
        """What the reachable machines hold of this key."""
        return await asyncio.to_thread(self._blocking.info)


@contextlib.asynccontextmanager
async def connected(
    given: Environment, *, doubted: bool = False, connect: Connect = blocking_wire.connect
) -> AsyncIterator[Fleet]:
    """The same as `open_fleet`, for who knows the environment already."""
    fleet = Fleet(await open_blocking(given, doubted=doubted, connect=connect))
    try:
        yield fleet
    finally:
        await asyncio.shield(fleet.close())


def open_fleet(
    fleet: str | Path | None = None,
    tls: Tls | None = None,
    *,
    world: World | Path | str | None = None,
    doubted: bool = False,
    connect: Connect = blocking_wire.connect,
) -> contextlib.AbstractAsyncContextManager[Fleet]:
    """Connect to every machine of a fleet, as `blocking.open_fleet` does."""
    given = environment.chosen(os.environ, world, fleet, tls)
    return connected(given, doubted=doubted, connect=connect)
