"""`seemachine fleet up|down|status`: what a person does to a fleet."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seemachine.chance.mark import insecure
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.refusals import failure_of
from seemachine.config import ConfigError
from seemachine.fleet import configuration, lifetime
from seemachine.fleet import status as states
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.ending import end
from seemachine.fleet.faults import Injection
from seemachine.fleet.lifetime import Lifetime
from seemachine.hsms import published, supervised
from seemachine.printing import say
from seemachine.process.identity import Process
from seemachine.state.disk.durable import replace_file
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.errors import StateError, StateLocked, counted
from seemachine.world import World

if TYPE_CHECKING:
    from seemachine.fleet.background import BackgroundFleet


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one verb. Returns the exit code."""
    return VERBS[verb](options, options.answer)


def up(options: argparse.Namespace, answer: Answer) -> int:
    """Start the fleet here, or in the background."""
    from seemachine.lms import engines

    try:
        said = injection(options)
        count, seed, sockets = options.count, options.seed, options.sockets
        new = count or 0, seed or "", sockets or ""
        path = configuration.find(options.world, options.file, *new)
        fleet = configuration.read(path, options.world, count, seed, said, sockets=sockets)
    except ConfigError as error:
        raise Refused(str(error), 2) from None
    here = tuple(machine for machine in fleet.machines if machine.esn not in fleet.left_out)
    # Before anything else is said: it concerns a fleet that does not come up.
    if busy := states.in_the_way(replace(fleet, machines=here)):
        raise Refused(busy)
    _tell_of_seed(fleet.world, fleet.seed, answer)
    _tell_who_stays_down(fleet, answer)
    if not here:
        raise Refused("no HSM of this fleet can run a SEE machine")
    fleet = replace(fleet, machines=here)
    if slow := engines.missed():
        answer.note(f"keys are made slowly, in plain Python: {slow}")
    _warn(fleet, answer)
    if options.detach:
        return _detached(fleet, path, options)
    return _foreground(fleet, answer, _lifetime(options))


def _tell_of_seed(world: World, wanted: str, answer: Answer) -> None:
    """That a world is a seeded one; with a seed that is wanted, it becomes one. Raises StateError
    where it can't.
    """
    if not wanted and not world.seed_file.exists():
        return
    from seemachine.chance.seeding import settle

    if found := settle(world, wanted):
        answer.note(insecure(found.seed))


def injection(options: argparse.Namespace) -> Injection:
    """What the command line says of faults and latency. Raises ConfigError, naming the option."""
    faults = tuple(options.fault or ())
    found = Injection(options.fault_injection or bool(faults), options.latency, faults)
    found.check()
    return found


def _tell_who_stays_down(fleet: FleetPlan, answer: Answer) -> None:
    from seemachine.fleet import resting

    for esn, why in fleet.left_out.items():
        answer.note(f"{esn} {why}")
    for sentence in resting.sentences(fleet):
        answer.note(sentence)


def _warn(fleet: FleetPlan, answer: Answer) -> None:
    """Of what lets machines start, and clients not in."""
    from seemachine.fleet import certificates

    for finding in certificates.findings(fleet.machines):
        of = f"{finding.esn}: " if finding.esn else ""
        answer.note(f"{of}{finding.problem}; {finding.advice}")


def down(options: argparse.Namespace, answer: Answer) -> int:
    """Stop the supervisor, which stops its machines, and any machine that outlived its own."""
    world = options.world
    supervisor = holder(world.fleet)
    machines = [
        folder.name for folder in states.machine_folders(world) if holder(folder) is not None
    ]
    order = states.numbers(world)
    if supervisor is None and not machines:
        tidied = _withdraw_stale(world)
        answer.give(world=str(world), stopped=[], tidied=tidied)
        tidy = f"tidied up {counted(tidied, 'stale published object')}"
        answer.say(tidy if tidied else f"no fleet is up in {world}")
        return 0
    # The supervisor first: it would start machines again. It stops its own; others may have
    # outlived theirs.
    for folders in ([world.fleet], states.machine_folders(world)):
        end(folders, configuration.log_path(world))
    stopped = sorted(machines, key=lambda esn: (order.get(esn, 0) == 0, order.get(esn, 0), esn))
    answer.give(world=str(world), stopped=stopped, tidied=_withdraw_stale(world))
    answer.say(f"stopped: {', '.join(stopped) or 'the supervisor; no machine was up'}")
    return 0


def status(options: argparse.Namespace, answer: Answer) -> int:
    """Print what runs where. Exit code 0 when every machine is up, 1 otherwise."""
    world = options.world
    rows, supervisor = states.rows(world), holder(world.fleet)
    _give(answer, world, rows, supervisor)
    _tell_of_seed(world, "", answer)
    problem = states.unreadable(world)
    if problem:
        answer.note(problem)
    enrolled = [row for row in rows if row["module"]]
    if problem and not rows:
        return answer.found(problem)
    if not rows:
        nothing = f"no fleet in {world}; start one with: seemachine fleet up"
        answer.say(nothing)
        return answer.found(nothing)
    answer.say(*states.lines(rows), sep="\n")
    _tell_of_end(world, supervisor, answer)
    alone = "no supervisor: a machine that dies is not started again"
    if supervisor is None and any(row["state"] != "down" for row in rows):
        answer.remark(alone)
    if not enrolled or any(row["state"] != "up" for row in enrolled):
        return answer.found("not every machine is up; see why with: seemachine fleet check")
    if supervisor is None and any(supervised.is_supervised(world, row["esn"]) for row in rows):
        return answer.found(alone)
    return 0


