"""The process that forks the machines of a fleet. Its supervisor starts it with the number of its
control socket, and options of each machine's command: `python -m seemachine.cli.fork_server N`.
"""

import argparse
import contextlib
import os
import socket
import sys
from functools import partial
from pathlib import Path

from seemachine.cli import command
from seemachine.process.fork_server import serve
from seemachine.terminal import settle_streams


def main() -> int:
    """Fork machines until the supervisor is gone."""
    settle_streams()
    os.umask(0o077)
    serve(socket.socket(fileno=int(sys.argv[1])), partial(_run, _prepared()))
    return 0


def _prepared() -> argparse.Namespace:
    """Load all that a machine runs, and nothing of a world; the words of a machine's command.

    No thread is started.
    """
    import encodings.idna  # noqa: F401
    import tomllib  # noqa: F401

    from seemachine.cli import refusals  # noqa: F401
    from seemachine.lms import engines
    from seemachine.server import launch, logs  # noqa: F401
    from seemachine.state.witness import folder  # noqa: F401

    # What a terminal takes, if there is one.
    logs.configure()
    # A machine says itself why it has no engine, or no store.
    with contextlib.suppress(engines.EngineError):
        engines.select()
    with contextlib.suppress(ImportError):
        import mmap  # noqa: F401

        from seemachine.state.nvram import sqlite  # noqa: F401
    return command.read(["serve", "--config", os.devnull, *sys.argv[2:]])


def _run(words: argparse.Namespace, file: str) -> int:
    """The machine of a file of settings."""
    words.config = [Path(file)]
    return command.main((), words)


if __name__ == "__main__":
    sys.exit(main())
