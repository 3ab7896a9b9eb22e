"""Who may have a connection, how fast it may ask, and who has to leave when the places run out.

All clients of one host may share its address with an attacker, so a newcomer is not refused while
somebody else has done less to deserve the place. First to leave is who had nothing done yet but
hello, listings and the like, the oldest first: an honest client asks within moments of its
connecting, and hostile ones push each other out. Then comes who kept the machine waiting for
`greeting_seconds`, the longest first, last of all those with half-made keys or node caches. Who
waits for something to be done is never sent away.
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Collection

import trio

from seemachine.config import LimitSettings
from seemachine.server.buckets import Bucket
from seemachine.server.peers import kind_of, peer_of
from seemachine.wire.record import Record
from seemachine.wire.requests import Effect, Request

# Of all connections of a peer. Each needs one hello, which does not count; some say it again to see
# whether anybody is there.
HELLOS_PER_SECOND = 50
# Of the long requests of a peer's connections that had nothing done yet, what comes after the first
# read. A thousand half-sent frames would cost the loop a second and memory a gigabyte at once.
STRANGE_BYTES_PER_SECOND = 16 << 20
# For who came in, and again for who was greeted, to ask for something before another may have the
# place. Where places are few, a crowd would push an honest client out before its first request.
CHANCE_SECONDS = 0.05
LOOKS = Effect.LOOKS
# Seconds' worth of the rates of a peer that it may spend at once.
BURST_SECONDS = 2
# Peers that are remembered after their last connection, so that closing it does not give back what
# was spent.
PEERS_REMEMBERED = 1024


class TurnedAway(Exception):
    """There is no place. The text says which limit was reached."""


class TooFast(Exception):
    """This peer connects more often than it may; it deserves no answer."""


class ClientAddress:
    """All connections from one address."""

    def __init__(self, limits: LimitSettings, now: float) -> None:
        self.seats: dict[Seat, None] = {}
        self.unproven: dict[Seat, None] = {}
        self.connections = _per_second(limits.peer_connections_per_second, now)
        self.hellos = _per_second(HELLOS_PER_SECOND, now)
        self.bytes = _per_second(STRANGE_BYTES_PER_SECOND, now)
        self.requests = _per_second(limits.peer_requests_per_second, now)


class Seat:
    """One connection's place.

    Run the connection in `scope`: its deadline is that of hello, and who is sent away is cancelled.
    """

    def __init__(
        self, admission: "Admission", peer: ClientAddress, greeting_seconds: float
    ) -> None:
        now = trio.current_time()
        self._admission = admission
        self._greeted = False
        self.peer = peer
        # Since when it could ask for something: when it came, then once more when it was greeted.
        self.could_ask = now
        self._answered = False
        self.scope = trio.CancelScope(deadline=now + greeting_seconds)
        self.shed = False
        self.holding = False
        # Since when we wait for the peer, to ask or to take its reply; None while it waits for us.
        self.waiting_since: float | None = now
        self._work = Work(self)

    @property
    def proven(self) -> bool:
        """Whether something was done for it."""
        return self not in self.peer.unproven

    async def wait_turn(self, *, hello: bool, count: int = 1) -> None:
        """Call with a request that has arrived, and as how many it counts; returns when it may be
        answered.
        """
        now = trio.current_time()
        delay = self.peer.requests.reserve(now, count)
        if not self._greeted:
            self.scope.deadline = math.inf
            self._greeted = True
        elif hello:
            delay = max(delay, self.peer.hellos.reserve(now))
        if delay > 0:
            await trio.sleep(delay)

    async def wait_for_more(self, count: int) -> None:
        """Call with the size of another part of a long request that has arrived; returns when the
        next one may be read.
        """
        if not self.proven:
            delay = self.peer.bytes.reserve(trio.current_time(), count)
            if delay > 0:
                await trio.sleep(delay)

    def at_work(self, request: Request[Record]) -> "Work":
        """While the machine does what was asked, the peer does not lose its place.

        To look something up protects nobody.
        """
        if request.EFFECT is not LOOKS:
            self.waiting_since = None
        return self._work

    def judge(self, request: Request[Record], *, done: bool, holding: bool) -> None:
        """After an answer: whether the request was done, and whether keys or work would be lost
        with the connection.
        """
        self.holding = holding
        if not self._answered:
            self._answered, self.could_ask = True, trio.current_time()
        if done and request.EFFECT is not LOOKS:
            self._admission.prove(self)

    def leave(self) -> None:
        """Give the place back. Once more does no harm."""
        self._admission.leave(self)


class Work:
    """What a machine does for a seat; at its end the machine waits for the peer again."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def __enter__(self) -> None:
        """It has begun."""

    def __exit__(self, *_: object) -> None:
        self._seat.waiting_since = trio.current_time()