def _tell_of_end(world: World, supervisor: Process | None, answer: Answer) -> None:
    until = None if supervisor is None else configuration.ends_at(world)
    if until is not None:
        answer.give(until=until)
        answer.say(f"the fleet stops by itself in {lifetime.span(until - time.time())}")


def _give(
    answer: Answer, world: World, rows: list[dict[str, Any]], supervisor: Process | None
) -> None:
    pid = None if supervisor is None else supervisor.pid_here
    answer.give(machines=rows, supervisor=pid, world=str(world))


def check(options: argparse.Namespace, answer: Answer) -> int:
    """Print what would fail later. Exit code 0 when nothing was found, 1 otherwise."""
    from seeclient import environment

    from seemachine.fleet.check import as_document, findings

    world = options.world
    if not world.machines.is_dir() and not world.fleet_file.exists():
        raise Refused(f"no fleet in {world}; start one with: seemachine fleet up")
    found = findings(environment.from_process(options.environ, world))
    answer.give(**as_document(found))
    _tell_of_seed(world, "", answer)
    for esn, injection in states.for_tests(world).items():
        answer.note(f"{esn} is for tests: {injection}")
    for finding in found:
        answer.say(f"{finding.esn + ': ' if finding.esn else ''}{finding.problem}")
        answer.say(f"    {finding.advice}")
    last = "nothing was found" if not found else f"{len(found)} found"
    answer.say(last)
    return answer.found(last) if found else 0


def _lifetime(options: argparse.Namespace) -> Lifetime:
    """Of a fleet whose supervisor is this process."""
    if options.until_end_of is not None:
        return Lifetime(options.ttl, lifetime.process_ended(options.until_end_of))
    return Lifetime(options.ttl, lifetime.parent_ended() if options.die_with_parent else None)


def _foreground(fleet: FleetPlan, answer: Answer, life: Lifetime) -> int:
    """Until it is told to stop, whether somebody reads what it says or not."""
    from seemachine.process.log_writer import unhurried

    with unhurried():
        try:
            code = _supervise(fleet, life)
        # Here, where nobody has to read what is said.
        except (Refused, StateError, OSError) as error:
            return answer.refuse(failure_of(error))
    _give(answer, fleet.world, states.rows(fleet.world), holder(fleet.world.fleet))
    return code


def _supervise(fleet: FleetPlan, life: Lifetime) -> int:
    import trio

    from seemachine.fleet import supervisor_log
    from seemachine.fleet.supervisor import FleetFailed, Supervisor
    from seemachine.process import signals

    try:
        # Held to the end of the process: who waits for the folder waits until nothing is left.
        lock = FolderLock(fleet.world.fleet, f"the fleet of {fleet.world}")
    except StateLocked:
        raise Refused(states.already_up(fleet.world, holder(fleet.world.fleet))) from None
    lock.listen()
    replace_file(
        fleet.world.fleet / configuration.RUNNING,
        configuration.running_bytes([states.kept(each) for each in fleet.machines], life.until),
    )

    def asked() -> bool:
        if why := life.over:
            supervisor_log.info(f"the fleet stops: {why}")
        return bool(why) or lock.asked()

    try:
        with signals.once() as stopping:
            stopping.hold()
            trio.run(Supervisor(fleet, stopping, asked, life.options).run)
    except FleetFailed as error:
        raise Refused(str(error)) from None
    return 0


def _detached(fleet: FleetPlan, path: Path, options: argparse.Namespace) -> int:
    from seemachine.fleet import background

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
    # One that was started at the same time took the folder first.
    other = holder(fleet.world.fleet)
    if other is not None and not other.is_same(up.supervisor):
        raise Refused(states.already_up(fleet.world, other))
    said = up.log_lines()
    # The supervisor finds what was found here, and says it, too.
    for line in (line for line in said if line not in answer.complaints):
        say(line, file=sys.stderr)
    world = fleet.world
    if not said and background.is_full(world):
        raise Refused(f"no room is left on the disk of {world}")
    raise Refused(f"the fleet did not come up; its log is {configuration.log_path(world)}")


def _handle(options: argparse.Namespace) -> int | None:
    """By which a supervisor in the background sees the end of our parent. Raises Refused."""
    if not options.die_with_parent:
        return None
    try:
        return lifetime.handle_of_parent()
    except lifetime.NoHandles:
        raise Refused(
            "on this system a fleet in the background can't see the end of a process; leave out"
            " --detach, or --die-with-parent"
        ) from None


def _started(up: "BackgroundFleet", answer: Answer) -> int:
    world = up.fleet.world
    rows = states.rows(world)
    _give(answer, world, rows, holder(world.fleet))
    answer.say(*states.lines(rows), sep="\n")
    _tell_of_end(world, holder(world.fleet), answer)
    failures = [f"{esn} did not start: {why}" for esn, why in up.failures().items()]
    for sentence in failures:
        answer.note(sentence)
    return answer.found(failures[-1]) if failures else 0


def _stop(up: "BackgroundFleet", answer: Answer) -> None:
    if not up.stop():
        pid = up.process.pid
        answer.note(f"it still runs (process {pid}); stop it with: seemachine fleet down")


def _withdraw_stale(world: World) -> int:
    """Stopping a fleet in order takes its published objects along, also those of machines that were
    killed.

    How many there were.
    """
    stale = [
        folder.name
        for folder in states.machine_folders(world)
        if published.read(world, folder.name) is not None
    ]
    for esn in stale:
        published.withdraw(world, esn)
    for folder in states.machine_folders(world):
        supervised.set_process(world, folder.name, None)
    return len(stale)


VERBS: dict[str, Callable[[argparse.Namespace, Answer], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "check": check,
}
