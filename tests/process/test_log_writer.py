"""log_writer.py: who logs waits for nobody, and what could not be written is counted."""

import errno
import fcntl
import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from seemachine.process.log_writer import LogStream, LogWriter, _to_descriptor, unhurried

PATIENCE = 20.0
FILLING = "x" * 4095 + "\n"


class Pipe:
    """A pipe that holds one page, and a writer in front of it."""

    def __init__(self, most: int = 1 << 20) -> None:
        self.reading, self.writing = os.pipe()
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, 4096)
        self.writer = LogWriter(partial(_to_descriptor, self.writing), most)

    def stall(self) -> None:
        """Fill it, so that nothing moves before somebody reads."""
        os.write(self.writing, FILLING.encode())

    def read(self, count: int) -> list[str]:
        """So many lines."""
        data = b""
        while data.count(b"\n") < count:
            data += os.read(self.reading, 1 << 16)
        return [line.strip() for line in data.decode().splitlines()]

    def close(self) -> None:
        """Both ends."""
        for descriptor in (self.reading, self.writing):
            os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """With the usual room in front of it."""
    made = Pipe()
    yield made
    made.close()


class Sink:
    """Answers each call as it was told: an error, so many bytes that it takes, or None for all."""

    def __init__(self, *answers: Exception | int | None) -> None:
        self.answers = list(answers)
        self.taken = b""

    def __call__(self, data: memoryview) -> int:
        """See Sink."""
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        count = len(data) if answer is None else answer
        self.taken += bytes(data[:count])
        return count


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    """What was left with it comes out as it is and in its order, and then it is drained."""
    lines = [f"line {number} \udcff" for number in range(20)]
    for line in lines:
        pipe.writer.write(f"{line}\n")
    assert pipe.writer.drain(PATIENCE)
    assert pipe.read(20) == [line.replace("\udcff", "\\udcff") for line in lines]


def test_nobody_waits_for_a_reader_that_stalls() -> None:
    """What finds no room is dropped, and its number stands where it would have stood."""
    pipe = Pipe(most=1000)
    pipe.stall()
    for number in range(5000):
        pipe.writer.write(f"flood {number}\n")
    lines = pipe.read(1)
    while not lines[-1].endswith("standard error"):
        lines += pipe.read(1)
    pipe.writer.write("after\n")
    after = pipe.read(1)

    [_, *flood, told] = lines
    assert flood == [f"flood {number}" for number in range(len(flood))]
    assert told == f"seemachine: lines dropped: {5000 - len(flood)}; nobody read standard error"
    assert after == ["after"]
    pipe.close()


def test_lines_that_a_full_disk_refuses_are_counted() -> None:
    """They are gone, and their number is told before the first line that finds room again."""
    sink = Sink(FULL, FULL)
    writer = LogWriter(sink, pause=0)
    for line in ("one\n", "two\nand more of it\n", "three\n"):
        writer.write(line)
        assert writer.drain(PATIENCE)
    assert sink.taken == b"seemachine: lines dropped: 3; nobody read standard error\nthree\n"


def test_a_full_disk_is_not_tried_with_every_line() -> None:
    """For a while after a refusal lines are only counted."""
    sink = Sink(FULL)
    writer = LogWriter(sink, pause=1000)
    for line in ("one\n", "two\n"):
        writer.write(line)
        assert writer.drain(PATIENCE)
    assert (sink.taken, writer._lost) == (b"", 2)


def test_a_line_that_was_cut_short_is_ended() -> None:
    """What follows a half-written line begins a line of its own."""
    sink = Sink(4, FULL)
    writer = LogWriter(sink, pause=0)
    for line in ("half of it\n", "next\n"):
        writer.write(line)
        assert writer.drain(PATIENCE)
    assert sink.taken == b"half\nseemachine: lines dropped: 1; nobody read standard error\nnext\n"


