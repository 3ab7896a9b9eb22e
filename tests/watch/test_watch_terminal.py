"""`seemachine watch` as a process: on a terminal, in a pipe, once."""

import os
import signal
import subprocess
import sys

import pytest
from kit.processes import environment
from kit.terminals import OwnTerminal, Terminal

from seemachine import testing

WATCH = ("-m", "seemachine")
WORDS = ("watch", "--every", "1")


@pytest.fixture(scope="module")
def fleet():
    """A fleet with a key of which something is used."""
    with testing.fleet(machines=2) as made:
        made.generate_lms("release", **testing.QUICK).sign(b"m")
        yield made


def test_ctrl_c_leaves_the_terminal_as_it_was(fleet):
    """On a screen of its own, which is gone then; the cursor is there again. Ctrl-Z gives the
    terminal back meanwhile.
    """
    with Terminal(fleet.world.folder, WATCH, *WORDS) as terminal:
        terminal.wait_for("\x1b[?1049h")
        terminal.wait_for("release")
        terminal.wait_for("31 of 32 left")
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.wait_for("\x1b[?1049l")
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("\x1b[?1049h")
        terminal.wait_for("31 of 32 left")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert terminal.text.rstrip().endswith("\x1b[?1049l")
        assert terminal.shows_cursor
        assert "Traceback" not in terminal.text


def test_q_leaves(fleet):
    """At once, and is not shown; Ctrl-Z gives back a terminal that shows what is struck."""
    with OwnTerminal(fleet.world.folder, WATCH, *WORDS) as terminal:
        assert terminal.echoes
        terminal.wait_for("31 of 32 left")
        assert not terminal.echoes
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.wait_for("\x1b[?1049l")
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED)
        assert terminal.echoes
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("\x1b[?1049h")
        terminal.strike("xq")
        assert terminal.end() == 0
        assert terminal.text.rstrip().endswith("\x1b[?1049l")


def test_who_reads_a_pipe_gets_lines(fleet):
    """Also of a terminal that can't do more, as here; all that there is, then what changes."""
    with Terminal(fleet.world.folder, WATCH, *WORDS, TERM="dumb") as terminal:
        terminal.wait_for("release: 31 of 32 left\r\n")
        fleet.key("release").sign(b"m")
        terminal.wait_for("release: 30 of 32 left, ")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 128 + signal.SIGTERM
        assert "\x1b" not in terminal.text


def test_once_is_one_look(fleet):
    """In ASCII where the locale has no more."""
    given = environment(fleet.world.folder, PYTHONIOENCODING="ascii")
    command = [sys.executable, *WATCH, "watch", "--once"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    head, *lines = done.stdout.splitlines()
    assert head.endswith("   2 up")
    assert [line.split()[1] for line in lines[:2]] == [each.esn for each in fleet.machines()]
    assert "####" in done.stdout
    assert done.stdout.isascii()


def test_a_reader_that_leaves_ends_it(fleet):
    """Though there is nothing to say any more."""
    with subprocess.Popen(
        [sys.executable, *WATCH, *WORDS],
        env=environment(fleet.world.folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stdout is not None
        watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(30) == 1
