"""The client for trio: the same operations, over trio streams."""

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import trio

from seeclient import (
    connecting,
    discovery,
    environment,
    operations,
    trio_wire,
)
from seeclient.algorithms.algorithm import Patience
from seeclient.algorithms.lms import generating, provisioning
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.blocking import fed
from seeclient.effects import (
    Address,
    Ask,
    AskAll,
    Effect,
    Pause,
    Peer,
    Result,
    Story,
    Work,
)
from seeclient.environment import Environment
from seeclient.events import Listener, ignore
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.player import Player
from seeclient.results import KeyInfo, Signed
from seeclient.tls import Tls
from seeclient.trio_connection import Connection, connect
from seeclient.trio_wire import Connect
from seemachine.wire.fields import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError
from seemachine.world import World


class Fleet:
    """The machines of a fleet; see `open_fleet`.

    Tasks may share it; on each machine their requests take turns.

    A connection that was lost while idle is opened anew.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        doubted: bool = False,
        connect: Connect = trio_wire.connect,
    ) -> None:
        self.environment = environment
        self._doubted = doubted
        self._through = connect
        self._credentials = environment.credentials()
        self.roster = environment.roster()
        self._connections: dict[Peer, Connection] = {}

    async def generate_lms(
        self,
        alias: str,
        lms: str,
        lmots: str,
        *,
        progress: Listener = ignore,
        patience: Patience | None = None,
        **options: Any,
    ) -> "Key":
        """Make a key (see Recipe for the options) and return it. Raises StatusError."""
        story = generating.generate(
            self.roster, Recipe(alias, lms, lmots, **options), progress, patience or fed
        )
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

    async def provision(self, esn: str, slot: int) -> provisioning.Provisioned:
        """Move a lease from a card into a machine. Raises StatusError."""
        return await self.run(provisioning.provision(self.roster, esn, slot))

    def key(self, alias: str) -> "Key":
        """A key of this host. Raises StatusError."""
        return Key(self, self.roster.keys.load(alias))

    async def close(self) -> None:
        """Hang up on all."""
        for connection in self._connections.values():
            await connection.close()

    async def run(self, story: Story[Result]) -> Result:
        """Drive an operation to its end."""
        player = Player(story)
        while player.effect is not None:
            with player.performing():
                player.done = await self._perform(player.effect)
        return player.result

    async def _perform(self, effect: Effect) -> object:
        if isinstance(effect, Ask):
            reply = await self._ask(effect.peer, effect.request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        if isinstance(effect, AskAll):
            return await self._ask_all(effect.peers, effect.request)
        if isinstance(effect, Work):
            return await trio.to_thread.run_sync(effect.call, abandon_on_cancel=True)
        assert isinstance(effect, Pause)
        await trio.sleep(effect.seconds)
        return None

    async def _ask(self, peer: Peer, request: Request[Record]) -> Record | StatusError:
        async with self._connections[peer].lock:
            connection = self._connections[peer]
            if connection.stale and not request.BOUND:
                address = discovery.current_address(self.environment.addresses(), peer)
                fresh = await self._open(address)
                fresh.lock = connection.lock
                await connection.close()
                connection = self._connections[peer] = fresh
                peer.greeting = await connection.greet()
                peer.doubt = connection.doubt
            connecting.refuse_doubted(peer, request)
            return await connection.ask(request)

    async def _ask_all(
        self, peers: Sequence[Peer], request: Request[Record]
    ) -> list[Record | StatusError]:
        replies: dict[int, Record | StatusError] = {}

        async def ask_one(index: int, peer: Peer) -> None:
            try:
                replies[index] = await self._ask(peer, request)
            except StatusError as failure:
                replies[index] = failure

        async with trio.open_nursery() as nursery:
            for index, peer in enumerate(peers):
                nursery.start_soon(ask_one, index, peer)
        return [replies[index] for index in range(len(peers))]

    async def connect(self) -> None:
        """Connect to all at once; who does not answer goes to `roster.failures`."""
        found = self.environment.addresses()
        outcomes: list[Peer | StatusError | None] = [None] * len(found)

        async def join(index: int, address: Address) -> None:
            try:
                outcomes[index] = await self._join(address)
            except StatusError as failure:
                outcomes[index] = failure

        async with trio.open_nursery() as nursery:
            for index, address in enumerate(found):
                nursery.start_soon(join, index, address)
        self.roster.peers.extend(outcome for outcome in outcomes if isinstance(outcome, Peer))
        self.roster.failures.extend(
            outcome for outcome in outcomes if isinstance(outcome, StatusError)
        )

    async def _open(self, address: Address) -> Connection:
        return await connect(
            address,
            self._credentials,
            self.roster.sightings,
            doubted=self._doubted,
            through=self._through,
        )

    async def _join(self, address: Address) -> Peer:
        connection = await self._open(address)
        try:
            peer = Peer(address, await connection.greet(), connection.doubt)
        except BaseException:
            await connection.close()
            raise
        self._connections[peer] = connection
        return peer


class Key(operations.LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, file: KeyFile) -> None:
        super().__init__(file)
        self._fleet = fleet

    async def sign(self, message: bytes | Path, *, acknowledge: str | None = None) -> bytes:
        """A plain LMS signature (RFC 8554 5.4) of bytes or of a file of any size. Takes one leaf.

        Raises StatusError; UseLimitExceeded: few signatures are left, and `acknowledge` must say
        why to make one. Else it must be None.
        """
        return (await self.sign_with(message, acknowledge=acknowledge)).signature

    async def sign_with(self, message: bytes | Path, *, acknowledge: str | None = None) -> Signed:
        """The same, with the machine, the leaf and what remains there."""
        story = operations.sign(self._fleet.roster, self.file, Message(message), acknowledge)
        return await self._fleet.run(story)

    async def warn_at(self, count: int) -> None:
        """From now on each of the last `count` signatures of each lease needs an acknowledgement.

        0: none does. Raises StatusError; UseLimitExceeded for fewer while one is needed now.
        """
        self.file = await self._fleet.run(operations.warn_at(self._fleet.roster, self.file, count))

    async def info(self) -> KeyInfo:
        """What the reachable machines hold of this key."""
        return await self._fleet.run(operations.info(self._fleet.roster, self.file))


@contextlib.asynccontextmanager
async def connected(
    told: Environment, *, doubted: bool = False, connect: Connect = trio_wire.connect
) -> AsyncIterator[Fleet]:
    """The same as `open_fleet`, for who knows the environment already."""
    opened = Fleet(told, doubted=doubted, connect=connect)
    try:
        await opened.connect()
        yield opened
    finally:
        with trio.CancelScope(shield=True):
            await opened.close()


def open_fleet(
    fleet: str | Path | None = None,
    tls: Tls | None = None,
    *,
    world: World | Path | str | None = None,
    doubted: bool = False,
    connect: Connect = trio_wire.connect,
) -> contextlib.AbstractAsyncContextManager[Fleet]:
    """Connect to every machine of a fleet, as `blocking.open_fleet` does."""
    told = environment.chosen(os.environ, world, fleet, tls)
    return connected(told, doubted=doubted, connect=connect)
