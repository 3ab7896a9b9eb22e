"""`seemachine fleet up|down|status`: what a person does to a fleet."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.config import ConfigError
from seemachine.fleet import configuration
from seemachine.fleet import status as states
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.ending import end
from seemachine.hsms import published, supervised
from seemachine.printing import say, say_json
from seemachine.process.identity import Process
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.errors import StateError, StateLocked, counted, reason
from seemachine.world import World

if TYPE_CHECKING:
    from seemachine.fleet.background import BackgroundFleet


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one verb. Returns the exit code."""
    try:
        return VERBS[verb](options)
    except BrokenPipeError:
        raise
    except (StateError, OSError) as error:
        return _complain(reason(error))


def up(options: argparse.Namespace) -> int:
    """Start the fleet here, or in the background."""
    world = options.world
    try:
        path = configuration.find(world, options.file)
        fleet = configuration.read(path, world)
    except ConfigError as error:
        return _complain(error, 2)
    for esn, why in fleet.left_out.items():
        say(f"seemachine fleet: {esn} {why}", file=sys.stderr)
    fleet = replace(
        fleet,
        machines=tuple(machine for machine in fleet.machines if machine.esn not in fleet.left_out),
    )
    if not fleet.machines:
        return _complain("no HSM of this fleet can run a SEE machine")
    running = holder(world.fleet)
    if running is not None:
        return _complain(_already(world, running))
    orphans = [machine.esn for machine in fleet.machines if holder(machine.folder) is not None]
    if orphans:
        runs = "still runs" if len(orphans) == 1 else "still run"
        return _complain(
            f"{', '.join(orphans)} {runs} without a supervisor; stop what runs with: seemachine"
            " fleet down"
        )
    return _detached(fleet, path) if options.detach else _foreground(fleet)


def down(options: argparse.Namespace) -> int:
    """Stop the supervisor, which stops its machines, and any machine that outlived its own."""
    world = options.world
    supervisor = holder(world.fleet)
    machines = [folder.name for folder in _machine_folders(world) if holder(folder) is not None]
    order = states.numbers(world)
    if supervisor is None and not machines:
        tidied = _withdraw_stale(world)
        say(
            f"no fleet is up in {world}"
            if not tidied
            else f"tidied up {counted(tidied, 'stale published object')}"
        )
        return 0
    # The supervisor first: it would start machines again. It stops its own; others may have
    # outlived theirs.
    for folders in ([world.fleet], _machine_folders(world)):
        end(folders, configuration.log_path(world))
    _withdraw_stale(world)
    listed = ", ".join(
        sorted(machines, key=lambda esn: (order.get(esn, 0) == 0, order.get(esn, 0), esn))
    )
    say(f"stopped: {listed or 'the supervisor; no machine was up'}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Print what runs where. Exit code 0 when every machine is up, 1 otherwise."""
    world = options.world
    rows, supervisor = states.rows(world), holder(world.fleet)
    if options.json:
        pid = None if supervisor is None else supervisor.pid_here
        say_json({"machines": rows, "supervisor": pid, "world": str(world)})
    elif not rows:
        say(f"no fleet in {world}; start one with: seemachine fleet up")
    else:
        states.show(rows)
        if supervisor is None and any(row["state"] != "down" for row in rows):
            say("no supervisor: a machine that dies is not started again")
    enrolled = [row for row in rows if row["module"]]
    unwatched = supervisor is None and any(
        supervised.is_supervised(world, row["esn"]) for row in rows
    )
    return 0 if enrolled and all(row["state"] == "up" for row in enrolled) and not unwatched else 1


def check(options: argparse.Namespace) -> int:
    """Print what would fail later. Exit code 0 when nothing was found, 1 otherwise."""
    from seeclient import environment

    from seemachine.fleet.check import as_document, findings

    world = options.world
    if not world.machines.is_dir() and not world.fleet_file.exists():
        return _complain(f"no fleet in {world}; start one with: seemachine fleet up")
    found = findings(environment.from_process(options.environ, world))
    if options.json:
        say_json(as_document(found))
    else:
        for finding in found:
            say(f"{finding.esn + ': ' if finding.esn else ''}{finding.problem}")
            say(f"    {finding.advice}")
        say("nothing was found" if not found else f"{len(found)} found")
    return 1 if found else 0


def _already(world: World, supervisor: Process | None) -> str:
    who = supervisor or Process()
    return f"the fleet of {world} is already up ({who}); stop it with: seemachine fleet down"


def _foreground(fleet: FleetPlan) -> int:
    """Until it is told to stop, whether somebody reads what it says or not."""
    from seemachine.process.log_writer import unhurried

    with unhurried():
        try:
            return _supervise(fleet)
        except (StateError, OSError) as error:
            return _complain(reason(error))


def _supervise(fleet: FleetPlan) -> int:
    import trio

    from seemachine.fleet.supervisor import FleetFailed, Supervisor
    from seemachine.process import signals

    try:
        # Held to the end of the process: who waits for the folder waits until nothing is left.
        lock = FolderLock(fleet.world.fleet, f"the fleet of {fleet.world}")
    except StateLocked:
        return _complain(_already(fleet.world, holder(fleet.world.fleet)))
    lock.listen()
    replace_file(
        fleet.world.fleet / configuration.RUNNING,
        configuration.running_bytes([states.identity(each) for each in fleet.machines]),
    )
    try:
        with signals.once() as on_stopping:
            trio.run(Supervisor(fleet, on_stopping, lock.asked).run)
    except FleetFailed as error:
        return _complain(error)
    return 0


def _detached(fleet: FleetPlan, path: Path) -> int:
    from seemachine.fleet import background

    up = background.start(fleet, path)
    try:
        if up.wait():
            return _started(up)
    except KeyboardInterrupt:
        _complain("interrupted; what was started is stopped again")
        _stop(up)
        raise
    _stop(up)
    said = up.log_lines()
    for line in said:
        say(line, file=sys.stderr)
    world = fleet.world
    if not said and background.is_full(world):
        return _complain(f"no room is left on the disk of {world}")
    return _complain(f"the fleet did not come up; its log is {configuration.log_path(world)}")


def _started(up: "BackgroundFleet") -> int:
    states.show(states.rows(up.fleet.world))
    failures = up.failures()
    for esn, why in failures.items():
        _complain(f"{esn} did not start: {why}")
    return 1 if failures else 0


def _stop(up: "BackgroundFleet") -> None:
    if not up.stop():
        pid = up.process.pid
        _complain(f"it still runs (process {pid}); stop it with: seemachine fleet down")


def _machine_folders(world: World) -> list[Path]:
    return sorted(path for path in (world.machines).glob("*") if path.is_dir())


def _withdraw_stale(world: World) -> int:
    """Stopping a fleet in order takes its published objects along, also those of machines that were
    killed.

    How many there were.
    """
    stale = [
        folder.name
        for folder in _machine_folders(world)
        if published.read(world, folder.name) is not None
    ]
    for esn in stale:
        published.withdraw(world, esn)
    for folder in _machine_folders(world):
        supervised.set_process(world, folder.name, None)
    return len(stale)


def _complain(sentence: object, code: int = 1) -> int:
    say(f"seemachine fleet: {sentence}", file=sys.stderr)
    return code


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "check": check,
}
