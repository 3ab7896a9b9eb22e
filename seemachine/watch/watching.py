"""Machines that are asked again and again, each at its own pace: one that hangs holds up no other.

Nothing is asked that takes a leaf, or needs more than the role `use`.
"""

import trio
from seeclient import trio_wire
from seeclient.effects import Address, Peer, Story, ask
from seeclient.environment import Environment
from seeclient.greeting import HELLO
from seeclient.trio_runner import Runner
from seeclient.trio_wire import Connect

from seemachine.fleet import injecting
from seemachine.fleet.keys import files_of
from seemachine.fleet.suspects import suspects_of
from seemachine.frozen import replace
from seemachine.watch.looks import SILENT, STARTING, UP, FleetLook, MachineLook
from seemachine.watch.world import Around, WorldLook
from seemachine.wire.messages import ListSlots
from seemachine.wire.names import TAKES_FAULTS
from seemachine.wire.status import Status, StatusError

# One that has not answered by then is silent.
PATIENCE_SECONDS = 3.0
# Cards, quarantine and what hello says change seldom: they are asked for once in so many looks.
SELDOM = 5


class Watching:
    """The machines of an environment; `look` says at any time what is known of them."""

    def __init__(
        self, environment: Environment, every: float, connect: Connect = trio_wire.connect
    ) -> None:
        self._environment = environment
        self._every = every
        self._connect = connect
        self._around = Around(environment)
        self._world = WorldLook()
        self._places: dict[str, Address] = {}
        self._seen: dict[str, MachineLook] = {}
        self._tried: dict[str, trio.Event] = {}
        self._looked = trio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._look_around(nursery)
                await trio.sleep(self._every)

    async def once(self) -> None:
        """Until every machine has answered, or had its time."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.run)
            await self.settled()
            nursery.cancel_scope.cancel()

    async def settled(self) -> None:
        """When every machine that is to be found has answered, or had its time."""
        await self._looked.wait()
        with trio.move_on_after(2 * PATIENCE_SECONDS):
            for tried in list(self._tried.values()):
                await tried.wait()

    def look(self, at: float, time: float) -> FleetLook:
        """What is known by now."""
        found = {name: self._merged(name) for name in {*self._world.states, *self._names()}}
        return FleetLook(
            at,
            time,
            list(found.values()),
            self._world.aliases,
            self._world.leases,
            self._around.asked(),
            self._world.supervised,
            self._world.whole,
        )

    def _names(self) -> set[str]:
        return {seen.esn or name for name, seen in self._seen.items()}

    def _merged(self, esn: str) -> MachineLook:
        """What its files say of a machine, and what it says itself."""
        by_files = self._world.states.get(esn)
        seen = next((each for each in self._seen.values() if each.esn == esn), None)
        if by_files is None:
            assert seen is not None
            return seen
        if by_files.state != UP:
            return by_files
        if seen is None:
            return replace(by_files, state=STARTING)
        return replace(seen, module=by_files.module, model=by_files.model)

    async def _look_around(self, nursery: trio.Nursery) -> None:
        try:
            self._world, addresses = await trio.to_thread.run_sync(
                self._around.look, abandon_on_cancel=True
            )
            self._places = {each.esn or str(each): each for each in addresses}
        except StatusError:
            # What could be read once is being changed.
            if not self._looked.is_set():
                raise
        self._note_who_went()
        for name in self._places:
            if name not in self._tried:
                self._tried[name] = trio.Event()
                nursery.start_soon(self._follow, name)
        self._looked.set()

    def _note_who_went(self) -> None:
        """What a machine said before it went is not what it says when it is up again."""
        for name, seen in self._seen.items():
            now = self._world.states.get(seen.esn)
            if now is not None and now.state != UP:
                self._seen[name] = replace(seen, state=now.state, why=now.why)

    async def _follow(self, name: str) -> None:
        """Ask one machine for as long as it is to be found."""
        while name in self._places:
            await self._ask_on(name, self._places[name])
            self._tried[name].set()
            await trio.sleep(self._every)
        self._seen.pop(name, None)
        del self._tried[name]

    async def _ask_on(self, name: str, address: Address) -> None:
        """Over one connection, until it breaks or the machine is elsewhere."""
        given = replace(self._environment, fleet=[address])
        runner = Runner(given, doubted=True, connect=self._connect)
        try:
            with trio.move_on_after(PATIENCE_SECONDS):
                await runner.connect()
            [*peers] = runner.roster.peers
            if not peers:
                self._fail(name, address, [each.detail for each in runner.roster.failures])
                return
            number = 0
            while self._places.get(name) == address:
                if not await self._asked(name, runner, peers[0], seldom=number % SELDOM == 0):
                    return
                number += 1
                self._tried[name].set()
                await trio.sleep(self._every)
        finally:
            with trio.CancelScope(shield=True):
                await runner.close()

    async def _asked(self, name: str, runner: Runner, peer: Peer, *, seldom: bool) -> bool:
        before = self._seen.get(name)
        seldom = seldom or before is None or before.state != UP
        why = [f"no answer within {PATIENCE_SECONDS:.0f} s"]
        try:
            with trio.move_on_after(PATIENCE_SECONDS):
                found = await runner.run(_look_at(peer, before, seldom=seldom))
                self._seen[name] = found
                return True
        except StatusError as failure:
            why = [failure.detail]
        self._fail(name, peer.address, why)
        return False

    def _fail(self, name: str, address: Address, why: list[str]) -> None:
        before = self._seen.get(name) or MachineLook(
            address.esn or name, SILENT, module=address.module, address=str(address)
        )
        sentence = why[0] if why else f"no answer within {PATIENCE_SECONDS:.0f} s"
        self._seen[name] = replace(before, state=SILENT, why=sentence)


def _look_at(peer: Peer, before: MachineLook | None, *, seldom: bool) -> Story[MachineLook]:
    """One machine, now. What is asked for seldom is that of before. Raises StatusError."""
    files = yield from files_of(peer)
    if not seldom and before is not None and before.opening == peer.greeting.opening:
        return replace(before, files=tuple(files))
    greeting = yield from ask(peer, HELLO)
    listing = yield from ask(peer, ListSlots())
    suspects = yield from suspects_of(peer)
    found = MachineLook(
        greeting.esn,
        UP,
        greeting.model,
        peer.address.module,
        str(peer.address),
        opening=greeting.opening,
        seed=greeting.insecure,
        faults=greeting.faults if greeting.faults != TAKES_FAULTS else "",
        doubt=peer.doubt.detail if peer.doubt is not None else "",
        files=tuple(files),
        slots=tuple(listing.slots),
        suspects=tuple(suspects),
    )
    if found.wrong:
        return replace(found, injected=tuple((yield from _injected(peer))))
    return found


def _injected(peer: Peer) -> Story[list[str]]:
    """The faults that may still happen; none where only an admin is told."""
    try:
        _latency, found = yield from injecting.listing(peer)
    except StatusError as refused:
        if refused.status is not Status.AccessDenied:
            raise
        return []
    return [each.fault for each in found if not each.spent]
