"""Signals that stop a process, in processes of their own."""

import signal
import subprocess
import sys

import pytest

from seemachine.process import signals as stopping

# Told to stop, it says so and takes its time, in which more signals come, also while Python itself
# ends.
PROGRAM = """
import atexit, signal, sys
import trio
from seemachine.process import signals as stopping

TELLS = {tells}

async def main(tell):
    with trio.open_signal_receiver(*stopping.SIGNALS) as signals:
        print("ready", flush=True)
        await anext(signals)
        if TELLS:
            tell()

atexit.register(lambda: [signal.raise_signal(number) for number in stopping.SIGNALS])
with stopping.once() as stop:
    trio.run(main, stop.begin)
    for number in stopping.SIGNALS:
        signal.raise_signal(number)
"""
EARLY = """
import signal
import trio
from seemachine.process import signals as stopping

async def main(release):
    with trio.open_signal_receiver(*stopping.SIGNALS) as signals:
        release()
        await anext(signals)

# Also where whoever runs the tests ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
with stopping.once() as stop:
    print("ready", flush=True)
    if {held}:
        stop.hold()
    signal.raise_signal(signal.{number})
    trio.run(main, stop.release)
"""
BEFORE = """
import signal, time
from seemachine.process import signals as stopping

with stopping.once():
    print("ready", flush=True)
    time.sleep(60)
"""


def stopped(program: str, *signals: signal.Signals) -> int:
    """The exit code of a program that gets these signals once it is ready."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in signals:
            process.send_signal(number)
        return process.wait(30)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_is_the_only_one(first: signal.Signals) -> None:
    """Whatever comes after it, up to the very end, the process ends as it would have."""
    assert stopped(PROGRAM.format(tells=True), first, signal.SIGTERM, signal.SIGHUP) == 0


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_before_the_loop_waits_for_it(number: str) -> None:
    """It stops the process in order, like one that comes later; else it would end what begins."""
    assert stopped(EARLY.format(number=number, held=True)) == 0
    assert stopped(EARLY.format(number=number, held=False)) == -signal.Signals[number]


def test_without_being_told_a_signal_ends_the_process() -> None:
    """The program of the test above is one that can fail."""
    assert stopped(PROGRAM.format(tells=False), signal.SIGTERM) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGINT, -signal.SIGINT),
    ],
)
def test_before_it_stops_signals_do_what_they_did(number: signal.Signals, code: int) -> None:
    """A process that nobody asked to stop in order is killed by them; Python ends by Ctrl-C as if
    it had not caught it.
    """
    assert stopped(BEFORE, number) == code


def test_what_its_parent_blocked_stops_it_all_the_same() -> None:
    """A request to stop becomes a signal, which nobody would hear; later all is as before."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        with stopping.once():
            signal.raise_signal(signal.SIGTERM)
            assert heard == [signal.SIGTERM]
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGTERM, before)
