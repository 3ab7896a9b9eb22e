"""`seemachine quarantine` of a machine that is killed."""

import json
import subprocess
from pathlib import Path
from typing import Any

from kit.processes import RunningMachine, Shell

ESN = "0000-0000-0001"
KEY = ["algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2"]


def listed(shell: Shell) -> list[dict[str, Any]]:
    """What is in quarantine."""
    found: list[dict[str, Any]] = json.loads(
        "\n".join(shell.seemachine("quarantine", "list", "--json")[1])
    )["quarantine"]
    return found


def test_a_quarantine_outlives_restarts(tmp_path: Path) -> None:
    """It ends when a person says so and not before, whatever is started, killed and restarted
    meanwhile.
    """
    original, copy = Shell(tmp_path / "world"), Shell(tmp_path / "copy")
    original.home.mkdir()
    machine = RunningMachine(original.home, ESN)
    try:
        assert original.pipsqueak("generate", "alias=test", *KEY)[0] == 0
    finally:
        machine.stop()
    subprocess.run(["cp", "-a", original.home, copy.home], check=True)
    machine = RunningMachine(copy.home, ESN)
    try:
        before = listed(copy)
        for stop in (machine.stop, machine.kill):
            stop()
            machine.start()

        assert before
        assert listed(copy) == before
        code, lines = copy.pipsqueak("alias=test", "message=c")
        assert (code, any("is in quarantine" in line for line in lines)) == (1, True)
    finally:
        machine.stop()
