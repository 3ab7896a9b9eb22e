"""Who answers a request: the signing pipeline, a thread, who looks at the slots, or the loop."""

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from seemachine.commands import answer, refusal
from seemachine.machine import Session
from seemachine.server.service import Service
from seemachine.wire.messages import NvmemfileSign, NvmemfileSignMany, WaitForCard
from seemachine.wire.record import Record
from seemachine.wire.requests import Effect, Request
from seemachine.wire.roles import Caller, denial
from seemachine.wire.status import StatusError

# Of the time of a request, for waiting; the rest is for the reply.
WAITED_PART = 0.5

# Returns when the peer leaves, or says something though it has nothing to say.
Stirs = Callable[[], Awaitable[object]]


class Answering:
    """For one session."""

    def __init__(self, service: Service, session: Session, caller: Caller) -> None:
        self._service = service
        self._session = session
        self._caller = caller

    async def reply(self, request: Request[Record], stirs: Stirs) -> Record | StatusError:
        """To a request: a record, or the refusal."""
        if (denied := denial(self._caller, request.NAME, request.LEAST)) is not None:
            return refusal(request, denied)
        if isinstance(request, NvmemfileSign):
            return await self._service.pipeline.sign(request, self._session.client)
        if isinstance(request, NvmemfileSignMany):
            return await self._service.pipeline.sign_many(request, self._session.client)
        if request.AT_ONCE:
            return answer(self._session, request)
        if isinstance(request, WaitForCard):
            return await self._wait_for_card(request, stirs)
        return await self._in_thread(request)

    async def _in_thread(self, request: Request[Record]) -> Record | StatusError:
        limiter = self._limiter(request.EFFECT)
        return await self._service.workers.run(limiter, answer, self._session, request)

    async def _wait_for_card(self, request: WaitForCard, stirs: Stirs) -> Record | StatusError:
        """Until one suits, or the time is over, the peer stirs, or the machine stops."""
        idle, limits = self._service.idle, self._service.machine.limits
        seconds = min(request.seconds, limits.request_seconds * WAITED_PART)
        over = trio.CancelScope(deadline=trio.current_time() + seconds)
        idle.add(over)
        if self._service.draining:
            over.cancel()
        try:
            look = partial(self._in_thread, request)
            return await self._service.watch.first(look, over, stirs)
        finally:
            idle.discard(over)

    def _limiter(self, effect: Effect) -> trio.CapacityLimiter:
        if effect is Effect.LOOKS:
            return self._service.reading
        return self._service.hashing if effect is Effect.HASHES else self._service.others
