"""Which processes a fleet's supervisor has for its HSMs: fleet/<ESN>.pid."""

from seemachine.process.identity import Process, parsed
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.lock import holder
from seemachine.world import World


def set_process(world: World, esn: str, process: Process | None) -> None:
    """Which process a supervisor has for an HSM, or that it has none any more."""
    path = world.fleet / f"{esn}.pid"
    if process is None:
        # Looked for first, for a world that can only be read.
        if path.exists():
            path.unlink()
    else:
        replace_file(path, process.text().encode())


def process_for(world: World, esn: str) -> Process:
    """The process that a supervisor has for an HSM, or had when it was killed, or Process()."""
    try:
        return parsed((world.fleet / f"{esn}.pid").read_text())
    except (OSError, ValueError):
        return Process()


def is_supervised(world: World, esn: str) -> bool:
    """Whether what runs on an HSM, as its lock says, was started by a fleet's supervisor."""
    return process_for(world, esn).is_same(holder(world.hsm(esn)) or Process())
