"""One connection: bytes to Link to command and back, with a limit on each wait."""

import contextlib
import time
from functools import partial

import trio

from seemachine.commands import answer, refusal
from seemachine.machine import Session
from seemachine.server.admission import Seat
from seemachine.server.logs import describe
from seemachine.server.service import Service
from seemachine.wire.fields import Record
from seemachine.wire.link import NEED_DATA, Asked, Closed, Link, Role
from seemachine.wire.messages import Hello, NvmemfileSign, WaitForCard
from seemachine.wire.requests import Effect, Request
from seemachine.wire.roles import Caller, ClientRole, denial
from seemachine.wire.status import PeerMisuse, Status, StatusError

READ_BYTES = 1 << 16
FAREWELL_SECONDS = 1
# Until another try for memory.
SCARCE_SECONDS = 0.02
# Of the time of a request, for waiting; the rest is for the reply.
WAITED_PART = 0.5


class Conversation:
    """One peer. `run` returns when it is over, however it ends."""

    def __init__(
        self,
        service: Service,
        stream: trio.abc.Stream,
        peer: str,
        seat: Seat,
        caller: Caller | None = None,
    ) -> None:
        self._service = service
        self._seat = seat
        self._stream = stream
        self._limits = service.machine.limits
        self._link = Link(Role.SERVER, self._limits.frame)
        host = peer.rpartition(":")[0] or peer
        self._caller = caller or Caller(host, ClientRole.ADMIN)
        self._session = Session(service.machine, self._caller.name)
        # Without TLS the name is the address, which is there already.
        self._log = service.log.bind(
            peer=peer, **({} if self._caller.name == host else {"client": self._caller.name})
        )

    async def run(self) -> None:
        """Answer until the peer leaves, misbehaves or is too slow, or the machine stops."""
        try:
            while await self._one_request():
                pass
        except PeerMisuse as misuse:
            self._log.warning("misuse", detail=misuse.detail)
            await self._farewell(misuse)
        except trio.TooSlowError:
            self._log.info("peer does not read, closed")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._log.info("peer gone")
        finally:
            self._session.close()

    async def _one_request(self) -> bool:
        """Serve the next request; False when there will be none.

        Receiving, answering and replying each have the request's time limit.
        """
        if self._link.between_requests and not await self._wait_for_byte():
            return False
        with trio.move_on_after(self._limits.request_seconds) as receiving:
            event = await self._receive()
        if receiving.cancelled_caught:
            raise PeerMisuse(
                f"a request must arrive within {self._limits.request_seconds} s",
                Status.TimeLimitExceeded,
            )
        return (
            isinstance(event, Asked)
            and await self._serve(event.request)
            and not self._service.draining
        )

    async def _wait_for_byte(self) -> bool:
        """Idle time: it ends with the first byte of a frame (True), with the limit, or when the
        machine drains (both False).
        """
        if self._service.draining:
            return False
        with trio.move_on_after(self._limits.idle_seconds) as idle:
            self._service.idle.add(idle)
            try:
                await self._read()
            finally:
                self._service.idle.discard(idle)
        return not idle.cancelled_caught

    async def _receive(self) -> Asked | Closed:
        while True:
            event = self._link.next_event()
            if event is not NEED_DATA:
                assert isinstance(event, Asked | Closed)
                return event
            await self._seat.wait_for_more(await self._read())

    async def _read(self) -> int:
        """Bytes into the link; how many. A client waits for memory; for others there is none."""
        data: bytes | bytearray | None = None
        while True:
            try:
                if data is None:
                    data = await self._stream.receive_some(READ_BYTES)
                self._link.receive_data(data)
                return len(data)
            except MemoryError as error:
                self._service.scarcity.met(error)
                if not self._seat.proven:
                    raise
            await trio.sleep(SCARCE_SECONDS)

    async def _serve(self, request: Request[Record]) -> bool:
        """Answer one request; False when the connection can't go on after it."""
        await self._seat.wait_turn(hello=isinstance(request, Hello))
        started = time.perf_counter()
        with (
            self._seat.at_work(request),
            trio.move_on_after(self._limits.request_seconds) as answering,
        ):
            reply: Record | StatusError = await self._answer(request)
        if answering.cancelled_caught:
            # A worker thread may still be at it and use the session's keys: this session serves
            # nothing else.
            self._session.stopped.set()
            reply = refusal(
                request,
                StatusError(
                    Status.TimeLimitExceeded, f"not done within {self._limits.request_seconds} s"
                ),
            )
        seconds = time.perf_counter() - started
        self._seat.judge(
            request, done=not isinstance(reply, StatusError), holding=self._session.holding
        )
        try:
            with trio.fail_after(self._limits.request_seconds):
                await self._stream.send_all(self._link.send(reply))
        finally:
            # Written down while the client reads its reply already.
            self._record(request, reply, seconds)
        return not answering.cancelled_caught

    async def _answer(self, request: Request[Record]) -> Record | StatusError:
        if (denied := denial(self._caller, request.NAME, request.LEAST)) is not None:
            return refusal(request, denied)
        if isinstance(request, NvmemfileSign):
            return await self._service.pipeline.sign(request, self._session.client)
        if request.AT_ONCE:
            return answer(self._session, request)
        if isinstance(request, WaitForCard):
            return await self._wait_for_card(request)
        return await self._in_thread(request)

    async def _in_thread(self, request: Request[Record]) -> Record | StatusError:
        limiter = self._limiter(request.EFFECT)
        return await self._service.workers.run(limiter, answer, self._session, request)

    async def _wait_for_card(self, request: WaitForCard) -> Record | StatusError:
        """Until one suits, or the time is over, the peer stirs, or the machine stops."""
        idle = self._service.idle
        seconds = min(request.seconds, self._limits.request_seconds * WAITED_PART)
        over = trio.CancelScope(deadline=trio.current_time() + seconds)
        idle.add(over)
        if self._service.draining:
            over.cancel()
        try:
            look = partial(self._in_thread, request)
            return await self._service.watch.first(look, over, self._read)
        finally:
            idle.discard(over)

    def _limiter(self, effect: Effect) -> trio.CapacityLimiter:
        if effect is Effect.LOOKS:
            return self._service.reading
        return self._service.hashing if effect is Effect.HASHES else self._service.others

    def _record(
        self, request: Request[Record], reply: Record | StatusError, seconds: float
    ) -> None:
        status, details = Status.OK, describe(request, reply)
        if isinstance(reply, StatusError):
            status, details["detail"] = reply.status, reply.detail
            if status is Status.Failed:
                self._log.error("bug", command=request.NAME, exc_info=reply.__cause__)
        self._log.info(
            "request",
            command=request.NAME,
            status=status.name,
            seconds=round(seconds, 4),
            **details,
        )

    async def _farewell(self, misuse: PeerMisuse) -> None:
        await last_words(self._stream, self._link.last_words(misuse))


async def last_words(stream: trio.abc.Stream, words: bytes) -> None:
    """Send a last refusal so that it arrives: closed with unread bytes, the connection would be
    reset and the words lost.
    """
    with (
        trio.move_on_after(FAREWELL_SECONDS),
        contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
    ):
        await stream.send_all(words)
        if isinstance(stream, trio.abc.HalfCloseableStream):
            await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
