"""What systemd is told by a service of Type=notify (sd_notify(3)): one datagram to $NOTIFY_SOCKET,
nothing where that is not set.
"""

import contextlib
import os
import socket

VARIABLE = "NOTIFY_SOCKET"
# Whoever listens there may be slow or gone; neither may keep a machine from its work.
SECONDS = 1.0


def ready(status: str) -> None:
    """The service does its work now. `status` is one line for `systemctl status`."""
    _send(f"READY=1\nSTATUS={status}")


def stopping() -> None:
    """The service begins to stop."""
    _send("STOPPING=1")


def _send(state: str) -> None:
    address = os.environ.get(VARIABLE, "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.settimeout(SECONDS)
        # An abstract name begins with a zero byte, which is written as @ in variables.
        own.sendto(state.encode(), f"\0{address[1:]}" if address[0] == "@" else address)
