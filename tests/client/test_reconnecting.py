"""Connections that were lost while idle, and requests that come from everywhere at once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import seeclient
import trio
from kit import processes
from kit.processes import RunningMachine
from seeclient import blocking
from seeclient.results import Signed

ESN = "7852-268D-3BF9"
KEY = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningMachine]:
    """A machine in a process of its own, in the world that this process's clients use."""
    for name, value in processes.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    for name in ("SEEMACHINE_FLEET", "NFAST_KMLOCAL"):
        monkeypatch.delenv(name, raising=False)
    with processes.machines(tmp_path, (ESN,)) as [running]:
        yield running


def restart(machine: RunningMachine) -> None:
    """Kill the machine and start it again, on another port."""
    machine.kill()
    machine.start()


def test_a_blocking_fleet_finds_its_machine_again(machine: RunningMachine) -> None:
    """After a restart the next signature goes to the new process by itself, with the next leaf."""
    with blocking.open_fleet() as fleet:
        key = fleet.generate_lms("key", **KEY)
        leaves = [key.sign_with(b"a").leaf]
        restart(machine)
        leaves.append(key.sign_with(b"b").leaf)

    assert leaves == [0, 1]


async def test_a_trio_fleet_finds_its_machine_again(machine: RunningMachine) -> None:
    """The same for trio, and after a signature that was cancelled in the middle."""
    async with seeclient.open_fleet() as fleet:
        key = await fleet.generate_lms("key", **KEY)
        leaves = [(await key.sign_with(b"a")).leaf]
        await trio.to_thread.run_sync(restart, machine)
        leaves.append((await key.sign_with(b"b")).leaf)
        with trio.move_on_after(0):
            await key.sign(b"cancelled")
        leaves.append((await key.sign_with(b"c")).leaf)

    assert leaves[:2] == [0, 1]
    assert leaves[2] in (2, 3)


def test_threads_share_a_fleet(machine: RunningMachine) -> None:
    """Many threads sign over one blocking fleet, each with a leaf of its own."""
    with blocking.open_fleet() as fleet:
        key = fleet.generate_lms("key", **KEY)
        made: list[Signed] = []
        threads = [
            threading.Thread(target=lambda: made.append(key.sign_with(b"m"))) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(signed.leaf for signed in made) == list(range(12))


async def test_tasks_share_a_fleet(machine: RunningMachine) -> None:
    """Many tasks sign over one trio fleet, each with a leaf of its own."""
    made: list[Signed] = []
    async with seeclient.open_fleet() as fleet:
        key = await fleet.generate_lms("key", **KEY)

        async def sign() -> None:
            made.append(await key.sign_with(b"m"))

        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(sign)

    assert sorted(signed.leaf for signed in made) == list(range(12))
