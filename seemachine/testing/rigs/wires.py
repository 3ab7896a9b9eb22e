"""Connections to a machine of this process, in the place of sockets."""

import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from seemachine.commands import answer, refusal
from seemachine.machine import Machine, Session
from seemachine.wire.link import NEED_DATA, Asked, Link, Role
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import PeerMisuse, Status, StatusError

if TYPE_CHECKING:
    from seemachine.faults import Injector, Verdict


class MemoryWire:
    """A connection to a machine of this process: see seeclient.blocking_wire.Wire."""

    certificate = None

    def __init__(
        self,
        machine: Machine,
        is_up: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Once it is not up, the wire is broken. `sleep` is called while the machine is slow."""
        self._injector = machine.faults
        self._session = Session(machine, client="memory")
        self._link = Link(Role.SERVER, machine.limits.frame)
        self._limit = machine.limits.request_seconds
        self._replies = bytearray()
        self._is_up = is_up
        self._sleep = sleep
        self._is_cut = False
        self._steps: Iterator[float] = iter(())
        self._due: float | None = None

    @property
    def has_news(self) -> bool:
        """Only that the machine is gone, or has hung up: it says nothing unasked."""
        return self._is_cut or not self._is_up()

    def send(self, data: bytes, seconds: float) -> None:
        """Have it answered, at once unless the machine is slow."""
        del seconds
        self._break_if_down()
        if self._is_cut:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._link.receive_data(data)
        self._steps = self._served()
        self.go_on()

    @property
    def seconds_left(self) -> float | None:
        """How long to wait before `go_on`; None when all is answered."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def go_on(self) -> None:
        """Up to the next wait."""
        for pause in self._steps:
            if pause:
                self._due = time.monotonic() + pause
                return
        self._due = None

    def receive(self, seconds: float) -> bytes:
        """What was answered; nothing when the machine has hung up."""
        while (left := self.seconds_left) is not None:
            self._sleep(min(left, seconds))
            if left > seconds:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            self.go_on()
        self._break_if_down()
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def close(self) -> None:
        """Half-made keys wait for who resumes them, as after a connection. A slow machine does what
        it was asked before that.
        """
        # Unless another thread is at it.
        with contextlib.suppress(ValueError, ConnectionResetError):
            deque(self._steps, maxlen=0)
        self._due = None
        self._session.close()

    def _served(self) -> Iterator[float]:
        """Answer what came; for how long the machine waits in the middle of it."""
        try:
            while not self._is_cut and (event := self._link.next_event()) is not NEED_DATA:
                assert isinstance(event, Asked)
                if self._injector is None:
                    self._replies += self._link.send(answer(self._session, event.request))
                else:
                    yield from self._amid(self._injector, event.request)
        except PeerMisuse as misuse:
            self._replies += self._link.last_words(misuse)

    def _amid(self, injector: "Injector", request: Request[Record]) -> Iterator[float]:
        """What a session of a daemon does where faults are injected."""
        from seemachine.faults import Cut

        verdict = injector.meet(request)
        yield min(verdict.seconds, self._limit)
        self._break_if_down()
        self._is_cut = verdict.cut is not None
        if verdict.cut is Cut.BEFORE:
            return
        reply, pause = self._reply_amid(injector, request, verdict)
        yield pause
        self._break_if_down()
        frame = self._link.send(reply)
        if verdict.cut is not Cut.AFTER:
            self._replies += frame[: len(frame) // 2] if verdict.cut is Cut.TORN else frame

    def _reply_amid(
        self, injector: "Injector", request: Request[Record], verdict: "Verdict"
    ) -> tuple[Record | StatusError, float]:
        """The reply, and for how long it is kept back."""
        late = StatusError(Status.TimeLimitExceeded, f"not done within {self._limit} s")
        left = self._limit - verdict.seconds
        if left < 0:
            return refusal(request, late), 0.0
        if verdict.refusal is not None:
            return refusal(request, verdict.refusal), 0.0
        began = injector.now()
        reply = answer(self._session, request)
        pause = injector.seconds_left(request, reply, began)
        return (reply, pause) if pause <= left else (refusal(request, late), left)

    def _break_if_down(self) -> None:
        if not self._is_up():
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


class AsyncMemoryWire:
    """The same for the trio client: see seeclient.trio_wire.Wire."""

    certificate = None

    def __init__(self, wire: MemoryWire) -> None:
        self._wire = wire

    @property
    def has_news(self) -> bool:
        """See MemoryWire."""
        return self._wire.has_news

    async def send(self, data: bytes) -> None:
        """See MemoryWire."""
        self._do(lambda: self._wire.send(data, 0.0))

    async def receive(self) -> bytes:
        """See MemoryWire."""
        import trio

        while (left := self._wire.seconds_left) is not None:
            await trio.sleep(left)
            self._do(self._wire.go_on)
        received: bytes = self._do(lambda: self._wire.receive(0.0))
        return received

    async def close(self) -> None:
        """See MemoryWire."""
        self._wire.close()

    @staticmethod
    def _do(call: Callable[[], Any]) -> Any:
        import trio

        try:
            return call()
        except OSError as error:
            raise trio.BrokenResourceError from error
