"""Signing for all sessions at once: requests that wait together share one flush and one call of the engine.

Two stages, each one worker-thread call for a whole batch: reserve (durable), then sign. While one batch is signed the next is being
flushed.
"""

from dataclasses import dataclass, field
from typing import Any

import trio

from seemachine.commands import nvmem, refusal
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Machine
from seemachine.wire.messages import NvmemfileSign

MAX_BATCH = 256


@dataclass(eq=False)
class Job:
    """One request on its way through. `result` is set before `done`."""

    request: NvmemfileSign
    client: str
    done: trio.Event = field(default_factory=trio.Event)
    result: Any = None

    def finish(self, result: Any) -> None:
        """Hand the reply or refusal to the session that waits."""
        self.result = result
        self.done.set()


class SigningPipeline:
    """Run `run` in a nursery; call `sign` from any session."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._waiting: list[Job] = []
        self._arrived = trio.Event()
        self._threads = trio.CapacityLimiter(2)
        self._pages = trio.CapacityLimiter(2)
        self._under_way: set[bytes] = set()
        self._ahead: trio.Nursery

    async def sign(self, request: NvmemfileSign, client: str = "") -> Any:
        """The reply or refusal. Cancelled while it waits, the request may still burn its leaf."""
        try:
            if not nvmem.ready(self._machine, request.file):
                await trio.to_thread.run_sync(nvmem.prepare, self._machine, request.file, abandon_on_cancel=True, limiter=self._pages)
        except Exception as error:  # noqa: BLE001
            return refusal(request, error)
        job = Job(request, client)
        self._waiting.append(job)
        self._arrived.set()
        await job.done.wait()
        return job.result

    async def run(self) -> None:
        """Both stages, until cancelled."""
        send, receive = trio.open_memory_channel[tuple[list[Job], list[Any]]](1)
        async with trio.open_nursery() as nursery:
            self._ahead = nursery
            nursery.start_soon(self._sign_batches, receive)
            await self._reserve_batches(send)

    async def _reserve_batches(self, reserved: trio.MemorySendChannel[tuple[list[Job], list[Any]]]) -> None:
        while True:
            batch = await self._next_batch()
            if len(batch) == 1:
                # Alone, a request gains nothing from the second stage but a thread switch.
                started, results = await trio.to_thread.run_sync(self._both, batch, limiter=self._threads)
                batch[0].finish(results[0])
                self._look_ahead(started)
            else:
                await reserved.send((batch, await trio.to_thread.run_sync(self._reserve, batch, limiter=self._threads)))

    async def _sign_batches(self, reserved: trio.MemoryReceiveChannel[tuple[list[Job], list[Any]]]) -> None:
        async for batch, started in reserved:
            results = await trio.to_thread.run_sync(self._sign, batch, started, limiter=self._threads)
            for job, result in zip(batch, results, strict=True):
                job.finish(result)
            self._look_ahead(started)

    def _look_ahead(self, started: list[Any]) -> None:
        """Have the page after the current one hashed before a signature needs it."""
        latest = {signing.lease.key.root: signing for signing in started if isinstance(signing, nvmem.Signing)}
        for root, signing in latest.items():
            leaf = self._machine.keys.next_page(signing.lease, signing.reserved.leaf)
            if leaf is not None and root not in self._under_way:
                self._under_way.add(root)
                self._ahead.start_soon(self._hash_page, signing.lease, leaf)

    async def _hash_page(self, lease: Lease, leaf: int) -> None:
        try:
            await trio.to_thread.run_sync(self._machine.keys.page, lease, leaf, abandon_on_cancel=True, limiter=self._pages)
        except ParameterError:
            pass  # the signature that needs this page will say what is wrong with it
        finally:
            self._under_way.discard(lease.key.root)

    async def _next_batch(self) -> list[Job]:
        while not self._waiting:
            self._arrived = trio.Event()
            await self._arrived.wait()
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        return batch

    def _both(self, batch: list[Job]) -> tuple[list[Any], list[Any]]:
        started = self._reserve(batch)
        return started, self._sign(batch, started)

    def _reserve(self, batch: list[Job]) -> list[Any]:
        """In a worker thread: a Signing or a StatusError for each job."""
        try:
            started = nvmem.start_signing(self._machine, [(job.request, job.client) for job in batch])
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        return [_refused(job, result) for job, result in zip(batch, started, strict=True)]

    def _sign(self, batch: list[Job], started: list[Any]) -> list[Any]:
        """In a worker thread: a reply or a StatusError for each job."""
        signings = [result for result in started if isinstance(result, nvmem.Signing)]
        try:
            finished = iter(nvmem.finish_signing(self._machine, signings))
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        results = [next(finished) if isinstance(result, nvmem.Signing) else result for result in started]
        return [_refused(job, result) for job, result in zip(batch, results, strict=True)]


def _refused(job: Job, result: Any) -> Any:
    fresh = isinstance(result, Exception) and not getattr(result, "where", "")
    return refusal(job.request, result) if fresh else result
