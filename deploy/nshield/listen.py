"""Listening to a tool until it ends, or until it has taken too long."""

import codecs
import contextlib
import os
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# As timeout(1) ends.
TOO_LATE = 124
# Who waits for longer than this sees for what.
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool that has ended.

    `said` is what it printed, both streams; empty when it had the terminal to itself.
    """

    code: int
    said: str

    @property
    def lines(self) -> list[str]:
        """Without empty ones."""
        return [line.strip() for line in self.said.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Way:
    """How a tool is called.

    `typed` is what it is answered; None: it has our own standard input. `seconds` None: it may take
    for ever.
    """

    name: str
    folder: Path
    typed: str | None
    seconds: float | None
    shown: bool


class Screen:
    """Prints what a tool says, line by line and indented, once a line is whole."""

    def __init__(self) -> None:
        self._begun = ""

    def show(self, text: str) -> None:
        """More of what it says."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            print(f"  {line}", flush=True)

    def end(self) -> None:
        """A last line may lack its end."""
        if self._begun:
            self.show("\n")


def listen(process: "subprocess.Popen[bytes]", way: Way) -> Ran:
    """All that it says until its end. One that takes too long is killed, and that is said."""
    deadline = None if way.seconds is None else time.monotonic() + way.seconds
    said, screen = "", Screen()
    try:
        _type(process, way.typed or "")
        for text in _texts(process, deadline, "" if way.shown else way.name):
            said += text
            if way.shown:
                screen.show(text)
        code = process.wait(_left(deadline))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code, late = (
            TOO_LATE,
            f"{way.name} did not end within {way.seconds:g} seconds, and was killed\n",
        )
        said = f"{said}\n{late}"
        screen.show(late)
    screen.end()
    assert process.stdout is not None
    process.stdout.close()
    return Ran(code, said)


def _type(process: "subprocess.Popen[bytes]", typed: str) -> None:
    """It may refuse, and be gone, before it reads what we would answer."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(typed.encode())
            process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _texts(process: "subprocess.Popen[bytes]", deadline: float | None, name: str) -> Iterator[str]:
    """What it says, as it comes. Raises TimeoutExpired."""
    assert process.stdout is not None
    decoder, descriptor = codecs.getincrementaldecoder("utf-8")("replace"), process.stdout.fileno()
    while _ready(descriptor, deadline, name):
        part = os.read(descriptor, 65536)
        yield decoder.decode(part, final=not part)
        if not part:
            return
    raise subprocess.TimeoutExpired(process.args, 0)


def _ready(descriptor: int, deadline: float | None, name: str) -> bool:
    """Whether it says more, or has ended, before the deadline.

    `name`: of one whose call was not shown, shown when it is slow.
    """
    left = _left(deadline)
    if name and (left is None or left > PATIENCE_SECONDS):
        if select.select([descriptor], [], [], PATIENCE_SECONDS)[0]:
            return True
        print(f"  waiting for {name}", flush=True)
    return bool(select.select([descriptor], [], [], _left(deadline))[0])


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0)
