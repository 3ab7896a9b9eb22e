"""Commands on pseudo-terminals."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from kit import processes
from kit.waiting import PATIENCE


class Terminal:
    """A command on a pseudo-terminal of 100 columns. What it wrote is in `text`."""

    # Whether it is the command's controlling terminal, as where a shell starts it.
    controls = False

    def __init__(self, world, program, *words, **environment):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
        given = {
            "TERM": "xterm-256color",
            "COLUMNS": "",
            "LINES": "",
            "NO_COLOR": "",
            "FORCE_COLOR": "",
            **environment,
        }
        clean = {
            name: value for name, value in processes.environment(world, **given).items() if value
        }
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            env=clean,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=self.controls,
            preexec_fn=_take_control if self.controls else None,  # noqa: PLW1509
        )
        os.close(slave)
        self.text = ""
        self._waited_for = 0

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self):
        """One more piece of what it writes; False at the end."""
        if not select.select([self._master], [], [], PATIENCE)[0]:
            raise AssertionError(f"nothing more came after {self.text!r}")
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # how Linux tells that the last writer has closed
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, words):
        """Read until something was written, behind what was waited for last."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.text.find(words, self._waited_for)) < 0:
            assert self._read(), f"{words!r} never came: {self.text!r}"
            assert time.monotonic() < deadline, self.text
        self._waited_for = found + len(words)

    def end(self):
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def strike(self, keys):
        """As somebody does who sits there."""
        os.write(self._master, keys.encode())

    @property
    def echoes(self):
        """Whether what is struck is shown."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    @property
    def seen(self):
        """What was written up to what was waited for last."""
        return self.text[: self._waited_for]

    @property
    def shows_cursor(self):
        """Whether the terminal is left with a cursor."""
        return self.text.rfind("\x1b[?25h") >= self.text.rfind("\x1b[?25l")


class OwnTerminal(Terminal):
    """The same, which is also the controlling terminal of the command."""

    controls = True


def _take_control():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
