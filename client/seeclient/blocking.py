"""The client without async: the same operations over plain sockets.

Imports no event loop, so that short commands start fast.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVarTuple

from seeclient import (
    blocking_wire,
    connecting,
    discovery,
    environment,
    operations,
)
from seeclient.algorithms.algorithm import Patience
from seeclient.algorithms.lms import generating, provisioning
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.blocking_connection import Connection
from seeclient.blocking_wire import Connect
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
from seemachine.wire.fields import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError
from seemachine.world import World

Arguments = TypeVarTuple("Arguments")


class Fleet:
    """The machines of a fleet; see `open_fleet`.

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
        for address in environment.addresses():
            try:
                self._join(address)
            except StatusError as failure:
                self.roster.failures.append(failure)

    def generate_lms(
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
        return Key(self, self.run(story))

    def resume_lms(
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
        return Key(self, self.run(story))

    def provision(self, esn: str, slot: int) -> provisioning.Provisioned:
        """Move a lease from a card into a machine. Raises StatusError."""
        return self.run(provisioning.provision(self.roster, esn, slot))

    def key(self, alias: str) -> "Key":
        """A key of this host. Raises StatusError."""
        return Key(self, self.roster.keys.load(alias))

    def close(self) -> None:
        """Hang up on all."""
        for connection in self._connections.values():
            connection.close()

    def run(self, story: Story[Result]) -> Result:
        """Drive an operation to its end."""
        player = Player(story)
        while player.effect is not None:
            with player.performing():
                player.done = self._perform(player.effect)
        return player.result

    def _perform(self, effect: Effect) -> object:
        if isinstance(effect, Ask):
            [reply] = self._ask_all([effect.peer], effect.request)
            if isinstance(reply, StatusError):
                raise reply
            return reply
        if isinstance(effect, AskAll):
            return self._ask_all(effect.peers, effect.request)
        if isinstance(effect, Work):
            return effect.call()
        assert isinstance(effect, Pause)
        time.sleep(effect.seconds)
        return None

    def _ask_all(
        self, peers: Sequence[Peer], request: Request[Record]
    ) -> list[Record | StatusError]:
        """All requests out before the first reply is waited for."""
        with contextlib.ExitStack() as locks:
            for peer in peers:
                locks.enter_context(self._connections[peer].lock)
            sent = [self._attempt(self._send, peer, request) for peer in peers]
            return [
                self._attempt(self._connections[peer].receive) if failed is None else failed
                for peer, failed in zip(peers, sent, strict=True)
            ]

    def _send(self, peer: Peer, request: Request[Record]) -> None:
        connection = self._connections[peer]
        if connection.stale and not request.BOUND:
            connection.close()
            connection.open(discovery.current_address(self.environment.addresses(), peer))
            peer.greeting = connection.greet()
            peer.doubt = connection.doubt
        connecting.refuse_doubted(peer, request)
        connection.send(request)

    @staticmethod
    def _attempt(
        call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result | StatusError:
        try:
            return call(*arguments)
        except StatusError as failure:
            return failure

    def _join(self, address: Address) -> None:
        connection = Connection(
            address,
            self._credentials,
            self.roster.sightings,
            doubted=self._doubted,
            connect=self._connect,
        )
        try:
            peer = Peer(address, connection.greet(), connection.doubt)
        except StatusError:
            connection.close()
            raise
        self.roster.peers.append(peer)
        self._connections[peer] = connection


class Key(operations.LocalKey):
    """A key of this host and the fleet that may hold its leaves."""

    def __init__(self, fleet: Fleet, file: KeyFile) -> None:
        super().__init__(file)
        self._fleet = fleet

    def sign(self, message: bytes | Path, *, acknowledge: str | None = None) -> bytes:
        """A plain LMS signature (RFC 8554 5.4) of bytes or of a file of any size. Takes one leaf.

        Raises StatusError; UseLimitExceeded: few signatures are left, and `acknowledge` must say
        why to make one. Else it must be None.
        """
        return self.sign_with(message, acknowledge=acknowledge).signature

    def sign_with(self, message: bytes | Path, *, acknowledge: str | None = None) -> Signed:
        """The same, with the machine, the leaf and what remains there."""
        story = operations.sign(self._fleet.roster, self.file, Message(message), acknowledge)
        return self._fleet.run(story)

    def warn_at(self, count: int) -> None:
        """From now on each of the last `count` signatures of each lease needs an acknowledgement.

        0: none does. Raises StatusError; UseLimitExceeded for fewer while one is needed now.
        """
        self.file = self._fleet.run(operations.warn_at(self._fleet.roster, self.file, count))

    def info(self) -> KeyInfo:
        """What the reachable machines hold of this key."""
        return self._fleet.run(operations.info(self._fleet.roster, self.file))


def fed(peer: Peer, waited: float) -> bool:
    """The patience of a program: wait half a minute for a card where an operator feeds them, not at
    all elsewhere.
    """
    return peer.greeting.operator == "auto" and waited < 30.0


@contextlib.contextmanager
def connected(
    told: Environment, *, doubted: bool = False, connect: Connect = blocking_wire.connect
) -> Iterator[Fleet]:
    """The same as `open_fleet`, for who knows the environment already."""
    opened = Fleet(told, doubted=doubted, connect=connect)
    try:
        yield opened
    finally:
        opened.close()


def open_fleet(
    fleet: str | Path | None = None,
    tls: Tls | None = None,
    *,
    world: World | Path | str | None = None,
    doubted: bool = False,
    connect: Connect = blocking_wire.connect,
) -> contextlib.AbstractContextManager[Fleet]:
    """Connect to every machine of a fleet; those that do not answer are in `roster.failures`.

    `fleet` is a text such as `host:port,host:port` or the path of a fleet file; without it
    $SEEMACHINE_FLEET is taken, else the published objects of the world. `world` is a world folder:
    machines, keys, certificates and memory are those of that world, whatever the environment says;
    the fleet file of a world names that world too. `tls` names the files of TLS; without it see
    the module tls. `doubted` is for those who look into alarms of this host's memory: machines
    that it doubts are in `roster.peers`, and answer what takes no leaf. `connect` gives the wire to
    a machine, such as one of seemachine.testing in place of a socket.
    """
    told = environment.chosen(os.environ, world, fleet, tls)
    return connected(told, doubted=doubted, connect=connect)
