"""What the machines of one process share: threads, sockets, ports.

Few serve many: a machine that nobody asks for anything needs no thread.
"""

from dataclasses import dataclass, field

import trio

from seemachine.lms.engines import usable_cores
from seemachine.process.gate import Gate
from seemachine.process.scarcity import Scarcity
from seemachine.process.threads import LentThreads, Threads, Workers
from seemachine.server.pipeline import SIGNING_THREADS
from seemachine.server.service import READING_THREADS

OTHER_THREADS = 16
# However many machines: of threads that take and sign leaves, and of witnesses that are asked.
MOST_SIGNING = 64
MOST_BEATS = 16


class Crew:
    """The threads of a process with so many machines."""

    def __init__(self, machines: int = 1) -> None:
        # Whether one machine has the loop for itself.
        self.alone = machines == 1
        # One that signs may wait for a disk or a witness: machines don't wait for each other.
        self.signing = Threads(min(SIGNING_THREADS * machines, MOST_SIGNING), "signing")
        self.pages = Threads(SIGNING_THREADS * min(machines, usable_cores()), "pages")
        self.kept = Threads(1, "kept")
        self.hashing = trio.CapacityLimiter(usable_cores())
        self.others = trio.CapacityLimiter(OTHER_THREADS)
        self.reading = trio.CapacityLimiter(READING_THREADS)
        self.beats = trio.CapacityLimiter(min(machines, MOST_BEATS))

    def workers(self, scarcity: Scarcity, gate: Gate) -> Workers:
        """What a machine's other requests are worked on by."""
        return Workers(scarcity, LentThreads(self.kept, gate), gate)

    def close(self) -> None:
        """Threads that were kept end after the work that they are at."""
        for threads in (self.signing, self.pages, self.kept):
            threads.close()

    @property
    def most(self) -> int:
        """Threads that work on requests at one time, beside those that any machine has."""
        signing = self.signing.count + self.pages.count - 2 * SIGNING_THREADS
        more = signing + self.beats.total_tokens - 1
        return OTHER_THREADS + READING_THREADS + 2 * usable_cores() + int(more)


@dataclass(frozen=True)
class Allotment:
    """What one machine has of its process.

    `most` sockets are in hand at one time; who connects then waits at the door. A search takes none
    of the `reserved` ports: siblings are to have them. Without a crew it brings its own threads.
    """

    most: int = 1 << 30
    reserved: frozenset[int] = frozenset()
    crew: Crew | None = None
    gate: Gate = field(default_factory=Gate)
