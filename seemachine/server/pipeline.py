"""Signing for all sessions at once: requests that wait together share one commit and one call of
the engine.

A thread takes what waits, reserves the leaves (durable), signs, hands all replies to the loop in
one go, and takes what came meanwhile. Requests for many signatures have a second thread: one waits
for the disk while the other signs. For single ones it would only take Python's lock from the
sessions.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVarTuple, cast

import trio

from seemachine.commands import pages, refusal, signing
from seemachine.lms.lease import Lease
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads, Threads
from seemachine.process.turns import Turns
from seemachine.wire.messages import (
    NvmemfileSign,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
)
from seemachine.wire.status import StatusError

# Messages that are signed together, but for one request that has more.
MAX_BATCH = 256
STAGES = 2
# Messages of a request for which a second thread is worth its while.
MANY = 8

# Of each job of a batch, in its order: its leaves and what they are for, or the refusal; then the
# reply.
Begun = list[signing.Started | StatusError]
Finished = list[signing.Signed | StatusError]
Arguments = TypeVarTuple("Arguments")


@dataclass(eq=False, slots=True)
class Job:
    """One request on its way through. `result` is set before `done`."""

    request: signing.Asked
    client: str
    count: int
    done: trio.Event = field(default_factory=trio.Event)
    result: signing.Signed | StatusError = field(init=False)

    def finish(self, result: signing.Signed | StatusError) -> None:
        """Hand the reply or refusal to the session that waits."""
        self.result = result
        self.done.set()


class SigningPipeline:
    """Run `run` in a nursery; call `sign` from any session."""

    def __init__(
        self,
        machine: Machine,
        stages: Threads | LentThreads | None = None,
        pages: Threads | LentThreads | None = None,
    ) -> None:
        """Without threads of its process it has its own."""
        self._machine = machine
        self._stages = stages or Threads(STAGES, "signing")
        self._pages = pages or Threads(STAGES, "pages")
        self._turns = Turns(self._stages, _next_batch, self._answer)
        self._under_way: set[bytes] = set()
        self._ahead: trio.Nursery

    def start(self) -> None:
        """Take the threads that it needs for good. Raises RuntimeError without enough of them."""
        self._stages.start()
        self._pages.start()

    def close(self) -> None:
        """Give them back. Once more does no harm."""
        self._stages.close()
        self._pages.close()

    async def sign(self, request: NvmemfileSign, client: str = "") -> NvmemfileSigned | StatusError:
        """The reply or refusal. Cancelled while it waits, the request may still burn its leaf."""
        return cast(NvmemfileSigned | StatusError, await self._reply(Job(request, client, 1)))

    async def sign_many(
        self, request: NvmemfileSignMany, client: str = ""
    ) -> NvmemfileSignedMany | StatusError:
        """The same of many messages and leaves."""
        job = Job(request, client, signing.count_of(request))
        return cast(NvmemfileSignedMany | StatusError, await self._reply(job))

    async def _reply(self, job: Job) -> signing.Signed | StatusError:
        file = job.request.file
        try:
            if not pages.ready(self._machine, file, job.count):
                await self._hash(pages.prepare, self._machine, file, job.count)
            self._turns.add(job, STAGES if job.count >= MANY else 1)
        except Exception as error:  # noqa: BLE001
            return refusal(job.request, error)
        await job.done.wait()
        return job.result

    async def run(self) -> None:
        """Until cancelled. A bug of the pipeline itself ends it, so that nobody waits for ever."""
        try:
            async with trio.open_nursery() as nursery:
                self._ahead = nursery
                await self._turns.run()
        finally:
            self.close()

    def _answer(self, batch: list[Job]) -> None:
        """In a thread."""
        begun: Begun = []
        try:
            begun = self._reserve(batch)
            results = self._sign(batch, begun)
        # Whatever fails here fails for this batch alone; the next one is signed.
        except Exception as error:  # noqa: BLE001
            results = [refusal(job.request, error) for job in batch]
        self._turns.call_soon(_finish, batch, results)
        with contextlib.suppress(Exception):
            self._look_ahead(begun)

    def _look_ahead(self, begun: Begun) -> None:
        """Have the page after the current one hashed before a signature needs it."""
        for each in _latest(begun):
            leaf = self._machine.keys.next_page(each.lease, each.reserved.leaf)
            if leaf is not None:
                self._turns.call_soon(self._hash_ahead, each.lease, leaf)

    def _hash_ahead(self, lease: Lease, leaf: int) -> None:
        if lease.key.root not in self._under_way:
            with contextlib.suppress(MemoryError):
                self._ahead.start_soon(self._hash_page, lease, leaf)
                self._under_way.add(lease.key.root)

    async def _hash_page(self, lease: Lease, leaf: int) -> None:
        # The signature that needs this page will say what is wrong with it, or had better luck.
        with contextlib.suppress(Exception):
            await self._hash(self._machine.keys.page, lease, leaf)
        self._under_way.discard(lease.key.root)

    async def _hash(self, work: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        await self._pages.run(work, *arguments, abandon_on_cancel=True)

    def _reserve(self, batch: list[Job]) -> Begun:
        """Leaves or a StatusError for each job."""
        try:
            started = signing.start_signing(
                self._machine, [(job.request, job.client) for job in batch]
            )
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        return [
            refusal(job.request, each) if isinstance(each, StatusError) else each
            for job, each in zip(batch, started, strict=True)
        ]

    def _sign(self, batch: list[Job], begun: Begun) -> Finished:
        """A reply or a StatusError for each job."""
        taken = [each for each in begun if not isinstance(each, StatusError)]
        try:
            finished = iter(signing.finish_signing(self._machine, taken))
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        return [
            each if isinstance(each, StatusError) else _refused(job, next(finished))
            for job, each in zip(batch, begun, strict=True)
        ]


def _next_batch(waiting: deque[Job]) -> list[Job]:
    """As many requests as have no more messages than a batch, and one in any case."""
    sizes = itertools.accumulate(job.count for job in waiting)
    fitting = sum(1 for _ in itertools.takewhile(MAX_BATCH.__ge__, sizes))
    return [waiting.popleft() for _ in range(max(fitting, min(1, len(waiting))))]


def _latest(begun: Begun) -> Iterator[signing.Signing]:
    """The last signature with each key."""
    signings = (
        each.signings[-1] for each in begun if isinstance(each, signing.Started) and each.signings
    )
    yield from {each.lease.key.root: each for each in signings}.values()


def _finish(batch: Sequence[Job], results: Finished) -> None:
    for job, result in zip(batch, results, strict=True):
        job.finish(result)


def _refused(job: Job, result: signing.Signed | Exception) -> signing.Signed | StatusError:
    return refusal(job.request, result) if isinstance(result, Exception) else result
