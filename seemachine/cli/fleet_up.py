"""`seemachine fleet up`: what comes up, and what a person should know of it before."""

import argparse
from dataclasses import replace
from pathlib import Path

from seemachine.cli import fleet_background, fleet_foreground
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.fleet_status import tell_of_seed
from seemachine.config import ConfigError
from seemachine.fleet import configuration
from seemachine.fleet import status as states
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.faults import Injection
from seemachine.state.disk.permissions import check_world


def run(options: argparse.Namespace) -> int:
    """Start the fleet here, or in the background. Returns the exit code."""
    answer: Answer = options.answer
    try:
        plan, path = _planned(options)
    except ConfigError as error:
        raise Refused(str(error), 2) from None
    here = tuple(machine for machine in plan.machines if machine.esn not in plan.left_out)
    fleet = replace(plan, machines=here)
    # Before anything else is said: it concerns a fleet that does not come up.
    if busy := states.in_the_way(fleet):
        raise Refused(busy)
    # Each machine would refuse the world, in the same words.
    check_world(fleet.world, private_group=all(each.private_group for each in here))
    tell_of_seed(fleet.world, fleet.seed, answer)
    _tell_who_stays_down(plan, answer)
    if not here:
        raise Refused("no HSM of this fleet can run a SEE machine")
    _tell_of_engine(answer)
    _warn(fleet, answer)
    if options.detach:
        return fleet_background.run(fleet, path, options)
    return fleet_foreground.run(fleet, options)


def _planned(options: argparse.Namespace) -> tuple[FleetPlan, Path]:
    """What the fleet file and the command line say, and where that file is. Raises ConfigError."""
    said = injection(options)
    count, seed, sockets = options.count, options.seed, options.sockets
    new = count or 0, seed or "", sockets or ""
    path = configuration.find(options.world, options.file, *new)
    return configuration.read(path, options.world, count, seed, said, sockets=sockets), path


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


def _tell_of_engine(answer: Answer) -> None:
    from seemachine.lms import engines

    if slow := engines.missed():
        answer.note(f"keys are made slowly, in plain Python: {slow}")


def _warn(fleet: FleetPlan, answer: Answer) -> None:
    """Of what lets machines start, and clients not in."""
    from seemachine.fleet import certificates

    for finding in certificates.findings(fleet.machines):
        of = f"{finding.esn}: " if finding.esn else ""
        answer.note(f"{of}{finding.problem}; {finding.advice}")
