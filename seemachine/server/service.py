"""What all connections to a machine share."""

from dataclasses import dataclass, field

import trio

from seemachine.machine import Machine
from seemachine.process.scarcity import Scarcity
from seemachine.process.threads import Workers
from seemachine.server.deadlines import Deadline, Deadlines
from seemachine.server.logs import Log
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.slot_watch import SlotWatch

READING_THREADS = 2


@dataclass
class Service:
    """What all sessions of a machine share."""

    machine: Machine
    pipeline: SigningPipeline
    log: Log
    hashing: trio.CapacityLimiter
    others: trio.CapacityLimiter
    # Few, so that a crowd that asks for listings keeps neither threads nor Python's lock from those
    # who sign.
    reading: trio.CapacityLimiter = field(
        default_factory=lambda: trio.CapacityLimiter(READING_THREADS)
    )
    watch: SlotWatch = field(default_factory=SlotWatch)
    # What ends at once when the machine stops: waiting for a request, or for a card.
    idle: set[trio.CancelScope | Deadline] = field(default_factory=set)
    deadlines: Deadlines = field(default_factory=Deadlines)
    draining: bool = False
    scarcity: Scarcity = field(init=False)
    workers: Workers = field(init=False)

    def __post_init__(self) -> None:
        self.scarcity = Scarcity(self.log)
        self.workers = Workers(self.scarcity)

    def start(self) -> None:
        """Take the threads that must not be missing later. Raises RuntimeError."""
        self.pipeline.start()
        self.workers.start()

    def close(self) -> None:
        """Give them back."""
        self.pipeline.close()
        self.workers.close()

    async def watch_slots(self) -> None:
        """For those who wait for cards, until cancelled."""
        slots = self.machine.slots
        await self.watch.run(lambda: self.workers.run(self.reading, slots.trace))

    def log_trouble(self, event: str, error: Exception) -> None:
        """The error that is being handled: what the system gives no more of, or a bug."""
        if not self.scarcity.met(error):
            self.log.exception(event)  # noqa: LOG004

    def drain(self) -> None:
        """Idle sessions end now, busy ones after their reply."""
        self.draining = True
        for each in self.idle:
            each.cancel()
