"""What a machine of a test is in a process of its own: `seemachine serve` that ends when its
standard input does, which whoever started it holds open.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from seemachine.config import load
from seemachine.server.launch import start
from seemachine.server.promises import keep_together
from seemachine.world import World


def main() -> int:
    """Serve the machine whose file of settings the command line names. Returns the exit code."""
    file = Path(sys.argv[1])
    # Before the first thread.
    keep_together()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # hsm/<ESN>/testing.toml of its world.
    return start([load(file, World.at(file.parent.parent.parent))], os.environ)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
