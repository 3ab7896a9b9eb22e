"""One connection: bytes to Link to command and back, with a limit on each wait."""

import time
from typing import TYPE_CHECKING

import trio

from seemachine.commands import refusal
from seemachine.machine import Session
from seemachine.server.admission import Seat
from seemachine.server.answering import Answering
from seemachine.server.cutting_off import CutOff
from seemachine.server.deadlines import Deadline
from seemachine.server.done import Done
from seemachine.server.farewell import last_words
from seemachine.server.service import Service
from seemachine.wire.link import NEED_DATA, Asked, Event, Link, Role
from seemachine.wire.messages import Hello, NvmemfileSignMany
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.roles import Caller, ClientRole
from seemachine.wire.status import PeerMisuse, Status, StatusError

if TYPE_CHECKING:
    from seemachine.faults import Injector

READ_BYTES = 1 << 16
# Until another try for memory.
SCARCE_SECONDS = 0.02


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
        caller = caller or Caller(host, ClientRole.ADMIN)
        self._session = Session(service.machine, caller.name)
        self._answering = Answering(service, self._session, caller)
        self._injector = service.machine.faults
        # Without TLS the name is the address, which is there already.
        self._log = service.log.bind(
            peer=peer, **({} if caller.name == host else {"client": caller.name})
        )
        self._goes_on = True
        # What the next step is about: a request that is to be answered, since when, and its reply.
        self._asked: Request[Record] | None = None
        self._began = 0.0
        self._done: Done | None = None
        self._deadline: Deadline

    async def run(self) -> None:
        """Answer until the peer leaves, misbehaves or is too slow, or the machine stops."""
        try:
            with self._service.deadlines.one() as self._deadline:
                while self._goes_on:
                    await self._until_too_late()
        except PeerMisuse as misuse:
            self._log.warning("misuse", detail=misuse.detail)
            await last_words(self._stream, self._link.last_words(misuse))
        except CutOff as cut:
            await self._cut_off(cut)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._log.info("peer gone")
        finally:
            self._session.close()

    async def _until_too_late(self) -> None:
        """Step by step, until one takes too long or there will be none. Each has a time limit.

        What was cancelled when it was done already is not too late: the next step has another
        scope.
        """
        deadline = self._deadline
        with deadline.renew() as scope:
            while self._goes_on and not deadline.over:
                if self._done is not None:
                    await self._hand_over(self._done)
                elif self._asked is not None:
                    await self._serve(self._asked)
                elif self._link.between_requests:
                    await self._wait_for_byte()
                else:
                    await self._receive()
        if scope.cancelled_caught:
            self._give_up()

    def _give_up(self) -> None:
        """The step that is under way has had its time. Raises PeerMisuse."""
        if self._done is not None:
            self._log.info("peer does not read, closed")
            self._goes_on = False
        elif self._asked is not None:
            # A worker thread may still be at it and use the session's keys: this session serves
            # nothing else.
            self._session.stopped.set()
            self._answered(self._asked, refusal(self._asked, self._too_long()))
        elif self._link.between_requests:
            self._goes_on = False
        else:
            raise PeerMisuse(
                f"a request must arrive within {self._limits.request_seconds} s",
                Status.TimeLimitExceeded,
            )

    def _too_long(self) -> StatusError:
        seconds = self._limits.request_seconds
        return StatusError(Status.TimeLimitExceeded, f"not done within {seconds} s")

    async def _wait_for_byte(self) -> None:
        """Idle time: it ends with the first byte of a frame, when the peer leaves, with the limit,
        or when the machine drains.
        """
        if self._service.draining:
            self._goes_on = False
            return
        self._deadline.within(self._limits.idle_seconds)
        self._service.idle.add(self._deadline)
        try:
            self._goes_on = await self._read() > 0
        finally:
            self._service.idle.discard(self._deadline)

    async def _receive(self) -> None:
        event = self._link.next_event()
        if event is NEED_DATA:
            self._deadline.within(self._limits.request_seconds)
            event = await self._rest_of_event()
        if isinstance(event, Asked):
            self._asked = event.request
        else:
            self._goes_on = False

    async def _rest_of_event(self) -> Event:
        while True:
            await self._seat.wait_for_more(await self._read())
            event = self._link.next_event()
            if event is not NEED_DATA:
                return event

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

    async def _serve(self, request: Request[Record]) -> None:
        # Its turn is of the machine's making, and none of the request's time.
        self._deadline.lift()
        count = len(request.messages) if isinstance(request, NvmemfileSignMany) else 1
        await self._seat.wait_turn(hello=isinstance(request, Hello), count=count)
        self._began = time.perf_counter()
        self._deadline.within(self._limits.request_seconds)
        with self._seat.at_work(request):
            if self._injector is None:
                reply = await self._answering.reply(request, self._read)
            else:
                reply = await self._answer_amid(self._injector, request)
        self._answered(request, reply)

    def _answered(self, request: Request[Record], reply: Record | StatusError) -> None:
        seconds = time.perf_counter() - self._began
        self._seat.judge(
            request, done=not isinstance(reply, StatusError), holding=self._session.holding
        )
        self._done = Done(request, reply, seconds, self._link.send(reply))

    async def _hand_over(self, done: Done) -> None:
        self._deadline.within(self._limits.request_seconds)
        try:
            await self._stream.send_all(done.frame)
        finally:
            # Written down while the client reads its reply already.
            done.record(self._log)
        self._done = self._asked = None
        if not self._link.between_requests:
            # Who sent several at once waits until others had their turn.
            await trio.lowlevel.checkpoint()
        self._goes_on = not (self._service.draining or self._session.stopped.is_set())

    async def _answer_amid(
        self, injector: "Injector", request: Request[Record]
    ) -> Record | StatusError:
        """The same where faults are injected. Raises CutOff."""
        from seemachine.faults import Cut

        verdict = injector.meet(request)
        await self._pause(verdict.seconds)
        if verdict.cut is Cut.BEFORE:
            raise CutOff
        if verdict.refusal is not None:
            return refusal(request, verdict.refusal)
        began = injector.now()
        reply = await self._answering.reply(request, self._read)
        await self._pause(injector.seconds_left(request, reply, began))
        if verdict.cut is not None:
            raise CutOff(reply, torn=verdict.cut is Cut.TORN)
        return reply

    async def _pause(self, seconds: float) -> None:
        """Until the machine stops, at the longest."""
        if seconds <= 0:
            return
        idle = self._service.idle
        with trio.move_on_after(seconds) as over:
            idle.add(over)
            if self._service.draining:
                over.cancel()
            try:
                await trio.sleep_forever()
            finally:
                idle.discard(over)

    async def _cut_off(self, cut: CutOff) -> None:
        """What was carried out is written down, as ever."""
        request = self._asked
        if cut.reply is None or request is None:
            return
        self._answered(request, cut.reply)
        assert self._done is not None
        self._done.record(self._log)
        if cut.torn:
            frame = self._done.frame
            await last_words(self._stream, frame[: len(frame) // 2])
