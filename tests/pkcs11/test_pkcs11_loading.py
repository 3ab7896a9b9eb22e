"""The module as a shared library: loaded, unloaded, and loaded again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: what an unloaded library leaves behind would end it at its next fork.
RELOADS = """
import _ctypes, ctypes, os, sys
for round in range(5):
    library = ctypes.CDLL(sys.argv[1])
    assert library.C_Initialize(None) == 0
    count = ctypes.c_ulong()
    assert library.C_GetSlotList(1, None, ctypes.byref(count)) == 0
    child = os.fork()
    if child == 0:
        os._exit(0 if library.C_Finalize(None) == 0x190 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert library.C_Finalize(None) == 0
    _ctypes.dlclose(library._handle)
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
with open("/proc/self/maps") as maps:
    print(sys.argv[1] in maps.read())
"""


@pytest.fixture
def done(path: Path) -> "subprocess.CompletedProcess[str]":
    """The process, at its end."""
    command = [sys.executable, "-c", RELOADS, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_leaves_nothing_behind(done: "subprocess.CompletedProcess[str]") -> None:
    """Five times over, with a fork while it is used and one after it is gone."""
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_only_the_interface_is_seen(path: Path) -> None:
    """Every function of the standard's tables, and no other name."""
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    command = ["nm", "-D", "--defined-only", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1] for line in listed.splitlines()]
    assert len(names) == 104
    assert all(name.startswith("C_") for name in names)
