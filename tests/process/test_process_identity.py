"""process.py: which process is meant. Numbers come again, and count in their namespace alone."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from seemachine.process import identity
from seemachine.process.identity import Process

HERE = identity.current()
TELL = (
    "from seemachine.process import identity; print(identity.current().text(), flush=True); input()"
)


@pytest.fixture
def started():
    """A child of this process, and what it says of itself."""
    words, pipe = [sys.executable, "-c", TELL], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as running:
        yield running.pid, identity.parsed(running.stdout.readline())
        running.communicate("\n", timeout=30)


def test_a_child_is_what_it_says_of_itself(started):
    """Who starts a process and the process itself describe it alike, and it is no other."""
    pid, said = started

    assert identity.child(pid) == said
    assert said.is_same(identity.child(pid))
    assert not said.is_same(HERE)


def test_what_is_written_comes_back():
    """All of it."""
    assert identity.parsed(HERE.text()) == HERE
    assert HERE.pid == os.getpid()


@pytest.mark.skipif(not HERE.started, reason="the system does not tell when a process started")
def test_a_number_that_came_again_is_another_process():
    """The same number in the same namespace, started at another time or in another boot."""
    tick, boot = HERE.started.split()

    assert not HERE.is_same(replace(HERE, started=f"{int(tick) + 1} {boot}"))
    assert not HERE.is_same(replace(HERE, started=f"{tick} another"))


def test_a_number_of_another_namespace_is_none_here():
    """It is neither the process of that number here, nor shown as one."""
    there = replace(HERE, namespace="pid:[1]")

    assert not HERE.is_same(there)
    assert (HERE.pid_here, there.pid_here) == (HERE.pid, 0)
    assert (str(HERE), str(there)) == (
        f"process {HERE.pid}",
        f"process {HERE.pid} of another PID namespace",
    )


def test_an_unknown_process_is_nobody():
    """Not even the same as another unknown one."""
    assert not Process().is_same(Process())
    assert str(Process()) == "process unknown"


@pytest.mark.parametrize("there", ["nothing", "another namespace's"])
def test_a_system_that_does_not_tell_leaves_the_number(tmp_path, monkeypatch, started, there):
    """Without /proc, or with one that shows others under our numbers, a child is its number."""
    pid, said = started
    if there != "nothing":
        (tmp_path / "self").symlink_to("99999999")
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (x) S " + " ".join("1" * 30))
    monkeypatch.setattr(identity, "PROC", tmp_path)

    assert identity.child(pid) == Process(pid)
    assert identity.current() == Process(os.getpid())
    assert identity.child(pid).is_same(said)


def test_a_name_with_blanks_hides_no_field(tmp_path, monkeypatch):
    """The name of a program may hold blanks and brackets: fields are counted after it."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "stat").write_text("7 (a) b (c) S " + " ".join(map(str, range(4, 30))))
    monkeypatch.setattr(identity, "PROC", tmp_path)

    assert identity.current().started == "22"


WRONG = [
    *({"pid": pid} for pid in ("7", True, 0, -7, 7.0, None)),
    {"pid": 7, "started": 3},
    {"pid": 7, "more": ""},
]
TEXTS = ["", "0", "-1", "x", "1.5", "null", "true", "[]", "[7]", '"7"', "{}", "[" * 100_000]
NUMBERS = ["9" * 5000, str((1 << 22) + 1), "\u0661"]
NO_PROCESS = [*TEXTS, *NUMBERS, *map(json.dumps, WRONG)]


@pytest.mark.parametrize("text", NO_PROCESS, ids=range(len(NO_PROCESS)))
def test_a_text_that_says_no_process(text):
    """Is an unknown one, and no error."""
    assert identity.parsed(text) == Process()


def test_a_number_alone_is_what_earlier_versions_wrote():
    """It is shown, and no more is known."""
    assert identity.parsed("4711") == identity.parsed("4711\n") == Process(4711)
