"""The helper at work: questions in, replies out, several at once."""

import contextlib
import os
import socket
import threading
from collections.abc import Sequence

from seeclient import environment, tokens
from seeclient.bridge import frames, operations
from seeclient.bridge.errand import Errand
from seeclient.bridge.fleets import Fleets
from seeclient.bridge.frames import BadFrame, Field, Reader, Request
from seeclient.refusals import Unavailable
from seemachine.wire.printable import printable
from seemachine.wire.status import Status, StatusError

# Questions that are worked on at one time; others wait.
WORKERS = 16
READ_BYTES = 1 << 18
# Far below the time after which the host takes a silent helper for dead.
BEAT_SECONDS = 5.0
LOAD = "load its card set for the program: preload -c CARDSET PROGRAM"


def serve(wire: socket.socket) -> None:
    """Serve the host until it hangs up. Ends this process: what threads still do is for nobody."""
    fleets = Fleets(lambda: environment.from_process(os.environ))
    Desk(wire, fleets).run()
    os._exit(0)


class HostGone(Exception):
    """The host has hung up. Nothing more is asked of a machine."""


class Desk:
    """Questions of one host.

    Each worker reads a question, lets another read the next, and answers: so a question that comes
    alone wakes one thread.
    """

    def __init__(self, wire: socket.socket, fleets: Fleets) -> None:
        self._wire = wire
        self._fleets = fleets
        self._reader = Reader()
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._at_work = 0

    def run(self) -> None:
        """Until the host hangs up, or breaks the rules."""
        for _ in range(WORKERS):
            threading.Thread(target=self._work, daemon=True).start()
        with contextlib.suppress(HostGone):
            while not self._over.wait(BEAT_SECONDS):
                if self._at_work:
                    self._send(frames.beat())

    def _work(self) -> None:
        """One worker less would be noticed by nobody: without one the helper ends."""
        try:
            while (asked := self._next_request()) is not None:
                self._send(self._answer(asked), replies=1)
        except (HostGone, OSError, BadFrame):
            return
        finally:
            self._over.set()

    def _next_request(self) -> Request | None:
        """None when the host has hung up. Raises BadFrame, OSError."""
        with self._reading:
            while (asked := self._reader.next_request()) is None:
                data = self._wire.recv(READ_BYTES)
                if not data:
                    return None
                self._reader.receive_data(data)
        with self._writing:
            self._at_work += 1
        return asked

    def _send(self, frame: bytes, replies: int = 0) -> None:
        """Raises HostGone."""
        try:
            with self._writing:
                self._at_work -= replies
                self._wire.sendall(frame)
        except OSError as error:
            raise HostGone from error

    def _answer(self, asked: Request) -> bytes:
        status, fields = self._outcome(asked)
        try:
            return frames.reply(asked.number, status, fields)
        except BadFrame as error:
            return frames.reply(asked.number, Status.Failed, _refusal(f"Failed: {error}"))

    def _outcome(self, asked: Request) -> tuple[int, Sequence[Field]]:
        def note(text: str) -> None:
            self._send(frames.note(asked.number, text.encode()))

        errand = Errand(self._fleets, asked.note.decode("ascii", "replace"), note)
        try:
            call = operations.found(asked)
            fields = errand.run(call)
        except StatusError as refused:
            errand.end()
            return refused.status, _refused(refused)
        except HostGone:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault of ours is told, and ends nothing else
            errand.close()
            return Status.Failed, _refusal(f"Failed: {type(fault).__name__}: {fault}")
        errand.end()
        return Status.OK, fields


def _refused(error: StatusError) -> list[str]:
    if isinstance(error, Unavailable):
        return _refusal(str(error), type(error).__name__, error.advice)
    return _refusal(str(error), advice=LOAD if _wants_preload(error) else "")


def _wants_preload(error: StatusError) -> bool:
    """Whether a card wants a passphrase, and none was given."""
    return tokens.wants_passphrase(error) and error.detail.startswith("no passphrase")


def _refusal(sentence: str, kind: str = "", advice: str = "") -> list[str]:
    return [printable(sentence), kind, advice]