def test_a_closed_pipe_harms_nobody(pipe: Pipe) -> None:
    """Without a reader lines are dropped, and there is nothing to wait for."""
    os.close(pipe.reading)
    pipe.writer.write("unheard\n")
    assert pipe.writer.drain(PATIENCE)
    pipe.reading = os.open(os.devnull, os.O_RDONLY)


def test_a_descriptor_that_would_not_block_is_waited_for(pipe: Pipe) -> None:
    """Where somebody else made the pipe non-blocking no line is lost."""
    pipe.stall()
    os.set_blocking(pipe.writing, False)
    pipe.writer.write("a line\n")
    assert not pipe.writer.drain(0.01)
    assert pipe.read(2)[1:] == ["a line"]
    assert pipe.writer.drain(PATIENCE)


def test_the_end_waits_for_a_reader_only_so_long(pipe: Pipe) -> None:
    """Drained in vain, it says so."""
    pipe.stall()
    pipe.writer.write("unread\n")
    assert not pipe.writer.drain(0)


def test_a_line_belongs_to_the_thread_that_began_it() -> None:
    """Two threads that print in pieces do not get into each other's lines."""
    sink = Sink()
    writer = LogWriter(sink)
    stream = LogStream(io.StringIO(), writer)
    stream.write("of one ")
    other = threading.Thread(target=print, args=("of another",), kwargs={"file": stream})
    other.start()
    other.join()
    stream.write("thread\n")
    assert writer.drain(PATIENCE)
    assert sink.taken == b"of another\nof one thread\n"


def test_no_thread_for_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even its own thread can be had, the error says what to raise."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="no more threads; raise the limit of processes"):
        LogWriter(Sink())


def end_by_a_bug() -> None:
    """A process that says something, and then fails."""
    with unhurried():
        print("before", file=sys.stderr)
        raise ZeroDivisionError("a bug")


def test_the_end_by_an_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug's traceback comes last, the exit code is 1, and standard error is what it was."""
    monkeypatch.setattr(sys, "stderr", caught := io.StringIO())
    with pytest.raises(SystemExit) as ended:
        end_by_a_bug()
    assert ended.value.code == 1
    assert sys.stderr is caught
    lines = caught.getvalue().splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "before",
        "Traceback (most recent call last):",
        "ZeroDivisionError: a bug",
    )


class Calls(Sink):
    """A sink that keeps what each write had."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def __call__(self, data: memoryview) -> int:
        """See Sink."""
        self.writes.append(bytes(data))
        return super().__call__(data)


def test_lines_of_a_crowd_leave_together() -> None:
    """After silence a line is written at once; those that follow it soon have one write."""
    writer = LogWriter(sink := Calls(), rest=0.2)
    writer.write("first\n")
    began = time.monotonic()
    while not sink.writes:
        time.sleep(0.001)
    assert time.monotonic() - began < 0.2
    for number in range(20):
        writer.write(f"line {number}\n")
    assert writer.drain(PATIENCE)
    assert sink.writes == [b"first\n", b"".join(b"line %d\n" % number for number in range(20))]


def test_a_rest_holds_up_no_line_that_waits() -> None:
    """More than fits into one write goes out without a pause between them."""
    writer = LogWriter(sink := Calls(), rest=0.2)
    began = time.monotonic()
    for _ in range(100):
        writer.write(FILLING)
    assert writer.drain(PATIENCE)
    assert len(sink.writes) == 100
    assert time.monotonic() - began < 10 * 0.2


def test_no_memory_for_a_line_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes goes on, and the number is told as soon as something is written again."""

    class Huge(str):
        __slots__ = ()

        def encode(self, *_args: object, **_options: object) -> bytes:
            raise MemoryError

    writer = LogWriter(sink := Sink())
    writer.write(Huge("lost\n"))
    assert writer.drain(PATIENCE)
    writer.write("next\n")
    assert writer.drain(PATIENCE)
    assert sink.taken == b"seemachine: lines dropped: 1; nobody read standard error\nnext\n"
