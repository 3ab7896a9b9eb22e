"""A machine under attack: real processes for the machine, the attackers and the honest clients."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attacks.honest import STEADY_PAUSE
from kit.connections import QUICK, connect, generate_key
from kit.processes import RunningMachine, environment
from kit.waiting import PATIENCE

from seemachine.lms.parameters import lms
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.records import StoredLease
from seemachine.wire.names import nvram_name

HERE = Path(__file__).parent
ESN = "7852-268D-3BF9"
ATTACKERS = 1000
STEADY, NEWCOMERS = 6, 2
# Each of them in a machine's listing takes about 130 bytes.
FILES_LISTED = 500
WIDE = 2048


@dataclass(frozen=True)
class Outcome:
    """What became of the honest clients, of the attackers, and of the machine.

    Milliseconds, kilobytes of memory, bytes of log.

    `most` is how many connections the attackers had at one time, those included that the machine
    had not looked at yet; `held` how many there were in the machine, of all clients.
    """

    steady: list[float]
    newcomers: list[float]
    failures: list[str]
    leaves: list[int]
    connected: int
    most: int
    held: int
    descriptors: int
    peak: int
    log: int


def fill(home: Path) -> None:
    """Put files into the machine's NVRAM that make a listing long.

    They are good for nothing else.
    """
    folder = home / "hsm" / ESN
    folder.mkdir(parents=True, mode=0o700)
    store = SqliteStore(folder)
    for number in range(FILES_LISTED):
        # LMS_SHA256_M32_H5 with W4, an identifier, and a root that begins with what makes the name.
        key = bytes.fromhex("0000000500000003") + bytes(16) + number.to_bytes(8, "big") + bytes(24)
        store.install(StoredLease(key, 0, 32, seed=bytes(32), path=b""))
    store.close()


def signing_key(running: RunningMachine, height: int) -> str:
    """Generate a key to sign with; returns the name of its NVRAM file in hexadecimal."""
    connection = connect(running)
    recipe = QUICK | {"lms": lms(f"sha256_m32_h{height}").typecode}
    _, public_key = generate_key(connection, recipe)
    connection.close()
    return nvram_name(public_key).hex()


def configured(home: Path, limits: dict[str, int]) -> Path:
    """A file with these limits."""
    config = home / "machine.toml"
    rows = "".join(f"{name} = {value}\n" for name, value in limits.items())
    config.write_text(f"[limits]\n{rows}")
    return config


@contextmanager
def machine(home: Path, limits: dict[str, int]) -> Iterator[RunningMachine]:
    """The machine, with limits of its own."""
    fill(home)
    running = RunningMachine(home, ESN, "--config", str(configured(home, limits)))
    try:
        yield running
    finally:
        running.stop()


def besiege(
    running: RunningMachine,
    kind: str,
    file: str,
    seconds: float,
    attackers: int = ATTACKERS,
    pause: float = STEADY_PAUSE,
) -> Outcome:
    """Attack a machine in one way while honest clients sign with it. `kind` may be "none".

    Those that stay pause for so many seconds between two signatures.
    """
    host, port = str(running.published()["host"]), str(running.published()["port"])
    descriptors: list[int] = []
    before = open_descriptors(running.process.pid)
    with _attack(running.home, kind, host, port, attackers) as attack:
        words = (host, port, file, str(seconds), str(STEADY), str(NEWCOMERS), str(pause))
        honest = _start(running.home, "honest.py", *words)
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(running.process.pid, over, descriptors))
        watch.start()
        try:
            told = json.loads(honest.communicate(timeout=seconds + PATIENCE)[0])
        finally:
            over.set()
            watch.join()
            honest.kill()
            honest.wait()
        figures = json.loads(attack.communicate()[0]) if attack else {"connected": 0, "most": 0}
    return Outcome(
        **told,
        connected=figures["connected"],
        most=figures["most"],
        held=max(descriptors) - before,
        descriptors=max(descriptors),
        peak=peak_kilobytes(running.process.pid),
        log=running.log.stat().st_size,
    )


def peak_kilobytes(pid: int) -> int:
    """The most memory that a process ever had resident."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def open_descriptors(pid: int) -> int:
    """How many descriptors a process has open now."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _watch(pid: int, over: threading.Event, descriptors: list[int]) -> None:
    while True:
        descriptors.append(open_descriptors(pid))
        if over.wait(0.1):
            return


@contextmanager
def _attack(
    home: Path, kind: str, host: str, port: str, count: int
) -> Iterator["subprocess.Popen[str] | None"]:
    """Attackers that have all tried, for the length of a block."""
    if kind == "none":
        yield None
        return
    process = _start(home, "attackers.py", kind, host, port, str(count))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


def _start(home: Path, script: str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE / script), *words]
    return subprocess.Popen(
        command, env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
