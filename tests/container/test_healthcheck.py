"""The healthcheck: 0 only for a machine that answers, or is ready; soon an answer for all else."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server, socket

import pytest
from container.image_tree import command
from container.session import ESN, Image

from seemachine.wire.link import Link, Role
from seemachine.wire.status import PeerMisuse, Status

# The port of the container may be taken here: the healthcheck gets another one. Else as it is, and
# without site-packages.
ELSEWHERE = """
import sys
library, program, port = sys.argv[1:4]
sys.argv[:] = [program, *sys.argv[4:]]
sys.path.append(library)
import seemachine.wire.names
seemachine.wire.names.SEE_PORT = int(port)
with open(program, "rb") as file:
    code = compile(file.read(), program, "exec")
exec(code, {"__name__": "__main__", "__file__": program})
"""
# A container runtime waits 5 s (Containerfile).
PATIENCE = 5.0


def checked(
    image: Path, port: int, *words: str, data: Path = Path("/nowhere"), room: int = 1 << 20
) -> tuple[int, str, str]:
    """Exit code and what is printed, where files may have so many bytes."""
    given = [str(image / "usr/lib/seemachine"), str(image / "usr/bin/healthcheck"), str(port)]
    done = subprocess.run(
        [sys.executable, "-ISBc", ELSEWHERE, *given, *words],
        env={"SEEMACHINE_HOME": str(data)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_machine_that_answers_is_healthy(image: Path, tmp_path: Path) -> None:
    """Its ESN is printed. It is ready as long as there is room in its data folder."""
    data = tmp_path / "data"
    plan = {"command": command(image, data), "data": str(data), "home": str(tmp_path)}
    with Image(plan).running() as port:
        assert checked(image, port) == (0, f"{ESN}\n", "")
        assert checked(image, port, "--ready", data=data) == (0, f"{ESN}\n", "")
        assert checked(image, port, data=data, room=0) == (0, f"{ESN}\n", "")
        code, output, error = checked(image, port, "--ready", data=data, room=0)
        assert (code, output) == (1, "")
        assert error.startswith("healthcheck: the data folder can't be written: [Errno 27] ")
        assert not (data / ".writable").exists()


@contextmanager
def answering(act: Callable[[socket], None]) -> Iterator[int]:
    """The port of a peer that does this with one connection."""
    with create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as peer:
                act(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


def refuse(peer: socket) -> None:
    """No place is left: the last words of a machine that has too many connections."""
    peer.recv(1 << 16)
    misuse = PeerMisuse("256 connections are open", Status.ObjectInUse)
    peer.sendall(Link(Role.SERVER).last_words(misuse))


def test_an_answer_is_alive(image: Path) -> None:
    """Also a refusal: who restarts a busy machine makes it worse. It is not ready, and says why."""
    with answering(refuse) as port:
        assert checked(image, port) == (0, "256 connections are open\n", "")
    with answering(refuse) as port:
        assert checked(image, port, "--ready") == (1, "", "healthcheck: 256 connections are open\n")


def test_other_words_are_refused(image: Path) -> None:
    """A probe that was mistyped does not pass for a healthy machine."""
    for words in (["--redy"], ["8888", "fleet"], ["-1"]):
        assert checked(image, 1, *words) == (
            2,
            "",
            "healthcheck: it takes ports, paths of sockets, and --ready\n",
        )


def test_several_machines_are_healthy_when_all_are(image: Path) -> None:
    """Each port that is given is asked, and the one that does not answer is what counts."""
    with answering(refuse) as first, answering(refuse) as second:
        words = (str(first), str(second))
        assert checked(image, 1, *words) == (0, "256 connections are open\n" * 2, "")
    with answering(refuse) as first:
        code, output, error = checked(image, 1, str(first), "99999")
    assert (code, output) == (1, "256 connections are open\n")
    assert error.startswith("healthcheck: ")


def test_sockets_are_asked_in_place_of_ports(image: Path, tmp_path: Path) -> None:
    """One by its path, all of a folder by that of the folder; none there is not healthy."""
    data, folder = tmp_path / "data", tmp_path / "sockets"
    plan = {"command": command(image, data), "data": str(data), "home": str(tmp_path)}
    options = ["--port", "0", "--host", "127.0.0.1", "--socket", f"{folder}/"]
    code, output, error = checked(image, 1, str(folder), "--ready", data=data)
    assert (code, output) == (1, "")
    assert error == f"healthcheck: {folder}: [Errno 2] No such file or directory\n"
    with Image({**plan, "options": options}).running():
        [path] = folder.iterdir()
        for word in (path, folder):
            assert checked(image, 1, str(word), "--ready", data=data) == (0, f"{ESN}\n", "")
    path.unlink()
    code, output, error = checked(image, 1, str(folder))
    assert (code, output, error) == (1, "", f"healthcheck: no socket is in {folder}\n")


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
    with answering(act) as port:
        began = time.monotonic()
        code, output, error = checked(image, port)
        assert time.monotonic() - began < PATIENCE
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
