"""Signing for all sessions at once: requests that wait together share one flush and one call of the engine.

Two stages, each one worker-thread call for a whole batch: reserve (durable), then sign. While one batch is signed the next is being
flushed.
"""

from dataclasses import dataclass, field
from typing import Any

import trio

from seemachine.commands import nvmem, refusal
from seemachine.machine import Machine
from seemachine.wire.messages import NvmemfileSign
from seemachine.wire.status import StatusError

MAX_BATCH = 256


@dataclass(eq=False)
class Job:
    """One request on its way through. `result` is set before `done`."""

    request: NvmemfileSign
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

    async def sign(self, request: NvmemfileSign) -> Any:
        """The reply or refusal. Cancelled while it waits, the request may still burn its leaf."""
        try:
            if not nvmem.ready(self._machine, request.file):
                await trio.to_thread.run_sync(nvmem.prepare, self._machine, request.file, abandon_on_cancel=True)
        except Exception as error:  # noqa: BLE001
            return refusal(request, error)
        job = Job(request)
        self._waiting.append(job)
        self._arrived.set()
        await job.done.wait()
        return job.result

    async def run(self) -> None:
        """Both stages, until cancelled."""
        send, receive = trio.open_memory_channel[tuple[list[Job], list[Any]]](1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sign_batches, receive)
            await self._reserve_batches(send)

    async def _reserve_batches(self, reserved: trio.MemorySendChannel[tuple[list[Job], list[Any]]]) -> None:
        while True:
            batch = await self._next_batch()
            # Alone, a request gains nothing from the second stage but a thread switch.
            stage = self._both if len(batch) == 1 else self._reserve
            results = await trio.to_thread.run_sync(stage, batch, limiter=self._threads)
            if stage == self._both:
                batch[0].finish(results[0])
            else:
                await reserved.send((batch, results))

    async def _sign_batches(self, reserved: trio.MemoryReceiveChannel[tuple[list[Job], list[Any]]]) -> None:
        async for batch, started in reserved:
            results = await trio.to_thread.run_sync(self._sign, batch, started, limiter=self._threads)
            for job, result in zip(batch, results, strict=True):
                job.finish(result)

    async def _next_batch(self) -> list[Job]:
        while not self._waiting:
            self._arrived = trio.Event()
            await self._arrived.wait()
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        return batch

    def _both(self, batch: list[Job]) -> list[Any]:
        return self._sign(batch, self._reserve(batch))

    def _reserve(self, batch: list[Job]) -> list[Any]:
        """In a worker thread: a Signing or a StatusError for each job."""
        try:
            started = nvmem.start_signing(self._machine, [job.request for job in batch])
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
    fresh = isinstance(result, StatusError) and not result.where
    return refusal(job.request, result) if fresh else result
