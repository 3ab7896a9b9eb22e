"""The entry point before the machine runs: what it looks for, says and refuses."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from container.image_tree import command, run_entry
from container.session import ESN
from kit.waiting import eventually

# A port that nobody can have: `serve` ends at once.
NO_PORT = ("--port", "99999")
NEEDED = (
    *("array", "binascii", "contextvars", "fcntl", "math", "random", "resource"),
    *("select", "socket", "struct", "subprocess", "threading", "unicodedata"),
)


@pytest.mark.parametrize("module", NEEDED)
def test_a_needed_module_is_named_when_it_is_missing(
    image: Path, tmp_path: Path, module: str
) -> None:
    """The start ends with a sentence, not with a traceback from the depth of some package."""
    done = run_entry(image, tmp_path / "data", blocked=module)
    assert done.returncode == 1
    assert f"seemachine: needed and missing: {module}: " in done.stderr
    assert "seemachine: this Python can't run the machine" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hash_function_can_be_what_is_missing(image: Path, tmp_path: Path) -> None:
    """Without both of Python's implementations of SHA-256 there is no LMS, and without SHAKE256
    half of the parameter sets.
    """
    done = run_entry(image, tmp_path / "data", blocked="_hashlib _sha256 _sha2 _sha3")
    assert done.returncode == 1
    assert "needed and missing: hashlib.sha256: " in done.stderr
    assert (
        "missing: hashlib.shake_256: no ML-DSA keys, and none of LMS with SHAKE256 parameter sets"
        in done.stderr
    )


def test_the_esn_is_taken_from_the_environment_then_from_a_file_then_made_up(
    image: Path, tmp_path: Path
) -> None:
    """In this order; only the last is worth a line."""
    data = tmp_path / "data"
    done = run_entry(image, data, *NO_PORT)
    assert (
        f"neither $SEEMACHINE_ESN nor {data}/esn tells the ESN; C0DE-5AFE-0005 is taken"
        in done.stderr
    )
    (data / "esn").write_text("not one\n")
    done = run_entry(image, data)
    assert done.returncode == 2
    assert "'not one' is not an ESN" in done.stderr
    done = run_entry(image, data, SEEMACHINE_ESN="neither")
    assert "'neither' is not an ESN" in done.stderr
    done = run_entry(image, tmp_path / "other", *NO_PORT, "--esn", ESN)
    assert "tells the ESN" not in done.stderr


def test_an_esn_file_that_cannot_be_read_is_refused(image: Path, tmp_path: Path) -> None:
    """No ESN is made up where one was meant to be told: its NVRAM would be another one."""
    (tmp_path / "data" / "esn").mkdir(parents=True)
    done = run_entry(image, tmp_path / "data", *NO_PORT)
    assert done.returncode == 1
    assert f"seemachine: the ESN can't be read: {tmp_path}/data/esn is not a file" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["data", "~/data"])
def test_a_data_folder_is_named_from_the_root(image: Path, tmp_path: Path, path: str) -> None:
    """Where the container starts, and whose home is whose, is not known; nothing is made in a
    folder that was not meant.
    """
    done = run_entry(image, tmp_path, SEEMACHINE_HOME=path)
    assert done.returncode == 1
    assert (
        "`world`, or $SEEMACHINE_HOME instead of it, takes the absolute path of the data folder,"
        f" not '{path}'" in done.stderr
    )


def test_a_full_data_folder_is_refused(image: Path, tmp_path: Path) -> None:
    """An empty file finds room in a full file system; what the machine writes would not."""
    data = tmp_path / "data"
    full = ["sh", "-c", 'ulimit -f 0; exec "$@"', "full", *command(image, data)]
    done = subprocess.run(
        full,
        env={"SEEMACHINE_HOME": str(data)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    us = f"user {os.geteuid()} of group {os.getegid()}"
    assert f"the data folder {data} can't be written by {us}: [Errno 27]" in done.stderr
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("word", ["audit", "fleet", "serve"])
def test_words_for_hosts_are_refused(image: Path, tmp_path: Path, word: str) -> None:
    """What needs a client, or starts processes, or would serve without the settings of the image,
    is refused with what is known.
    """
    done = run_entry(image, tmp_path / "data", word)
    assert done.returncode == 2
    assert (
        f"seemachine: {word} is not for the container, which knows the options of serve, and card,"
        " info; try it on a host" in done.stderr
    )


@contextlib.contextmanager
def started(image: Path, folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """The entry point, running on any port; what it prints goes to `output` and `error` of the
    folder.
    """
    env = {"SEEMACHINE_HOME": str(folder / "data"), "SEEMACHINE_ESN": ESN}
    run = [*command(image, folder / "data"), "--host", "127.0.0.1", "--port", "0"]
    with (folder / "output").open("wb") as output, (folder / "error").open("wb") as error:
        process = subprocess.Popen(
            run, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=error
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_log_is_on_standard_error_and_sigterm_stops_in_order(
    image: Path, tmp_path: Path
) -> None:
    """Standard output stays empty; told to stop, the machine says that it stopped, and its exit
    code is 0.
    """
    error = tmp_path / "error"
    with started(image, tmp_path) as process:
        assert eventually(lambda: '"event": "hardened"' in error.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert '"event": "stopped"' in error.read_text().splitlines()[-1]
    assert (tmp_path / "output").read_bytes() == b""


def test_sigterm_is_heard_from_the_first_line_on(image: Path, tmp_path: Path) -> None:
    """Process 1 of a container would not be ended by a signal that it has no answer to: it has one
    before it serves.
    """
    with started(image, tmp_path) as process:
        assert eventually(lambda: (tmp_path / "error").read_text().startswith("seemachine: Python"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_data_folder_that_cannot_be_written_is_refused_by_name(
    image: Path, tmp_path: Path
) -> None:
    """The sentence says where to name another."""
    (tmp_path / "file").touch()
    done = run_entry(image, tmp_path / "file" / "data")
    assert done.returncode == 1
    assert str(tmp_path / "file" / "data") in done.stderr
    assert (
        f"Name another as `world` in {image}/etc/seemachine.toml or in $SEEMACHINE_HOME"
        in done.stderr
    )


def test_a_taken_port_ends_the_start(image: Path, tmp_path: Path) -> None:
    """The machine says which port it can't have; it takes no other one, for the host would not look
    there.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_entry(image, tmp_path / "data", "--host", "127.0.0.1", "--port", port)
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr


def test_it_runs_with_no_standard_files(image: Path, tmp_path: Path) -> None:
    """Started with numbers 0 to 2 closed, it works, and no file of the data folder gets what is
    printed.
    """
    data = tmp_path / "data"
    start = [*command(image, data), "card", "new"]
    closed = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "closed", *start]
    done = subprocess.run(
        closed,
        env={"SEEMACHINE_HOME": str(data), "PATH": os.environ["PATH"]},
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert [path.name for path in data.iterdir()] == ["cards"]
    listed = run_entry(image, data, "card", "list")
    assert "card1" in listed.stdout
