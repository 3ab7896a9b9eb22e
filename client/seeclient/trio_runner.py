"""Plays stories over trio streams; its twin without async is blocking_runner.py."""

from collections.abc import Sequence

import trio

from seeclient import connecting, trio_wire
from seeclient.effects import (
    Address,
    Ask,
    AskAll,
    AskEach,
    Effect,
    Pause,
    Peer,
    Result,
    Story,
    Work,
)
from seeclient.environment import Environment
from seeclient.lifetime import Lifetime, open_replies
from seeclient.player import Player
from seeclient.refusals import FleetClosed
from seeclient.trio_connection import Connection, connect
from seeclient.trio_wire import Connect
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError


class Runner:
    """Plays stories on the machines of a fleet.

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
        self.lifetime = Lifetime()

    async def close(self) -> None:
        """Hang up on all. Whatever is asked after that is refused, and takes no leaf."""
        if self.lifetime.end():
            for connection in self._connections.values():
                await connection.close()

    async def run(self, story: Story[Result]) -> Result:
        """Drive an operation to its end."""
        self.lifetime.check()
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
            return await self._ask_each([Ask(peer, effect.request) for peer in effect.peers])
        if isinstance(effect, AskEach):
            return await self._ask_each(effect.asks)
        if isinstance(effect, Work):
            return await self._work(effect)
        assert isinstance(effect, Pause)
        await self._pause(effect.seconds)
        return None

    async def _work(self, work: Work) -> object:
        return await trio.to_thread.run_sync(work.call, abandon_on_cancel=True)

    async def _pause(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def _ask(self, peer: Peer, request: Request[Record]) -> Record | StatusError:
        async with self._connections[peer].lock:
            # Again, for it may have been closed in the middle of a story: nothing is opened anew
            # then.
            self.lifetime.check()
            connection = self._connections[peer]
            if connection.stale and not request.BOUND:
                address = self.environment.current_address(peer)
                fresh = await self._open(address)
                fresh.lock = connection.lock
                await connection.close()
                connection = self._connections[peer] = fresh
                peer.greeting = await connection.greet()
                peer.doubt = connection.doubt
                await self._check_renewed(connection)
            connecting.refuse_doubted(peer, request)
            return await connection.ask(request)

    async def _check_renewed(self, connection: Connection) -> None:
        """Whether nobody closed the fleet while a connection was opened anew."""
        try:
            self.lifetime.check()
        except FleetClosed:
            await connection.close()
            raise

    async def _ask_each(self, asks: Sequence[Ask]) -> list[Record | StatusError]:
        replies: dict[int, Record | StatusError] = {}

        async def ask_one(index: int, ask: Ask) -> None:
            try:
                replies[index] = await self._ask(ask.peer, ask.request)
            except StatusError as failure:
                replies[index] = failure

        async with trio.open_nursery() as nursery:
            for index, ask in enumerate(asks):
                nursery.start_soon(ask_one, index, ask)
        return open_replies([replies[index] for index in range(len(asks))])

    async def connect(self) -> None:
        """Connect to all, several at one time; who does not answer goes to `roster.failures`."""
        found = self.environment.addresses()
        connecting.make_room(len(found))
        outcomes: list[Peer | StatusError | None] = [None] * len(found)
        turns = trio.CapacityLimiter(connecting.AT_ONCE)

        async def join(index: int, address: Address) -> None:
            try:
                async with turns:
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
        if not self.roster.peers:
            self.roster.absent.extend(self.environment.absent(found))

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