class Admission:
    """The places of one machine."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._seats: dict[Seat, None] = {}
        # By age. Kept apart so that a flood of newcomers costs no search.
        self._unproven: dict[Seat, None] = {}
        self._peers: OrderedDict[str, ClientAddress] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seats)

    def admit(self, host: str) -> Seat:
        """A place for a new connection from `host`, as in Origin. Raises TurnedAway or TooFast."""
        limits, peer = self._limits, self._peer(peer_of(host))
        if not peer.connections.take(trio.current_time()):
            raise TooFast
        if len(peer.seats) >= limits.peer_connections and not self._shed(peer.unproven, peer.seats):
            raise TurnedAway(
                f"this machine serves {limits.peer_connections} connections of one {kind_of(host)}"
                " at most"
            )
        if len(self) >= limits.connections and not self._shed(self._unproven, self._seats):
            raise TurnedAway(f"this machine serves {limits.connections} connections at most")
        seat = Seat(self, peer, limits.greeting_seconds)
        for places in (self._seats, self._unproven, peer.seats, peer.unproven):
            places[seat] = None
        return seat

    def prove(self, seat: Seat) -> None:
        """This one is a client."""
        self._unproven.pop(seat, None)
        seat.peer.unproven.pop(seat, None)

    def leave(self, seat: Seat) -> None:
        """Give a place back."""
        self.prove(seat)
        self._seats.pop(seat, None)
        seat.peer.seats.pop(seat, None)

    def _shed(self, unproven: Collection[Seat], seats: Collection[Seat]) -> bool:
        """Send one away; False when all deserve their places."""
        seat = next(
            (seat for seat in unproven if seat.waiting_since is not None), None
        ) or self._slowest(seats)
        if seat is None:
            return False
        self._send_away(seat)
        return True

    def room(self, most: int) -> int:
        """How many may come in now, `most` at most; others wait at the door.

        There are free places, and those of who had time enough to ask for something. Where all are
        clients one may come, to be told so.
        """
        free = max(0, self._limits.connections - len(self))
        oldest = itertools.islice(self._unproven, most)
        waiting = [seat.could_ask for seat in oldest if seat.waiting_since is not None]
        if not free and not waiting:
            return min(most, 1)
        latest = trio.current_time() - CHANCE_SECONDS
        return min(most, free + sum(since <= latest for since in waiting))

    def relieve(self) -> None:
        """Send away half of those for whom nothing was done: what they hold is needed now."""
        waiting = [seat for seat in self._unproven if seat.waiting_since is not None]
        for seat in waiting[: -(-len(waiting) // 2)]:
            self._send_away(seat)

    def _send_away(self, seat: Seat) -> None:
        seat.shed = True
        seat.scope.cancel()
        # At once, and not when its task gets to it: the place is needed now.
        self.leave(seat)

    def _slowest(self, seats: Collection[Seat]) -> Seat | None:
        latest = trio.current_time() - self._limits.greeting_seconds
        waiting = [
            (seat.holding, since, seat)
            for seat in seats
            if (since := seat.waiting_since) is not None and since <= latest
        ]
        return min(waiting, key=lambda entry: entry[:2])[2] if waiting else None

    def _peer(self, name: str) -> ClientAddress:
        if name not in self._peers:
            self._forget()
            self._peers[name] = ClientAddress(self._limits, trio.current_time())
        self._peers.move_to_end(name)
        return self._peers[name]

    def _forget(self) -> None:
        if len(self._peers) >= PEERS_REMEMBERED:
            gone = next((name for name, peer in self._peers.items() if not peer.seats), None)
            if gone is not None:
                del self._peers[gone]


def _per_second(rate: int, now: float) -> Bucket:
    return Bucket(rate, BURST_SECONDS * rate, now)
