"""Pages of leaves are hashed before a signature needs them."""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import trio

from seemachine.commands.signatures import Signing
from seemachine.commands.signing import Started
from seemachine.lms.lease import Lease
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads, Threads
from seemachine.wire.status import StatusError


class LookAhead:
    """Of one machine. `call_soon` has the loop call a function; `threads` hash."""

    def __init__(
        self,
        machine: Machine,
        threads: Threads | LentThreads,
        call_soon: Callable[[Callable[[Lease, int], None], Lease, int], None],
    ) -> None:
        self._machine = machine
        self._threads = threads
        self._call_soon = call_soon
        self._under_way: set[bytes] = set()
        self._nursery: trio.Nursery

    def begin(self, nursery: trio.Nursery) -> None:
        """In which pages are waited for."""
        self._nursery = nursery

    def look(self, begun: Iterable[Started | StatusError]) -> None:
        """From any thread, with the signatures of a batch: the page after that of the last one with
        each key is hashed, unless it is there.
        """
        for each in _latest(begun):
            leaf = self._machine.keys.next_page(each.lease, each.reserved.leaf)
            if leaf is not None:
                self._call_soon(self._hash, each.lease, leaf)

    def _hash(self, lease: Lease, leaf: int) -> None:
        if lease.key.root not in self._under_way:
            with contextlib.suppress(MemoryError):
                self._nursery.start_soon(self._hash_page, lease, leaf)
                self._under_way.add(lease.key.root)

    async def _hash_page(self, lease: Lease, leaf: int) -> None:
        # The signature that needs this page will say what is wrong with it, or had better luck.
        with contextlib.suppress(Exception):
            page = self._machine.keys.page
            await self._threads.run(page, lease, leaf, abandon_on_cancel=True)
        self._under_way.discard(lease.key.root)


def _latest(begun: Iterable[Started | StatusError]) -> Iterator[Signing]:
    """The last signature with each key."""
    signings = (each.signings[-1] for each in begun if isinstance(each, Started) and each.signings)
    yield from {each.lease.key.root: each for each in signings}.values()
