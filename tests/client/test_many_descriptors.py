"""A program with thousands of open files can use the blocking client too."""

import fcntl
import resource
import socket

import pytest
from seeclient.blocking_wire import SocketWire

OVER_SELECT = 1024


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= OVER_SELECT,
    reason="so many files may not be open here",
)
def test_a_connection_with_a_high_number() -> None:
    """It is fresh until the machine says or ends something."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        socket.socket(fileno=fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, OVER_SELECT)) as high,
    ):
        wire = SocketWire(high, None)
        assert high.fileno() >= OVER_SELECT
        assert not wire.has_news
        theirs.close()
        assert wire.has_news
