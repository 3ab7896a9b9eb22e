"""What a forked machine still has to load."""

import subprocess
import sys
from pathlib import Path

from kit import processes

# Of the server's process; where a machine would fork it comes up itself, and says what it loaded.
PROGRAM = """
import os, sys
from pathlib import Path
from seemachine.cli import fork_server
from seemachine.config import build
from seemachine.fleet.settings_file import write_settings
from seemachine.server.hosting import Host
from seemachine.world import World

words = fork_server._prepared()
file = write_settings(build({"esn": "0000-0000-0001", "port": 0, "world": World.at(sys.argv[1])}))
loaded = set(sys.modules)

async def ready(*_):
    print(sorted(set(sys.modules) - loaded), flush=True)
    os._exit(0)

Host._ready = ready
fork_server._run(words, str(file))
"""


def test_a_forked_machine_has_all_that_it_needs(tmp_path: Path) -> None:
    """It loads nothing before it is up: that would be time and memory of each machine."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=processes.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
