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
NEEDLESS = {
    # What makes lines for people, and what that brings.
    *("structlog", "rich", "pygments", "asyncio"),
    # For files of settings, the store that was chosen, keys of ML-DSA, and TLS.
    *("tomllib", "sqlite3", "dilithium_py", "cryptography"),
    "seeclient",
    # What fails on demand.
    "seemachine.mishaps",
}


def test_a_machine_loads_what_it_uses(tmp_path: Path) -> None:
    """What makes lines for people took a fifth of its start, and is for a terminal alone; the rest
    comes when it is used.
    """
    env = processes.environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "trio" in loaded
    assert loaded & NEEDLESS == set()
