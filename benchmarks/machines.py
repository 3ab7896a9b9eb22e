"""A machine to measure: a real `seemachine serve` process on a free port, in a world folder of its own."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ESN = "7852-268D-3BF9"
POLL_SECONDS = 0.002


def start(home: Path) -> subprocess.Popen[bytes]:
    """Start the machine and return when it is published."""
    command = [sys.executable, "-m", "seemachine", "serve", "--esn", ESN, "--port", "0", "--home", str(home)]
    log = (home / "log").open("ab")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    path = home / "published" / "pqsdk" / f"{ESN}.json"
    while not (path.exists() and json.loads(path.read_text())["pid"] == process.pid):
        if process.poll() is not None:
            raise RuntimeError((home / "log").read_text())
        time.sleep(POLL_SECONDS)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it in order."""
    process.terminate()
    process.wait()


@contextlib.contextmanager
def world() -> Iterator[Path]:
    """A world folder for the length of a block; commands of this process use it."""
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        before = os.environ.get("SEEMACHINE_HOME")
        os.environ["SEEMACHINE_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["SEEMACHINE_HOME"]
            else:
                os.environ["SEEMACHINE_HOME"] = before


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """A world with one machine running."""
    with world() as home:
        process = start(home)
        try:
            yield home
        finally:
            stop(process)
