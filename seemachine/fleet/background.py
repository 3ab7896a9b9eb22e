"""A fleet in the background: its supervisor is a process of its own, which goes on when the command
that started it has ended.
"""

import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seemachine.fleet import status
from seemachine.fleet.configuration import FleetPlan, log_path
from seemachine.fleet.ending import LOOK_SECONDS, STOP_SECONDS
from seemachine.fleet.shared import ONE
from seemachine.process.identity import Process, child
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.lock import holder
from seemachine.world import World

START_SECONDS = 60.0
SECONDS_EACH = 0.1
# With less a supervisor or a machine may not even write why it ended.
LEAST_ROOM = 1 << 20


@dataclass(frozen=True, slots=True)
class BackgroundFleet:
    """A fleet whose supervisor was started. `began`: where its words in the log begin."""

    fleet: FleetPlan
    process: "subprocess.Popen[bytes]"
    supervisor: Process
    began: int

    def wait(self) -> bool:
        """Until each machine is up, or can't be, or patience ends; whether the fleet is up."""
        left, up = deque(machine.esn for machine in self.fleet.machines), 0
        deadline = time.monotonic() + START_SECONDS + SECONDS_EACH * len(left)
        # Where none is up the process that they share ends, and its supervisor with it.
        while left or not up:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
            up += self._pass_over(left)
        return self.process.poll() is None

    def stop(self) -> bool:
        """Have the supervisor stop, and its machines with it; False when that takes too long."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def failures(self) -> dict[str, str]:
        """Why machines that share a process did not start, by ESN."""
        found = {machine.esn: self._failure(machine.esn) for machine in self.fleet.machines}
        return {esn: why for esn, why in found.items() if why}

    def log_lines(self) -> list[str]:
        """What it wrote."""
        with log_path(self.fleet.world).open("rb") as log:
            log.seek(self.began)
            return log.read().decode(errors="replace").splitlines()

    def _pass_over(self, left: deque[str]) -> int:
        """Take away the first that are up, or are among several in one process and can't be. How
        many are up. The others are not looked at yet.
        """
        world, up = self.fleet.world, 0
        if not self.supervisor.is_same(holder(world.fleet) or Process()):
            return 0
        while left and (status.state(world, left[0]) == "up" or self._failure(left[0])):
            up += not self._failure(left.popleft())
        return up

    def _failure(self, esn: str) -> str:
        """Of a machine that has a process for itself the end of that tells."""
        return status.failure(self.fleet.world, esn) if self.fleet.process == ONE else ""


def start(
    fleet: FleetPlan, path: Path, ttl: int | None = None, parent: int | None = None
) -> BackgroundFleet:
    """Start the supervisor of the fleet that the file at `path` describes, for so many seconds, or
    until the process ends that the descriptor `parent` stands for. Raises OSError.
    """
    life = [] if ttl is None else ["--ttl", f"{ttl}s"]
    handles = [] if parent is None else [parent]
    life += [word for each in handles for word in ("--until-end-of", str(each))]
    private_folder(fleet.world.fleet)
    with log_path(fleet.world).open("ab") as log:
        began = log.tell()
        process = _supervisor(path, fleet, log, life, handles)
    return BackgroundFleet(fleet, process, child(process.pid), began)


def _supervisor(
    path: Path, fleet: FleetPlan, log: IO[bytes], life: Sequence[str], handles: Sequence[int]
) -> "subprocess.Popen[bytes]":
    count = ["--count", str(fleet.count)] if fleet.count else []
    sockets = ["--sockets", fleet.sockets] if fleet.sockets else []
    seed = ["--seed", fleet.seed] if fleet.seed else []
    given = [*count, *sockets, *seed, *fleet.injection.words, *life]
    words = ["fleet", "up", str(path.absolute()), *given, "--home", str(fleet.world)]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "seemachine", *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=handles,
    )


def refused_by_disk(world: World) -> OSError | None:
    """Why a world has no room for a log, as the system says when it is tried; None where it has, or
    where there is no folder for one.
    """
    try:
        with tempfile.TemporaryFile(dir=world.fleet) as file:
            file.write(bytes(LEAST_ROOM))
            file.flush()
    except FileNotFoundError:
        return None
    except OSError as error:
        return OSError(error.errno, error.strerror, str(world.fleet))
    return None
