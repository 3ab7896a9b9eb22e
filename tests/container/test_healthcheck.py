"""The healthcheck: 0 only for a machine that answers, soon an answer for all else."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from socket import create_server, socket

import pytest
from container.image_tree import command
from container.session import ESN, Image

# The port of the container may be taken here: the healthcheck gets another one. Else as it is, and
# without site-packages.
ELSEWHERE = """
import sys
library, program, port = sys.argv[1:]
sys.path.append(library)
import seemachine.wire.names
seemachine.wire.names.SEE_PORT = int(port)
with open(program, "rb") as file:
    code = compile(file.read(), program, "exec")
exec(code, {"__name__": "__main__", "__file__": program})
"""
# A container runtime waits 5 s (Containerfile).
PATIENCE = 5.0


def checked(image: Path, port: int) -> tuple[int, str, str]:
    """Exit code and what is printed."""
    words = [str(image / "usr/lib/seemachine"), str(image / "usr/bin/healthcheck"), str(port)]
    done = subprocess.run(
        [sys.executable, "-ISBc", ELSEWHERE, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_machine_that_answers_is_healthy(image: Path, tmp_path: Path) -> None:
    """Its ESN is printed."""
    plan = {
        "command": command(image, tmp_path / "data"),
        "data": str(tmp_path / "data"),
        "home": str(tmp_path),
    }
    with Image(plan).running() as port:
        assert checked(image, port) == (0, f"{ESN}\n", "")


def hang_up(peer: socket) -> None:
    """Says nothing, and goes."""


def talk_nonsense(peer: socket) -> None:
    """Another program took the port."""
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def keep_silent(peer: socket) -> None:
    """A machine that hangs."""
    peer.settimeout(2 * PATIENCE)
    while peer.recv(1 << 16):
        pass


@pytest.mark.parametrize("act", [hang_up, talk_nonsense, keep_silent])
def test_all_else_is_not_healthy(image: Path, act: Callable[[socket], None]) -> None:
    """One that hangs up, that speaks something else, that says nothing: a line on standard error,
    before a runtime would lose patience.
    """
    with create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as peer:
                act(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        code, output, error = checked(image, listener.getsockname()[1])
        assert time.monotonic() - began < PATIENCE
        thread.join()
    assert (code, output) == (1, "")
    assert error.startswith("healthcheck: ")
    assert len(error.splitlines()) == 1


def test_nobody_at_the_port_is_not_healthy(image: Path) -> None:
    """As while the machine starts, or after its end."""
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, output, error = checked(image, port)
    assert (code, output) == (1, "")
    assert "Connection refused" in error
