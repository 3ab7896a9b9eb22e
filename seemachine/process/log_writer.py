"""Standard error that nobody waits for: a thread of its own writes what all others leave with it.

A pipe whose reader stalls or a terminal stopped by Ctrl-S holds up that thread alone. Lines for
which there is no room meanwhile are dropped and counted; so are lines that a full disk or a closed
pipe refuses. The count is told as soon as lines can be written again.
"""

import contextlib
import errno
import io
import math
import os
import select
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TextIO

from seemachine.process.shortage import lacking, sentence

# Of lines that wait to be written: about a minute of a busy machine's.
MOST_BYTES = 1 << 20
# As much as a pipe takes whole or not at all: the machines of a fleet share one.
TOGETHER = select.PIPE_BUF
# After a refusal others are not tried for so long: that costs more than to write a line.
PAUSE_SECONDS = 0.1
# At the end of a process, for what was left to be written.
DRAIN_SECONDS = 1.0
# After a write, for the next lines to come together: to be woken for a line costs ten times as much
# as to write it.
REST_SECONDS = 0.002

# Writes some of these bytes and says how many. Raises OSError.
Sink = Callable[[memoryview], int]


class LogWriter:
    """One for a process. Raises OSError when its thread can't be started.

    `notice` is the line about so many that were dropped.
    """

    def __init__(
        self,
        sink: Sink,
        most: int = MOST_BYTES,
        pause: float = PAUSE_SECONDS,
        rest: float = REST_SECONDS,
    ) -> None:
        self.notice: Callable[[int], str] = _plain_notice
        self._sink = sink
        self._most = most
        self._pause = pause
        self._rest = rest
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        # For want of room, since the thread last found nothing to write.
        self._dropped = 0
        # The thread's alone: lines that are yet to be told of, and whether one was cut short.
        self._lost = 0
        self._torn = False
        self._refused = -math.inf
        self._idle = True
        # A lock that its owner may take again: Python may log within any statement of ours.
        self._lock = threading.RLock()
        self._change = threading.Condition(self._lock)
        try:
            threading.Thread(target=self._run, name="log", daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, sentence(lacking(error))) from error

    def write(self, lines: str) -> None:
        """Leave lines to be written. Returns at once and never raises.

        Once some were dropped, all are until those before them are written.
        """
        # With the lock itself and without `suppress`: they would cost as much as all the rest.
        try:
            with self._lock:
                self._keep(lines)
        except MemoryError:
            pass

    def _keep(self, lines: str) -> None:
        try:
            data = lines.encode(errors="backslashreplace")
            if self._dropped or self._bytes + len(data) > self._most:
                self._dropped += max(1, data.count(b"\n"))
            else:
                self._lines.append(data)
                self._bytes += len(data)
        except MemoryError:
            self._dropped += 1
        if self._idle:
            self._change.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until all is written, for so long at most. Returns whether it is."""
        with self._change:
            return self._change.wait_for(self._nothing_left, seconds)

    def _nothing_left(self) -> bool:
        return self._idle and not self._lines and not self._dropped

    def _run(self) -> None:
        while True:
            with contextlib.suppress(MemoryError):
                self._put(self._take())
            if not self._lines:
                time.sleep(self._rest)

    def _take(self) -> list[bytes]:
        """The lines that are written next, together; none when only their loss is to be told."""
        with self._change:
            self._idle = True
            self._change.notify_all()
            while not self._lines and not self._dropped:
                self._change.wait()
            self._idle = False
            if not self._lines:
                self._lost, self._dropped = self._lost + self._dropped, 0
            taken = [self._lines.popleft()] if self._lines else []
            size = sum(map(len, taken))
            while self._lines and size + len(self._lines[0]) <= TOGETHER:
                taken.append(self._lines.popleft())
                size += len(taken[-1])
            self._bytes -= size
            return taken

    def _put(self, lines: list[bytes]) -> None:
        try:
            if time.monotonic() < self._refused + self._pause:
                self._lose(lines)
                return
            loss = self.notice(self._lost).encode() if self._lost else b""
            self._write_all(b"\n"[: self._torn] + loss + b"".join(lines))
            self._lost = 0
        except (OSError, ValueError, MemoryError):
            self._refused = time.monotonic()
            self._lose(lines)

    def _lose(self, lines: list[bytes]) -> None:
        self._lost += sum(max(1, line.count(b"\n")) for line in lines)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._sink(view) :]
            self._torn = bool(view)


class _Begun(threading.local):
    """A line that is not whole yet, of each thread."""

    text = ""


class LogStream(io.TextIOBase):
    """Standard error, whose whole lines go to the writer. What a thread began waits for its end."""

    def __init__(self, before: TextIO, writer: LogWriter) -> None:
        super().__init__()
        self._before = before
        self._writer = writer
        self._begun = _Begun()

    def write(self, text: str) -> int:
        """Leave it to the writer, as soon as the line is whole."""
        begun = self._begun
        if text.endswith("\n") and not begun.text:
            self._writer.write(text)
        else:
            lines, newline, begun.text = (begun.text + text).rpartition("\n")
            if newline:
                self._writer.write(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._before.isatty()

    def fileno(self) -> int:
        """Of the stream that it writes to."""
        return self._before.fileno()


@contextlib.contextmanager
def unhurried() -> Iterator[LogWriter]:
    """From here on nobody waits for standard error, also not a traceback; at the end it is drained.

    Where nobody reads then, whatever the process still says is dropped. Raises OSError.
    """
    before = sys.stderr
    writer = LogWriter(_sink(before))
    sys.stderr = LogStream(before, writer)
    try:
        yield writer
    except OSError:
        raise
    except Exception:  # noqa: BLE001
        # Here, for the interpreter would wait for its reader.
        traceback.print_exc()
        raise SystemExit(1) from None
    finally:
        if writer.drain(DRAIN_SECONDS):
            sys.stderr = before


def _sink(stream: TextIO) -> Sink:
    """Its descriptor, if it has one: the lock of a stream would hold up the end of the process."""
    try:
        return partial(_to_descriptor, stream.fileno())
    except OSError:
        return partial(_to_stream, stream)


def _to_descriptor(descriptor: int, data: memoryview) -> int:
    while True:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            # Somebody else who has this pipe made it so.
            select.select([], [descriptor], [])


def _to_stream(stream: TextIO, data: memoryview) -> int:
    stream.write(bytes(data).decode())
    return len(data)


def _plain_notice(count: int) -> str:
    return f"seemachine: lines dropped: {count}; nobody read standard error\n"
