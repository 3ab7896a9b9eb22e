"""A helper that is killed again and again while four threads of its host sign.

`python -m bridge.kills 1000` says what came of it.
"""

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bridge.helpers import host, pids
from bridge.native import compiled
from kit import processes
from kit.processes import RunningMachine, Shell
from kit.verdicts import leaf_of
from seeclient import blocking

from seemachine.testing import ESN

PROGRAM = Path(__file__).parent / "standalone" / "host.c"
KILLS_PER_KEY = 100
TREE = {"lms": "sha256_m24_h15", "lmots": "sha256_n24_w2"}
# From before it can answer to long after.
LATEST = 0.8


@dataclass
class Outcome:
    """What hosts were given, against the machine's ledger."""

    kills: int = 0
    signatures: int = 0
    leaves: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.kills + other.kills,
            self.signatures + other.signatures,
            self.leaves + other.leaves,
            self.refused + other.refused,
            self.wrong + other.wrong,
        )

    @property
    def leaves_per_signature(self) -> float:
        """1.0 where none is lost."""
        return self.leaves / self.signatures


def run(machine: RunningMachine, program: Path, kills: int, chance: random.Random) -> Outcome:
    """One host and its key, and so many kills."""
    alias = f"key-{time.time_ns():x}"
    with blocking.open_fleet(world=machine.home) as fleet:
        public_key = fleet.generate_lms(alias, **TREE).public_key
    lines: list[str] = []
    with host(program, "signs", alias) as signing:

        def read() -> None:
            while line := signing.line():
                lines.append(line)

        reader = threading.Thread(target=read)
        reader.start()
        killed = _kill(machine.home, kills, chance, lambda: len(lines))
        signing.go_on()
        assert signing.process.wait(120) == 0
        reader.join()
    return Outcome(kills=killed) + _judged(machine.home, alias, public_key, lines)


def _kill(home: Path, kills: int, chance: random.Random, told: Callable[[], int]) -> int:
    """Every other one at any moment of its life, and the others soon after an answer: so nobody's
    question dies with five helpers.
    """
    killed = 0
    while killed < kills:
        before = told()
        if not (found := pids(home)):
            time.sleep(0.005)
            continue
        if killed % 2:
            while told() < before + 4:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
        else:
            time.sleep(chance.uniform(0, LATEST))
        for pid in found & pids(home):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def _judged(home: Path, alias: str, public_key: bytes, lines: list[str]) -> Outcome:
    outcome = Outcome()
    leaves: dict[int, str] = {}
    with blocking.open_fleet(world=home) as fleet:
        key = fleet.key(alias)
        ledger = _ledger(home, key.file.name.hex())
        for who, made in (line.split(" ", 1) for line in lines if line != "ready"):
            if made.startswith("refused"):
                outcome.refused.append(f"{who}: {made}")
                continue
            signature = bytes.fromhex(made)
            key.verify(who.encode(), signature)
            leaf = leaf_of(signature)
            if leaf in leaves:
                outcome.wrong.append(f"leaf {leaf} signed {leaves[leaf]} and {who}")
            if leaf not in ledger:
                outcome.wrong.append(f"leaf {leaf} of {who} is in no ledger")
            leaves[leaf] = who
    if len(ledger) != len(set(ledger)):
        outcome.wrong.append("a leaf is in the ledger twice")
    outcome.signatures, outcome.leaves = len(leaves), len(ledger)
    return outcome


def _ledger(home: Path, file: str) -> list[int]:
    code, lines = Shell(home).seemachine("ledger", "--json-lines")
    assert code == 0, lines
    rows = (json.loads(line) for line in lines)
    return [row["leaf"] for row in rows if row["file"] == file]


def main() -> int:
    """Print the figures."""
    wanted = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    chance, outcome, began = random.Random(seed), Outcome(), time.monotonic()
    os.environ["SEEMACHINE_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "world"
        program = compiled(Path(folder) / "host", sources=[PROGRAM])
        os.environ["SEEMACHINE_HOME"] = str(home)
        with processes.machines(home, (ESN,)) as [machine]:
            while outcome.kills < wanted:
                part = min(KILLS_PER_KEY, wanted - outcome.kills)
                outcome += run(machine, program, part, chance)
                print(f"{outcome.kills} kills, {outcome.signatures} signatures", flush=True)
    print(
        f"seed {seed}, {time.monotonic() - began:.0f} s: helpers killed: {outcome.kills};"
        f" signatures received: {outcome.signatures}; leaves in the ledger: {outcome.leaves}"
        f" ({outcome.leaves_per_signature:.4f} a signature); refused: {len(outcome.refused)}"
    )
    print(*outcome.refused[:5], *outcome.wrong[:5], sep="\n")
    return bool(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
