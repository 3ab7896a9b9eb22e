"""Signing for all sessions at once: requests that wait together share one flush and one call of the
engine.

Two stages, each one worker-thread call for a whole batch: reserve (durable), then sign. While one
batch is signed the next is being flushed.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVarTuple, cast

import trio

from seemachine.commands import pages, refusal, signing
from seemachine.lms.lease import Lease
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads, Threads
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

# Of each job of a batch, in its order: its leaves and what they are for, or the refusal; then the
# reply.
Begun = list[signing.Started | StatusError]
Finished = list[signing.Signed | StatusError]
Arguments = TypeVarTuple("Arguments")


@dataclass(eq=False)
class Job:
    """One request on its way through. `result` is set before `done`."""

    request: signing.Asked
    client: str
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
        self._waiting: list[Job] = []
        self._arrived = trio.Event()
        self._stages = stages or Threads(STAGES, "signing")
        self._pages = pages or Threads(STAGES, "pages")
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
        return cast(NvmemfileSigned | StatusError, await self._answer(request, client))

    async def sign_many(
        self, request: NvmemfileSignMany, client: str = ""
    ) -> NvmemfileSignedMany | StatusError:
        """The same of many messages and leaves."""
        return cast(NvmemfileSignedMany | StatusError, await self._answer(request, client))

    async def _answer(self, request: signing.Asked, client: str) -> signing.Signed | StatusError:
        wanted = request.file, signing.count_of(request)
        try:
            if not pages.ready(self._machine, *wanted):
                await self._hash(pages.prepare, self._machine, *wanted)
        except Exception as error:  # noqa: BLE001
            return refusal(request, error)
        job = Job(request, client)
        self._waiting.append(job)
        self._arrived.set()
        await job.done.wait()
        return job.result

    async def run(self) -> None:
        """Both stages, until cancelled."""
        send, receive = trio.open_memory_channel[tuple[list[Job], Begun]](1)
        try:
            async with trio.open_nursery() as nursery:
                self._ahead = nursery
                nursery.start_soon(self._sign_batches, receive)
                await self._reserve_batches(send)
        finally:
            self.close()

    async def _reserve_batches(
        self, reserved: trio.MemorySendChannel[tuple[list[Job], Begun]]
    ) -> None:
        while True:
            batch = await self._next_batch()
            with _refusing(batch):
                if len(batch) == 1:
                    # Alone, a request gains nothing from the second stage but a thread switch.
                    started, results = await self._stages.run(self._both, batch)
                    batch[0].finish(results[0])
                    self._look_ahead(started)
                else:
                    await reserved.send((batch, await self._stages.run(self._reserve, batch)))

    async def _sign_batches(
        self, reserved: trio.MemoryReceiveChannel[tuple[list[Job], Begun]]
    ) -> None:
        async for batch, started in reserved:
            with _refusing(batch):
                results = await self._stages.run(self._sign, batch, started)
                for job, result in zip(batch, results, strict=True):
                    job.finish(result)
                self._look_ahead(started)

    def _look_ahead(self, started: Begun) -> None:
        """Have the page after the current one hashed before a signature needs it."""
        latest = {
            each.lease.key.root: each
            for some in started
            if not isinstance(some, StatusError)
            for each in some.signings
        }
        for root, each in latest.items():
            leaf = self._machine.keys.next_page(each.lease, each.reserved.leaf)
            if leaf is not None and root not in self._under_way:
                self._under_way.add(root)
                self._ahead.start_soon(self._hash_page, each.lease, leaf)

    async def _hash_page(self, lease: Lease, leaf: int) -> None:
        # The signature that needs this page will say what is wrong with it, or had better luck.
        with contextlib.suppress(Exception):
            await self._hash(self._machine.keys.page, lease, leaf)
        self._under_way.discard(lease.key.root)

    async def _hash(self, work: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        await self._pages.run(work, *arguments, abandon_on_cancel=True)

    async def _next_batch(self) -> list[Job]:
        while not self._waiting:
            self._arrived = trio.Event()
            await self._arrived.wait()
        count = self._fitting()
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _fitting(self) -> int:
        """How many of those that wait have no more messages than a batch; one in any case."""
        sizes = itertools.accumulate(signing.count_of(job.request) for job in self._waiting)
        return max(1, sum(1 for _ in itertools.takewhile(MAX_BATCH.__ge__, sizes)))

    def _both(self, batch: list[Job]) -> tuple[Begun, Finished]:
        started = self._reserve(batch)
        return started, self._sign(batch, started)

    def _reserve(self, batch: list[Job]) -> Begun:
        """In a worker thread: leaves or a StatusError for each job."""
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

    def _sign(self, batch: list[Job], started: Begun) -> Finished:
        """In a worker thread: a reply or a StatusError for each job."""
        taken = [each for each in started if not isinstance(each, StatusError)]
        try:
            finished = iter(signing.finish_signing(self._machine, taken))
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        return [
            each if isinstance(each, StatusError) else _refused(job, next(finished))
            for job, each in zip(batch, started, strict=True)
        ]


@contextlib.contextmanager
def _refusing(batch: list[Job]) -> Iterator[None]:
    """Whatever fails here fails for this batch alone; the next one is signed."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        for job in batch:
            if not job.done.is_set():
                job.finish(refusal(job.request, error))


def _refused(job: Job, result: signing.Signed | Exception) -> signing.Signed | StatusError:
    return refusal(job.request, result) if isinstance(result, Exception) else result
