"""How many descriptors a process may have, shared between its own files and those who connect.

Files come first: a crowd at the door must not keep a leaf from being written.
"""

import contextlib
import resource

from seemachine.frozen import frozen

# For files, databases, pipes.
OWN = 128
# For connections that are turned away, make room for another, or were not looked at yet.
PASSING = 128
# What each further machine of the process adds to both.
OWN_MORE, PASSING_MORE = 16, 8


@frozen
class Descriptors:
    """`connections` are served at one time; `sockets` are those in hand at most,
    passing ones too.
    """

    allowed: int
    wanted: int
    sockets: int
    connections: int

    @property
    def enough(self) -> bool:
        """Whether the settings' promise is kept."""
        return self.allowed >= self.wanted


def share(allowed: int, connections: int, machines: int = 1) -> Descriptors:
    """Half for our own files where there are few. `connections` is what the settings of all
    machines of the process promise together.
    """
    own, passing = OWN + (machines - 1) * OWN_MORE, PASSING + (machines - 1) * PASSING_MORE
    sockets = allowed - min(own, allowed // 2)
    served = max(1, sockets - min(passing, sockets // 4))
    return Descriptors(allowed, connections + own + passing, sockets, min(connections, served))


def allow(connections: int, machines: int = 1) -> Descriptors:
    """Have the system let us open as many as we need, as far as it lets us ask."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = share(0, connections, machines).wanted
    if soft != resource.RLIM_INFINITY and soft < wanted:
        unlimited = hard == resource.RLIM_INFINITY
        # A kernel has a limit of its own, below which a limit may be named that it does not grant.
        with contextlib.suppress(ValueError, OSError):
            more = wanted if unlimited else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return share(wanted if soft == resource.RLIM_INFINITY else soft, connections, machines)
