"""Where the helper begins. By hand, without a descriptor, it says what it is."""

import socket
import sys

import seeclient
from seeclient.bridge import detaching, frames

ALONE = "the helper of the C libraries of seemachine {}, in {}; they start it themselves"


def main(words: list[str]) -> int:
    """Serve the host at the other end of a socket, to its end. Returns the exit code."""
    if not words:
        from seemachine.printing import say

        say(ALONE.format(seeclient.__version__, sys.executable))
        return 0
    wire = socket.socket(fileno=int(words[0]))
    detaching.detach(wire.fileno())
    # Before all that takes a while to import: the host waits for this.
    wire.sendall(frames.beat())
    from seeclient.bridge import serving

    serving.serve(wire)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
