"""A fleet whose supervisor is this process."""

import argparse

from seemachine.cli import fleet_status
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.refusals import failure_of
from seemachine.fleet import lifetime, running, status
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.lifetime import Lifetime
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.errors import StateError, StateLocked


def run(fleet: FleetPlan, options: argparse.Namespace) -> int:
    """Until it is told to stop, whether somebody reads what it says or not. Returns the exit
    code.
    """
    from seemachine.process.log_writer import unhurried

    answer: Answer = options.answer
    with unhurried():
        try:
            _supervise(fleet, _lifetime(options))
        # Here, where nobody has to read what is said.
        except (Refused, StateError, OSError) as error:
            return answer.refuse(failure_of(error))
    world = fleet.world
    fleet_status.give(answer, world, status.rows(world), holder(world.fleet))
    return 0


def _lifetime(options: argparse.Namespace) -> Lifetime:
    if options.until_end_of is not None:
        return Lifetime(options.ttl, lifetime.process_ended(options.until_end_of))
    if options.die_with_parent:
        return Lifetime(options.ttl, lifetime.parent_ended(options.parent))
    return Lifetime(options.ttl)


def _supervise(fleet: FleetPlan, life: Lifetime) -> None:
    """Raises Refused, StateError, OSError."""
    import trio

    from seemachine.fleet import supervisor_log
    from seemachine.fleet.supervisor import FleetFailed, Supervisor
    from seemachine.process import signals

    # Held to the end of the process: who waits for the folder waits until nothing is left.
    lock = _held(fleet)
    running.write(fleet.world, fleet.machines, life.until)

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


def _held(fleet: FleetPlan) -> FolderLock:
    """The folder of the fleet, with an ear for who asks to stop."""
    try:
        lock = FolderLock(fleet.world.fleet, f"the fleet of {fleet.world}")
    except StateLocked:
        raise Refused(status.already_up(fleet.world, holder(fleet.world.fleet))) from None
    lock.listen()
    return lock
