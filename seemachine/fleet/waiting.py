"""Until machines answer: those of a world, or those at addresses.

Each is asked by a thread of its own, so that one that hangs holds up no other, and nobody beyond
the time that there is.
"""

import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue

from seeclient import blocking_wire
from seeclient.blocking_connection import Connection
from seeclient.blocking_wire import Connect
from seeclient.connecting import AT_ONCE
from seeclient.effects import Address
from seeclient.environment import Environment
from seeclient.refusals import Unreachable

from seemachine.fleet import status
from seemachine.frozen import frozen
from seemachine.process.pace import rest
from seemachine.state.errors import StateError
from seemachine.wire.messages import Greeting
from seemachine.wire.status import StatusError

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
NOT_YET = "no answer yet"


@frozen
class Silent:
    """An address where no machine answers, and why."""

    address: Address
    why: str


@frozen
class Roll:
    """Who answers, where nobody does, and the ESNs of machines that nobody says where they are."""

    answering: Sequence[tuple[Address, Greeting]]
    silent: Sequence[Silent]
    absent: Sequence[str]

    def is_enough(self, wanted: int | None) -> bool:
        """Whether so many answer; without a number all, and one at least."""
        if wanted is None:
            return bool(self.answering) and not self.silent and not self.absent
        return len(self.answering) >= wanted


class Inquiry:
    """Asks the machines of an environment whether they are there. One that answered is not asked
    again, as long as it is said to be at the same address. To be used once.
    """

    def __init__(self, environment: Environment, connect: Connect = blocking_wire.connect) -> None:
        self._environment = environment
        self._connect = connect
        self._credentials = environment.credentials()
        self._answers: dict[Address, Greeting | StatusError] = {}
        self._asks: SimpleQueue[Address | None] = SimpleQueue()
        self._under_way = set[Address]()
        self._came = threading.Condition()
        self._threads = 0

    def wait(self, wanted: int | None, seconds: float) -> Roll:
        """Until enough answer, for so long at most. Raises StatusError for addresses that are
        none.
        """
        try:
            return self._wait(wanted, time.monotonic() + seconds)
        finally:
            for _ in range(self._threads):
                self._asks.put(None)

    def _wait(self, wanted: int | None, deadline: float) -> Roll:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            found = self._addresses()
            self._ask(found)
            took = time.monotonic() - began
            self._settle(min(began + pause, deadline))
            roll = self._roll(found)
            if roll.is_enough(wanted) or time.monotonic() >= deadline:
                return roll
            pause = rest(min(2 * pause, LONGEST_PAUSE), took)
            time.sleep(max(0.0, min(began + pause, deadline) - time.monotonic()))

    def _addresses(self) -> list[Address]:
        try:
            return self._environment.addresses()
        except Unreachable:
            return []

    def _ask(self, found: Sequence[Address]) -> None:
        for address in found:
            if address not in self._under_way and not self._answered(address):
                self._under_way.add(address)
                self._asks.put(address)
        while self._threads < min(AT_ONCE, len(found)):
            threading.Thread(target=self._serve, name="hello", daemon=True).start()
            self._threads += 1

    def _answered(self, address: Address) -> bool:
        return isinstance(self._answers.get(address), Greeting)

    def _settle(self, until: float) -> None:
        """Wait for what was asked, so long at most."""
        with self._came:
            self._came.wait_for(lambda: not self._under_way, until - time.monotonic())

    def _serve(self) -> None:
        while (address := self._asks.get()) is not None:
            answer = self._greeted(address)
            with self._came:
                self._answers[address] = answer
                self._under_way.discard(address)
                self._came.notify_all()

    def _greeted(self, address: Address) -> Greeting | StatusError:
        try:
            connection = Connection(address, self._credentials, connect=self._connect)
            try:
                return connection.greet()
            finally:
                connection.close()
        except StatusError as failure:
            return failure

    def _roll(self, found: Sequence[Address]) -> Roll:
        there, silent = [], []
        for address in found:
            answer = self._answers.get(address)
            if isinstance(answer, Greeting):
                there.append((address, answer))
            else:
                silent.append(Silent(address, NOT_YET if answer is None else answer.detail))
        absent = self._expected() - {address.esn for address in found}
        return Roll(there, silent, sorted(absent))

    def _expected(self) -> set[str]:
        """The machines that a fleet of the world, or its tools, say that there are."""
        if self._environment.fleet is not None:
            return set()
        try:
            return {row["esn"] for row in status.rows(self._environment.world) if row["module"]}
        except StateError:
            return set()
