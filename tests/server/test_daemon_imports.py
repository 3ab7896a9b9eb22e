"""What a machine costs to start."""

import subprocess
import sys
from pathlib import Path

from kit import processes

PROGRAM = """
import sys
from seemachine.server import launch, logs
logs.configure().info("begins")
print(*sys.modules)
"""
# What makes lines for people, and what that brings.
FOR_TERMINALS = {"structlog", "rich", "pygments", "asyncio"}


def test_a_machine_whose_log_is_no_terminal_loads_nothing_for_one(tmp_path: Path) -> None:
    """The packages that make lines for people take a fifth of its start."""
    env = processes.environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "trio" in loaded
    assert loaded & FOR_TERMINALS == set()
