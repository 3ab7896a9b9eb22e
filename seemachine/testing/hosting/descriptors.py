"""Open files: of many machines in one process more than most systems allow a process at first."""

import resource

from seeclient.connecting import OTHER_DESCRIPTORS, make_room

from seemachine.config import ConfigError

# Of a machine with its NVRAM, port, lock, and two clients.
EACH = 12


def allow(machines: int) -> None:
    """Have the system let this process open as many as so many machines need.

    Raises ConfigError where it does not.
    """
    wanted = machines * EACH
    make_room(wanted)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if machines > 1 and soft != resource.RLIM_INFINITY and soft < wanted + OTHER_DESCRIPTORS // 4:
        raise ConfigError(
            f"machines = {machines} takes about {wanted} open files, and this process may have"
            f" {soft}; give it more with ulimit -n, or each machine a process with processes=True"
        )
