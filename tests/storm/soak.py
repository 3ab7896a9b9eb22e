"""Hours compressed: everything that a machine does, over and over, while its memory and open
descriptors are watched.

    python -m storm.soak SECONDS

Prints a line for each tenth of the time. Exit code 0 when the second half needed no more
descriptors than the first, and at most a tenth more memory besides what a machine has to remember
of each lease: that its leaves were here, for ever, and for an hour the lease itself, for requests
that come again.
"""

import os
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from kit.here import store
from kit.processes import RunningMachine, environment
from kit.waiting import eventually
from seeclient import blocking

from seemachine.state.cards.rack import Rack
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

ESN, SLOT = "7852-268D-3BF9", 2
SETS = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}
LARGE = bytes(3 << 20)
LASTING = "lasting"
ALLOWED = 1.10
LEASE_KIB = 1.0


def resident(pid: int) -> int:
    """Memory in use, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def descriptors(pid: int) -> int:
    """Open descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Day:
    """What people do with a machine. Each method is one thing, chosen at random."""

    def __init__(self, home: Path, port: int) -> None:
        self.rack, self.port, self.done = Rack(World.at(home)), port, Counter[str]()
        self.number = self.leases = 0

    def one(self) -> None:
        """Do something."""
        action = random.choices(
            [self.sign, self.use_up, self.sectorize, self.misbehave, self.leave], [10, 2, 1, 2, 2]
        )[0]
        action()
        self.done[action.__name__] += 1

    def sign(self) -> None:
        """A new connection, some signatures of small messages and one of a large one, of a key that
        lasts long.
        """
        with blocking.open_fleet() as fleet:
            if not store().has(LASTING):
                fleet.generate_lms(LASTING, **SETS | {"lms": "sha256_m24_h15"})
                self.leases += 1
            key = fleet.key(LASTING)
            try:
                for message in (b"1", b"2", b"3", b"4", LARGE):
                    key.sign(message)
            except StatusError as refused:
                if refused.status is not Status.NotAvailable:
                    raise
                store().remove(LASTING)

    def use_up(self) -> None:
        """A key until nothing is left of it."""
        with blocking.open_fleet() as fleet:
            key = self._key(fleet)
            for number in range(32):
                key.sign(b"%d" % number)
        store().remove(key.alias)
        self.leases += 1

    def sectorize(self) -> None:
        """A key on a card, and a lease of it into the machine."""
        if self.rack.listing():
            self.rack.remove(ESN, SLOT)
        self.rack.insert(self.rack.new()[0], ESN, SLOT)
        with blocking.open_fleet() as fleet:
            key = self._key(fleet, expcards=0, explease=3)
            fleet.provision(ESN, SLOT)
            self.leases += 1
            for number in range(4):
                key.sign(b"%d" % number)
        store().remove(key.alias)
        [card] = (found for found in self.rack.listing() if found.esn)
        self.rack.format(ESN, card.slot, force=True)

    def misbehave(self) -> None:
        """What is not a request, and half of one."""
        for words in (os.urandom(64), b"\0\0\0\x20half"):
            with socket.create_connection(("127.0.0.1", self.port)) as hostile:
                hostile.sendall(words)

    def leave(self) -> None:
        """Go away in the middle of making a key."""

        def gone(_event: object) -> None:
            raise KeyboardInterrupt

        try:
            with blocking.open_fleet() as fleet:
                self._key(fleet, progress=gone)
        except KeyboardInterrupt:
            pass

    def _key(self, fleet: blocking.Fleet, **options: object) -> blocking.Key:
        """Another key."""
        self.number += 1
        return fleet.generate_lms(f"soak-{self.number}", **SETS, **options, replace=True)


def main() -> int:
    """Print what was measured."""
    seconds = float(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "world"
        home.mkdir()
        os.environ.update(
            {
                name: value
                for name, value in environment(home).items()
                if name.startswith("SEEMACHINE")
            }
        )
        machine = RunningMachine(home, ESN)
        try:
            return watch(machine, Day(home, int(str(machine.published()["port"]))), seconds)
        finally:
            machine.stop()


def watch(machine: RunningMachine, day: Day, seconds: float) -> int:
    """Let the day go on, and look at the machine ten times."""
    pid, samples = machine.process.pid, []
    day.one()
    for part in range(1, 11):
        end = time.monotonic() + seconds / 10
        while time.monotonic() < end:
            day.one()
        # Connections that were left are noticed by the machine in its own time.
        eventually(
            lambda: descriptors(pid) <= min((sample[1] for sample in samples), default=1 << 20)
        )
        samples.append((resident(pid), descriptors(pid), day.leases))
        print(
            f"{part * 10:3} %  {samples[-1][0] / 1024:.1f} MiB  {samples[-1][1]} descriptors "
            f" {dict(day.done)}",
            flush=True,
        )
    memory, files, leases = zip(*samples, strict=True)
    known = LEASE_KIB * (leases[-1] - leases[4])
    flat = max(memory[5:]) <= ALLOWED * max(memory[:5]) + known and max(files[5:]) <= max(files[:5])
    print(f"{leases[-1]} leases; {'flat' if flat else 'GROWING'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
