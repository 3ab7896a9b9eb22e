"""Tools at a terminal of their own."""

import errno
import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable

from kit.site import Site

SECONDS = 30.0
# Which are no tools, and the modules that they are.
COMMANDS = {"seemachine": "seemachine", "pipsqueak": "seeclient"}
Answer = bytes | Callable[[], object]


def typed(
    site: Site, name: str, words: list[str], answers: list[tuple[str, Answer]]
) -> tuple[int, str]:
    """Run a tool, `seemachine` or `pipsqueak` at a terminal.

    Each answer is typed, or done, when its text was printed.

    Returns the exit code and all that was seen.
    """
    host, terminal = pty.openpty()
    command = [
        sys.executable,
        "-m",
        COMMANDS.get(name, f"seemachine.nfast.tools.{name}"),
        *words,
    ]
    with subprocess.Popen(
        command,
        env=site.env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    ) as process:
        os.close(terminal)
        seen, looked = "", 0
        while piece := _piece(host):
            seen += piece
            while answers and answers[0][0] in seen[looked:]:
                text, answer = answers.pop(0)
                looked = seen.index(text, looked) + len(text)
                if isinstance(answer, bytes):
                    os.write(host, answer)
                else:
                    answer()
    os.close(host)
    return process.returncode, seen.replace("\r\n", "\n")


def _piece(host: int) -> str:
    if not select.select([host], [], [], SECONDS)[0]:
        return ""
    try:
        return os.read(host, 4096).decode()
    except OSError as error:  # the other end was closed
        assert error.errno == errno.EIO
        return ""
