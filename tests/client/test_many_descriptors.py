"""A program with thousands of open files can use the blocking client too."""

import fcntl
import resource
import socket

import pytest
from seeclient.blocking_connection import Connection

OVER_SELECT = 1024


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= OVER_SELECT,
    reason="so many files may not be open here",
)
def test_a_connection_with_a_high_number() -> None:
    """It is fresh until the machine says or ends something."""
    connection = Connection.__new__(Connection)
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        socket.socket(fileno=fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, OVER_SELECT)) as high,
    ):
        connection._closed, connection._socket = False, high
        assert high.fileno() >= OVER_SELECT
        assert not connection.stale
        theirs.close()
        assert connection.stale
