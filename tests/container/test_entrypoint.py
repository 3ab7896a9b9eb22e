"""The entry point before the machine runs: what it looks for, says and refuses."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from container.imagekit import command, run_entry

# A port that nobody can have: `serve` ends at once.
NO_PORT = ("--port", "99999")
NEEDED = ("array", "fcntl", "unicodedata")


@pytest.mark.parametrize("module", NEEDED)
def test_a_needed_module_is_named_when_it_is_missing(image: Path, tmp_path: Path, module: str) -> None:
    """The start ends with a sentence, not with a traceback from the depth of some package."""
    done = run_entry(image, tmp_path / "data", blocked=module)
    assert done.returncode == 1
    assert f"seemachine: needed and missing: {module}: " in done.stderr
    assert "seemachine: this Python can't run the machine" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hash_function_can_be_what_is_missing(image: Path, tmp_path: Path) -> None:
    """Without both of Python's implementations of SHA-256 there is no LMS, and without SHAKE256 half of the parameter sets."""
    done = run_entry(image, tmp_path / "data", blocked="_hashlib _sha256 _sha2 _sha3")
    assert done.returncode == 1
    assert "needed and missing: hashlib.sha256: " in done.stderr
    assert "missing: hashlib.shake_256: keys with SHAKE256 parameter sets can't be made or used" in done.stderr


def test_the_esn_is_taken_from_the_environment_then_from_a_file_then_made_up(image: Path, tmp_path: Path) -> None:
    """In this order; only the last is worth a line."""
    data = tmp_path / "data"
    done = run_entry(image, data, *NO_PORT)
    assert f"neither $SEEMACHINE_ESN nor {data}/esn tells the ESN; C0DE-5AFE-0005 is taken" in done.stderr
    (data / "esn").write_text("not one\n")
    done = run_entry(image, data)
    assert done.returncode == 2
    assert "not 'not one'" in done.stderr
    done = run_entry(image, data, SEEMACHINE_ESN="neither")
    assert "not 'neither'" in done.stderr


def test_a_data_folder_that_cannot_be_written_is_refused_by_name(image: Path, tmp_path: Path) -> None:
    """The sentence says where to name another."""
    (tmp_path / "file").touch()
    done = run_entry(image, tmp_path / "file" / "data")
    assert done.returncode == 1
    assert str(tmp_path / "file" / "data") in done.stderr
    assert f"Name another as `world` in {image}/etc/seemachine.toml or in $SEEMACHINE_HOME" in done.stderr


def test_a_taken_port_ends_the_start(image: Path, tmp_path: Path) -> None:
    """The machine says which port it can't have; it takes no other one, for the host would not look there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_entry(image, tmp_path / "data", "--host", "127.0.0.1", "--port", port)
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr


def test_it_runs_with_no_standard_files(image: Path, tmp_path: Path) -> None:
    """Started with numbers 0 to 2 closed, it works, and no file of the data folder gets what is printed."""
    data = tmp_path / "data"
    start = [*command(image, data), "card", "new"]
    closed = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "closed", *start]
    done = subprocess.run(closed, env={"SEEMACHINE_HOME": str(data), "PATH": os.environ["PATH"]}, timeout=30, check=False)
    assert done.returncode == 0
    assert [path.name for path in data.iterdir()] == ["cards"]
    listed = run_entry(image, data, "card", "list")
    assert "card1" in listed.stdout
