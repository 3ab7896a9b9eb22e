"""What a look at a fleet costs to start."""

import subprocess
import sys
from pathlib import Path

from kit import processes

PROGRAM = """
import sys
from seemachine.cli.command import main
main(["fleet", "status", "--home", sys.argv[1]])
print(*sys.modules)
"""
NEEDLESS = {
    "ctypes",
    "hashlib",
    "msgpack",
    "secrets",
    "subprocess",
    "seemachine.fleet.template",
    "seemachine.process.log_writer",
    "seemachine.state.witness",
    "trio",
}


def test_a_look_at_a_fleet_loads_no_more_than_it_shows(tmp_path: Path) -> None:
    """`fleet status` starts no process, hashes nothing and asks no witness, so it loads none."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    env = processes.environment(tmp_path)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "seemachine.fleet.status" in loaded
    assert loaded & NEEDLESS == set()
