"""The keys of a terminal, one by one as they are struck; Ctrl-C and Ctrl-Z stay what they are."""

import os
import termios
import tty
from typing import Any

import trio

QUIT = b"q"
# Where tcgetattr has the control characters.
CONTROLS = 6
# After a read of nothing: input was flushed meanwhile, or the terminal is gone.
QUIET_SECONDS = 0.1


class Keyboard:
    """Standard input as far as it is this process's terminal; else nothing is ever struck."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    def take(self) -> None:
        """From now on no key waits for Enter, none is shown, and a read waits for none."""
        if not self._is_ours():
            return
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor, termios.TCSANOW)
        now = termios.tcgetattr(self._descriptor)
        now[CONTROLS][termios.VMIN] = 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, now)

    def give_back(self) -> None:
        """The terminal is as it was. What was struck and not read is not for the shell."""
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._before)
            self._before = None

    async def quit(self) -> None:
        """Return once somebody wants to leave; never where nobody can say so."""
        if self._before is None:
            await trio.sleep_forever()
        while True:
            await trio.lowlevel.wait_readable(self._descriptor)
            struck = os.read(self._descriptor, 64)
            if QUIT in struck.lower():
                return
            if not struck:
                await trio.sleep(QUIET_SECONDS)

    def _is_ours(self) -> bool:
        """A process in the background would be stopped."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return False
