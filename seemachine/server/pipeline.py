"""Signing for all sessions at once: requests that wait together share one commit and one call of
the engine.

A thread takes what waits, reserves the leaves (durable), signs, hands all replies to the loop in
one go, and takes what came meanwhile. Requests for many signatures have a second thread: one waits
for the disk while the other signs. For single ones it would only take Python's lock from the
sessions.
"""

import contextlib
import itertools
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import trio

from seemachine.commands import pages, refusal, signing
from seemachine.machine import Machine
from seemachine.process.threads import LentThreads, Threads
from seemachine.process.turns import Turns
from seemachine.server.look_ahead import LookAhead
from seemachine.server.promptness import Promptness
from seemachine.wire.messages import (
    NvmemfileSign,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
)
from seemachine.wire.status import StatusError

# Messages that are signed together, but for one request that has more.
MAX_BATCH = 256
SIGNING_THREADS = 2
# Messages of a request for which a second thread is worth its while.
MANY = 8
# A message that the loop may hash.
SHORT_BYTES = 1 << 14
# Turns of the loop after which sessions that have had their time are told so.
OTHERS_FIRST = 3

# Of each job of a batch, in its order: its leaves and what they are for, or the refusal; then the
# reply.
Begun = list[signing.Started | StatusError]
Finished = list[signing.Signed | StatusError]
Start = Callable[
    [Machine, Sequence[tuple[signing.Asked, str]]], Sequence[signing.Started | StatusError] | None
]


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
        threads: Threads | LentThreads | None = None,
        pages: Threads | LentThreads | None = None,
        promptness: Promptness | None = None,
    ) -> None:
        """Without threads of its process it has its own."""
        self._machine = machine
        self._promptness = promptness or Promptness(alone=False)
        self._threads = threads or Threads(SIGNING_THREADS, "signing")
        self._pages = pages or Threads(SIGNING_THREADS, "pages")
        self._turns = Turns(self._threads, _next_batch, self._answer)
        self._ahead = LookAhead(machine, self._pages, self._turns.call_soon)

    def start(self) -> None:
        """Take the threads that it needs for good. Raises RuntimeError without enough of them."""
        self._threads.start()
        self._pages.start()

    def close(self) -> None:
        """Give them back. Once more does no harm."""
        self._threads.close()
        self._pages.close()

    async def sign(self, request: NvmemfileSign, client: str = "") -> NvmemfileSigned | StatusError:
        """The reply or refusal. Cancelled while it waits, the request may still burn its leaf."""
        job = Job(request, client, 1)
        reply = self._threads.here(self._sign_here, job) if self._is_prompt(request) else None
        if reply is None:
            reply = await self._reply(job)
        elif self._promptness.is_slow:
            await _let_others_go()
        return cast(NvmemfileSigned | StatusError, reply)

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
                await self._pages.run(
                    pages.prepare, self._machine, file, job.count, abandon_on_cancel=True
                )
            self._turns.add(job, SIGNING_THREADS if job.count >= MANY else 1)
        except Exception as error:  # noqa: BLE001
            return refusal(job.request, error)
        await job.done.wait()
        return job.result

    def _is_prompt(self, request: NvmemfileSign) -> bool:
        """Whether the loop signs in the time that it takes to wake a thread."""
        return (
            self._promptness.trusts(id(trio.lowlevel.current_task()))
            and len(request.message) <= SHORT_BYTES
            and self._turns.idle
        )

    def _sign_here(self, job: Job) -> signing.Signed | StatusError | None:
        """In the loop. None, and no leaf is gone, where a page is missing, or others are at the
        NVRAM.
        """
        try:
            if not pages.ready(self._machine, job.request.file):
                return None
        except Exception as error:  # noqa: BLE001
            return refusal(job.request, error)
        begun, results = self._results([job], signing.start_at_once)
        with contextlib.suppress(Exception):
            self._ahead.look(begun)
        return results[0] if results else None

    async def run(self) -> None:
        """Until cancelled. A bug of the pipeline itself ends it, so that nobody waits for ever."""
        try:
            async with trio.open_nursery() as nursery:
                self._ahead.begin(nursery)
                await self._turns.run()
        finally:
            self.close()

    def _answer(self, batch: list[Job]) -> None:
        """In a thread."""
        begun, results = self._results(batch, signing.start_signing)
        self._turns.call_soon(_finish, batch, results)
        with contextlib.suppress(Exception):
            self._ahead.look(begun)

    def _results(self, batch: list[Job], start: Start) -> tuple[Begun, Finished]:
        """Of each job; nothing where others are at the NVRAM. Whatever fails here fails for this
        batch alone; the next one is signed.
        """
        clock, durable, begun = self._promptness.clock, math.inf, Begun()
        began = clock()
        try:
            begun = self._reserve(batch, start)
            durable = clock()
            return begun, self._sign(batch, begun) if begun else []
        except Exception as error:  # noqa: BLE001
            return begun, [refusal(job.request, error) for job in batch]
        finally:
            self._promptness.took(began, durable, clock())

    def _reserve(self, batch: list[Job], start: Start) -> Begun:
        """Leaves or a StatusError for each job; nothing where others are at the NVRAM."""
        try:
            started = start(self._machine, [(job.request, job.client) for job in batch])
        except Exception as error:  # noqa: BLE001
            return [refusal(job.request, error) for job in batch]
        return [
            refusal(job.request, each) if isinstance(each, StatusError) else each
            for job, each in zip(batch, started or (), strict=started is not None)
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


async def _let_others_go() -> None:
    """They were kept waiting, and so was what looks after time limits."""
    for _ in range(OTHERS_FIRST):
        await trio.lowlevel.checkpoint()


def _finish(batch: Sequence[Job], results: Finished) -> None:
    for job, result in zip(batch, results, strict=True):
        job.finish(result)


def _refused(job: Job, result: signing.Signed | Exception) -> signing.Signed | StatusError:
    return refusal(job.request, result) if isinstance(result, Exception) else result
