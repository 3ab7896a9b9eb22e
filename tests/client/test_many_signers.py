"""Many who sign at once, in threads, tasks and processes that share one memory, with a machine that
dies again and again under them.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.processes import RunningMachine
from kit.verdicts import verifies
from kit.waiting import eventually
from seeclient import blocking

from seemachine.testing import ESN

TREE = {"lms": "sha256_m24_h10", "lmots": "sha256_n24_w1"}
SIGNERS, EACH = 4, 40
BEGIN = """
import json, sys, threading
from seeclient import StatusError, blocking, open_fleet
from seeclient.algorithms.lms import persisting
persisting.RETRY_PAUSES = (0.05,) * 300
who, signers, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lock = threading.Lock()
def told(signer, turn, made):
    refused = isinstance(made, StatusError)
    made = f"{made.name}: {made}" if refused else [made.leaf, made.signature.hex()]
    with lock:
        print(json.dumps([f"{who} {signer} {turn}", made]), flush=True)
"""
# A fleet for each of the threads; one for all of them; one for all tasks.
THREADS = """
def sign(signer, fleet):
    for turn in range(each):
        try:
            told(signer, turn, fleet.key("key").sign_with(f"{who} {signer} {turn}".encode()))
        except StatusError as refused:
            told(signer, turn, refused)
def alone(signer):
    with blocking.open_fleet() as fleet:
        sign(signer, fleet)
def run(acts):
    threads = [threading.Thread(target=act, args=arguments) for act, *arguments in acts]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""
ALONE = f"{BEGIN}{THREADS}\nrun([(alone, signer) for signer in range(signers)])"
SHARED = (
    f"{BEGIN}{THREADS}\nwith blocking.open_fleet() as fleet:\n    run([(sign, signer, fleet) for"
    " signer in range(signers)])"
)
TASKS = f"""{BEGIN}
import trio
async def sign(signer, fleet):
    for turn in range(each):
        try:
            message = f"{{who}} {{signer}} {{turn}}".encode()
            told(signer, turn, await fleet.key("key").sign_with(message))
        except StatusError as refused:
            told(signer, turn, refused)
async def main():
    async with open_fleet() as fleet, trio.open_nursery() as nursery:
        for signer in range(signers):
            nursery.start_soon(sign, signer, fleet)
trio.run(main)
"""
PROGRAMS = {"alone": ALONE, "shared": SHARED, "tasks": TASKS}


@pytest.fixture
def machine(home) -> Iterator[RunningMachine]:
    """A machine in a process of its own."""
    with processes.machines(home, (ESN,)) as [running]:
        yield running


def lines_of(folder: Path) -> list[str]:
    """What all have told so far, in whole lines."""
    return [
        line
        for path in folder.glob("*.told")
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]


def signers(folder: Path) -> set[str]:
    """Who has told something: program and number."""
    return {json.loads(line)[0].rpartition(" ")[0] for line in lines_of(folder)}


@contextlib.contextmanager
def signing(home: Path, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """All programs at once, each of which writes what it did to a file of the folder."""
    with contextlib.ExitStack() as stack:
        running = []
        for who, program in PROGRAMS.items():
            out = stack.enter_context((folder / f"{who}.told").open("wb"))
            command = [sys.executable, "-c", program, who, str(SIGNERS), str(EACH)]
            running.append(subprocess.Popen(command, env=processes.environment(home), stdout=out))
            stack.callback(running[-1].wait)
            stack.callback(running[-1].kill)
        yield running


@pytest.mark.parametrize("deaths", [0, 3])
def test_signers_of_many_processes(deaths: int, machine: RunningMachine, tmp_path: Path) -> None:
    """Nobody's memory raises an alarm, each signature has its own leaf, and none is burned, also
    when the machine is killed meanwhile.
    """
    with blocking.open_fleet() as fleet:
        key = fleet.generate_lms("key", **TREE)
    with signing(machine.home, tmp_path) as running:
        # Who comes while the machine is down finds none.
        assert eventually(lambda: len(signers(tmp_path)) == SIGNERS * len(PROGRAMS))
        for death in range(deaths):
            assert eventually(lambda least=100 * death + 80: len(lines_of(tmp_path)) >= least)
            machine.kill()
            machine.start()
        assert [process.wait(50) for process in running] == [0] * len(PROGRAMS)

    made = [json.loads(line) for line in lines_of(tmp_path)]
    assert [outcome for _, outcome in made if isinstance(outcome, str)] == []
    assert sorted(leaf for _, (leaf, _) in made) == list(range(len(PROGRAMS) * SIGNERS * EACH))
    assert all(
        verifies(key.public_key, bytes.fromhex(signature), message.encode())
        for message, (_, signature) in made
    )
