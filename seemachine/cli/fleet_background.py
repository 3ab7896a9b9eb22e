"""A fleet that goes on when the command that started it has ended."""

import argparse
import sys
from pathlib import Path

from seeclient import files

from seemachine.cli import fleet_status
from seemachine.cli.answer import Answer, Refused
from seemachine.fleet import background, configuration, lifetime, status
from seemachine.fleet.background import BackgroundFleet
from seemachine.fleet.configuration import FleetPlan
from seemachine.printing import say
from seemachine.state.disk.lock import holder
from seemachine.world import World


def run(fleet: FleetPlan, path: Path, options: argparse.Namespace) -> int:
    """Until all machines are up, or one can't be. Returns the exit code."""
    answer: Answer = options.answer
    up = background.start(fleet, path, options.ttl, _handle(options))
    try:
        if up.wait():
            return _started(up, answer)
    except KeyboardInterrupt:
        answer.note("interrupted; what was started is stopped again")
        _stop(up, answer)
        raise
    _stop(up, answer)
    raise _refusal(fleet.world, up, answer)


def _handle(options: argparse.Namespace) -> int | None:
    """By which a supervisor in the background sees the end of our parent. Raises Refused."""
    if not options.die_with_parent:
        return None
    try:
        return lifetime.handle_of(options.parent)
    except lifetime.ParentEnded:
        raise Refused("the process that the fleet was to end with has ended") from None
    except lifetime.NoHandles:
        raise Refused(
            "on this system a fleet in the background can't see the end of a process; leave out"
            " --detach, or --die-with-parent"
        ) from None


def _started(up: BackgroundFleet, answer: Answer) -> int:
    world = up.fleet.world
    rows = status.rows(world)
    fleet_status.give(answer, world, rows, holder(world.fleet))
    answer.say(*status.lines(rows), sep="\n")
    fleet_status.tell_of_end(world, holder(world.fleet), answer)
    failures = [f"{esn} did not start: {why}" for esn, why in up.failures().items()]
    for sentence in failures:
        answer.note(sentence)
    return answer.found(failures[-1]) if failures else 0


def _stop(up: BackgroundFleet, answer: Answer) -> None:
    if not up.stop():
        pid = up.process.pid
        answer.note(f"it still runs (process {pid}); stop it with: seemachine fleet down")


def _refusal(world: World, up: BackgroundFleet, answer: Answer) -> Refused:
    """Why a fleet did not come up; first what it said itself."""
    # One that was started at the same time took the folder first.
    other = holder(world.fleet)
    if other is not None and not other.is_same(up.supervisor):
        return Refused(status.already_up(world, other))
    said = up.log_lines()
    # The supervisor finds what was found here, and says it, too.
    for line in (line for line in said if line not in answer.complaints):
        say(line, file=sys.stderr)
    # What was to say so may be missing in the log, which is on the same disk.
    if full := background.refused_by_disk(world):
        return Refused(files.sentence(full))
    return Refused(f"the fleet did not come up; its log is {configuration.log_path(world)}")
