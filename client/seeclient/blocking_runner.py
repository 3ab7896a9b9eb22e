"""Plays stories over plain sockets; its twin for trio is trio_runner.py."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TypeVarTuple

from seeclient import blocking_wire, connecting
from seeclient.blocking_connection import Connection
from seeclient.blocking_wire import Connect
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
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError

Arguments = TypeVarTuple("Arguments")


class Runner:
    """Plays stories on the machines of a fleet.

    Threads may share it; on each machine their requests take turns.

    A connection that was lost while idle is opened anew.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        doubted: bool = False,
        connect: Connect = blocking_wire.connect,
    ) -> None:
        self.environment = environment
        self._doubted = doubted
        self._connect = connect
        self._credentials = environment.credentials()
        self.roster = environment.roster()
        self._connections: dict[Peer, Connection] = {}
        self.lifetime = Lifetime()
        found = environment.addresses()
        connecting.make_room(len(found))
        for outcome in connecting.at_once(
            lambda address: self._attempt(self._joined, address), found
        ):
            if isinstance(outcome, StatusError):
                self.roster.failures.append(outcome)
            else:
                peer, self._connections[peer] = outcome
                self.roster.peers.append(peer)
        if not self.roster.peers:
            self.roster.absent.extend(environment.absent(found))

    def close(self) -> None:
        """Hang up on all. Whatever is asked after that is refused, and takes no leaf."""
        if self.lifetime.end():
            for connection in self._connections.values():
                connection.close()

    def run(self, story: Story[Result]) -> Result:
        """Drive an operation to its end."""
        self.lifetime.check()
        player = Player(story)
        while player.effect is not None:
            with player.performing():
                player.done = self._perform(player.effect)
        return player.result

    def _perform(self, effect: Effect) -> object:
        if isinstance(effect, Ask):
            reply = self._ask(effect.peer, effect.request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        if isinstance(effect, AskAll):
            return self._ask_each([Ask(peer, effect.request) for peer in effect.peers])
        if isinstance(effect, AskEach):
            return self._ask_each(effect.asks)
        if isinstance(effect, Work):
            return effect.call()
        assert isinstance(effect, Pause)
        self._pause(effect.seconds)
        return None

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _ask(self, peer: Peer, request: Request[Record]) -> Record | StatusError:
        connection = self._connections[peer]
        with connection.lock:
            self._send(peer, request)
            return connection.receive()

    def _ask_each(self, asks: Sequence[Ask]) -> list[Record | StatusError]:
        """All requests out before the first reply is waited for."""
        asked = {ask.peer for ask in asks}
        with contextlib.ExitStack() as locks:
            # In one order for all threads, so that no two wait for each other.
            for peer, connection in self._connections.items():
                if peer in asked:
                    locks.enter_context(connection.lock)
            sent = [self._attempt(self._send, ask.peer, ask.request) for ask in asks]
            replies = [
                self._attempt(self._connections[ask.peer].receive) if failed is None else failed
                for ask, failed in zip(asks, sent, strict=True)
            ]
        return open_replies(replies)

    def _send(self, peer: Peer, request: Request[Record]) -> None:
        # Again, for it may have been closed in the middle of a story: nothing is opened anew then.
        self.lifetime.check()
        connection = self._connections[peer]
        if connection.stale and not request.BOUND:
            connection.close()
            connection.open(self.environment.current_address(peer))
            peer.greeting = connection.greet()
            peer.doubt = connection.doubt
            self._check_renewed(connection)
        connecting.refuse_doubted(peer, request)
        connection.send(request)

    def _check_renewed(self, connection: Connection) -> None:
        """Whether nobody closed the fleet while a connection was opened anew."""
        try:
            self.lifetime.check()
        except FleetClosed:
            connection.close()
            raise

    @staticmethod
    def _attempt(
        call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result | StatusError:
        try:
            return call(*arguments)
        except StatusError as failure:
            return failure

    def _joined(self, address: Address) -> tuple[Peer, Connection]:
        connection = Connection(
            address,
            self._credentials,
            self.roster.sightings,
            doubted=self._doubted,
            connect=self._connect,
        )
        try:
            return Peer(address, connection.greet(), connection.doubt), connection
        except BaseException:
            connection.close()
            raise
