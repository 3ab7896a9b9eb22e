"""Child processes of these tests that are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path


def child(*words: object, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start state.children with these words, `within` another command if given.

    Its standard output is a pipe.
    """
    command = [*within, sys.executable, "-m", "state.children", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(lines: int, *words: object) -> list[int]:
    """Let a child say that many numbers and kill it. Returns all that it said before it died."""
    process = child(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        # By the same reader: lines that it took from the pipe ahead of time are in nobody else's
        # hands.
        said += process.stdout.read().splitlines(keepends=True)
        assert process.wait(timeout=30) == -signal.SIGKILL, process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    # The last line may have been cut by the kill.
    return [int(line) for line in said if line.endswith("\n")]
