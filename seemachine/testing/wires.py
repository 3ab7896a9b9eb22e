"""Connections to a machine of this process, in the place of sockets."""

import errno
import os
from collections.abc import Callable
from typing import Any

from seemachine.commands import answer
from seemachine.machine import Machine, Session
from seemachine.wire.link import NEED_DATA, Asked, Link, Role
from seemachine.wire.status import PeerMisuse


class MemoryWire:
    """A connection to a machine of this process: see seeclient.blocking_wire.Wire."""

    certificate = None

    def __init__(self, machine: Machine, is_up: Callable[[], bool] = lambda: True) -> None:
        """Once it is not up, the wire is broken."""
        self._session = Session(machine, client="memory")
        self._link = Link(Role.SERVER, machine.limits.frame)
        self._replies = bytearray()
        self._is_up = is_up

    @property
    def has_news(self) -> bool:
        """Only that the machine is gone: it says nothing unasked."""
        return not self._is_up()

    def send(self, data: bytes, seconds: float) -> None:
        """Have it answered."""
        del seconds
        self._break_if_down()
        self._link.receive_data(data)
        try:
            while (event := self._link.next_event()) is not NEED_DATA:
                assert isinstance(event, Asked)
                self._replies += self._link.send(answer(self._session, event.request))
        except PeerMisuse as misuse:
            self._replies += self._link.last_words(misuse)

    def receive(self, seconds: float) -> bytes:
        """What was answered."""
        del seconds
        self._break_if_down()
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def close(self) -> None:
        """Half-made keys wait for who resumes them, as after a connection."""
        self._session.close()

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
