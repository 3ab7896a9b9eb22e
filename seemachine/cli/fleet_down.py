"""`seemachine fleet down`: the end of a fleet, and of what it published."""

import argparse

from seemachine.cli.answer import Answer
from seemachine.fleet import configuration, status
from seemachine.fleet.ending import end
from seemachine.hsms import published, supervised
from seemachine.state.disk.lock import holder
from seemachine.state.errors import counted
from seemachine.world import World


def run(options: argparse.Namespace) -> int:
    """Stop the supervisor, which stops its machines, and any machine that outlived its own.

    Returns the exit code.
    """
    answer: Answer = options.answer
    world = options.world
    running = [
        folder.name for folder in status.machine_folders(world) if holder(folder) is not None
    ]
    order = status.numbers(world)
    if holder(world.fleet) is None and not running:
        tidied = _withdraw_stale(world)
        answer.give(world=str(world), stopped=[], tidied=tidied)
        tidy = f"tidied up {counted(tidied, 'stale published object')}"
        answer.say(tidy if tidied else f"no fleet is up in {world}")
        return 0
    # The supervisor first: it would start machines again. It stops its own; others may have
    # outlived theirs.
    for folders in ([world.fleet], status.machine_folders(world)):
        end(folders, configuration.log_path(world))
    stopped = sorted(running, key=lambda esn: (order.get(esn, 0) == 0, order.get(esn, 0), esn))
    answer.give(world=str(world), stopped=stopped, tidied=_withdraw_stale(world))
    answer.say(f"stopped: {', '.join(stopped) or 'the supervisor; no machine was up'}")
    return 0


def _withdraw_stale(world: World) -> int:
    """Stopping a fleet in order takes its published objects along, also those of machines that were
    killed.

    How many there were.
    """
    stale = [
        folder.name
        for folder in status.machine_folders(world)
        if published.read(world, folder.name) is not None
    ]
    for esn in stale:
        published.withdraw(world, esn)
    for folder in status.machine_folders(world):
        supervised.set_process(world, folder.name, None)
    return len(stale)
