"""hardening.py: what is in force in a machine's process, and what is said when it can't be had."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit import processes

from seemachine.process import hardening
from seemachine.process.hardening import CannotHarden, harden
from seemachine.testing import ESN
from seemachine.world import World

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
# Waits for the end without collecting it: how it ended, and whether a core was dumped, is asked of
# the kernel.
ENDED = os.WEXITED | os.WNOWAIT


def status(pid, field):
    """A number of /proc/<pid>/status, in KiB where it is a size."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(lines[field].split()[0])


def hardened(machine):
    """What the log says is in force."""
    [event] = [
        event
        for line in machine.log.read_text().splitlines()
        if (event := json.loads(line))["event"] == "hardened"
    ]
    return {name: event[name] for name in ("core_dumps", "locked_memory")}


@pytest.fixture
def cores():
    """Children of this process may dump core, as far as the system lets them."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_CORE, before)


@LINUX
def test_no_core_is_dumped(tmp_path, monkeypatch, cores):
    """A machine that is started where cores are allowed allows none, and one that aborts leaves
    none; another program would.
    """
    monkeypatch.chdir(tmp_path)
    with processes.machines(tmp_path / "world", (ESN,)) as [machine]:
        limits = Path(f"/proc/{machine.process.pid}/limits").read_text().splitlines()
        assert next(line for line in limits if line.startswith("Max core file size")).split()[
            4:6
        ] == ["0", "0"]
        assert hardened(machine)["core_dumps"].startswith("off")
        machine.process.send_signal(signal.SIGABRT)
        assert os.waitid(os.P_PID, machine.process.pid, ENDED).si_code == os.CLD_KILLED
        machine.process.wait()
    assert not [path for path in tmp_path.rglob("*core*") if path.is_file()]
    if cores and not Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
        other = subprocess.Popen(
            [sys.executable, "-c", "import os; os.abort()"], stderr=subprocess.DEVNULL
        )
        assert os.waitid(os.P_PID, other.pid, ENDED).si_code == os.CLD_DUMPED
        other.wait()


@LINUX
@pytest.mark.parametrize("wanted", ["auto", "no"])
def test_the_log_says_what_is_in_force(tmp_path, wanted):
    """Memory is locked exactly when the log says so, never when it is not wanted, and costs little
    more than what is used.
    """
    with processes.machines(tmp_path / "world", (ESN, "--lock-memory", wanted)) as [machine]:
        said, locked = hardened(machine)["locked_memory"], status(machine.process.pid, "VmLck")
        resident = status(machine.process.pid, "VmRSS")

    assert (said == "yes") is (locked > 0)
    assert said == "no: not wanted" if wanted == "no" else said == "yes" or "RLIMIT_MEMLOCK" in said
    assert resident < 100 * 1024


class Library:
    """A C library that locks, or fails as told, and keeps what it was asked."""

    def __init__(self, failure=0):
        self.failure, self.asked, self.dumpable = failure, [], True

    def prctl(self, option, value):
        """Cores are not to be dumped."""
        assert option == hardening.PR_SET_DUMPABLE
        self.dumpable = bool(value.value)
        return 0

    def mlockall(self, flags):
        """Fail, or not."""
        self.asked.append(flags)
        ctypes.set_errno(self.failure)
        return -bool(self.failure)


@pytest.fixture
def library(monkeypatch):
    """In place of the system: no limit on locked memory, and nothing is really set."""
    library = Library()
    monkeypatch.setattr(hardening, "_libc", lambda: library)
    monkeypatch.setattr(hardening.sys, "platform", "linux")
    monkeypatch.setattr(hardening.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(hardening.resource, "setrlimit", lambda *_limits: None)
    monkeypatch.setattr(
        hardening.resource, "getrlimit", lambda _which: (resource.RLIM_INFINITY,) * 2
    )
    monkeypatch.setattr(hardening, "_above_limits", lambda: False)
    return library


@pytest.mark.parametrize(
    ("processor", "flags"),
    [("x86_64", 7), ("aarch64", 7), ("ppc64", 7 << 13), ("ppc64le", 7 << 13)],
)
def test_the_flags_of_the_processor(library, monkeypatch, processor, flags):
    """Memory is locked now, later, and on being touched; on POWER, where a CodeSafe container runs,
    these bits are elsewhere.
    """
    monkeypatch.setattr(hardening.platform, "machine", lambda: processor)

    assert harden("yes")["locked_memory"] == "yes"
    assert library.asked == [flags]
    assert not library.dumpable


def test_without_proc_a_limit_counts(monkeypatch, tmp_path):
    """Where /proc is not mounted, as in a container, it can't be seen whether the limit is for us:
    it counts, and the machine starts.
    """
    monkeypatch.setattr(hardening, "Path", lambda _name: tmp_path / "no such file")
    assert hardening._above_limits() is False


def test_below_a_limit_nothing_is_locked(library, monkeypatch):
    """A limit would be hit in the middle of work, so it is not tried: `auto` says so, `yes` does
    not start and says what to do.
    """
    monkeypatch.setattr(hardening.resource, "getrlimit", lambda _which: (8 << 20, 8 << 20))

    assert harden("auto")["locked_memory"].startswith(
        "no: the limit is 8192 KiB (RLIMIT_MEMLOCK); raise it to unlimited"
    )
    with pytest.raises(
        CannotHarden,
        match=r"memory can't be locked: the limit is 8192 KiB .*; or set lock_memory = auto$",
    ):
        harden("yes")
    assert library.asked == []
    monkeypatch.setattr(hardening, "_above_limits", lambda: True)
    assert harden("auto")["locked_memory"] == "yes"


def test_a_system_that_does_not_lock(library, monkeypatch):
    """The system's own reason is told; elsewhere than on Linux nothing is tried."""
    library.failure = 12
    assert harden("auto")["locked_memory"] == f"no: {os.strerror(12)}"
    with pytest.raises(CannotHarden, match=os.strerror(12)):
        harden("yes")

    monkeypatch.setattr(hardening.sys, "platform", "darwin")
    assert harden("auto") == {
        "core_dumps": "off",
        "locked_memory": "no: this system can't lock what is yet to be touched",
    }
    assert harden("no")["locked_memory"] == "no: not wanted"


def test_a_python_without_ctypes_protects_what_it_can(library, monkeypatch):
    """A C library without functions, as the container's stand-in has it, is no bug: what is not in
    force is said.
    """
    monkeypatch.setattr(hardening, "_libc", object)
    assert harden("auto") == {
        "core_dumps": "off",
        "locked_memory": "no: this Python can't ask for it",
    }
    with pytest.raises(CannotHarden, match="this Python can't ask for it"):
        harden("yes")


def test_what_can_not_be_had_is_a_sentence(tmp_path, monkeypatch, capsys):
    """A machine that is told to lock its memory and can't does not start: exit code 1, one line."""
    from seemachine.config import Config
    from seemachine.server import launch

    def refuse(lock_memory):
        raise CannotHarden(f"memory can't be locked ({lock_memory})")

    monkeypatch.setattr(launch, "harden", refuse)

    config = Config(esn=ESN, world=World.at(tmp_path), lock_memory="yes")
    assert launch.start([config], {}) == 1
    assert capsys.readouterr().err == "seemachine serve: memory can't be locked (yes)\n"
