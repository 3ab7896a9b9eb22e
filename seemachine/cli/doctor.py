"""`seemachine doctor`: what would fail here, and what mends it."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict

from seeclient import environment, files

from seemachine.cli.answer import Answer
from seemachine.config import Config, ConfigError
from seemachine.doctor import host, world
from seemachine.doctor.finding import TROUBLE, Diagnosis
from seemachine.fleet import configuration
from seemachine.fleet.configuration import FleetPlan
from seemachine.fleet.shared import EACH
from seemachine.state.errors import counted, reason
from seemachine.world import World

NOBODY = "0000-0000-0000"


def run(options: argparse.Namespace) -> int:
    """Print every examination. Exit code 0 when there is no trouble, 1 otherwise."""
    answer: Answer = options.answer
    told = environment.from_process(options.environ, options.world)
    found = []
    for each in _examinations(told):
        found.append(each)
        answer.say(f"{each.level:<8} {each.topic:<12} {each.sentence}")
        if each.advice:
            answer.say(f"{'':<21} {each.advice}")
    answer.give(diagnoses=[asdict(each) for each in found])
    trouble = sum(each.level == TROUBLE for each in found)
    last = f"{counted(trouble, 'problem')} found" if trouble else "no problems found"
    answer.say(last)
    return answer.found(last) if trouble else 0


def _examinations(told: environment.Environment) -> Iterator[Diagnosis]:
    plan = FleetPlan(told.world, ())
    try:
        plan = _planned(told.world)
    except ConfigError as error:
        yield Diagnosis("fleet.toml", TROUBLE, str(error), "mend it; without it no fleet comes up")
    except OSError as error:
        yield _unread("fleet.toml", error)
    yield from host.engine()
    yield from host.libraries()
    yield from host.packages()
    # Without a fleet: what one machine needs.
    groups = [group for group in plan.groups if group] or [(Config(esn=NOBODY, world=told.world),)]
    examinations: dict[str, Callable[[], Iterator[Diagnosis]]] = {
        "limits": lambda: host.limits(groups),
        "memory lock": lambda: host.memory_lock(plan.machines),
        "ports": lambda: world.ports(plan.machines),
        "sockets": lambda: world.sockets(plan.machines),
        "permissions": lambda: world.permissions(told.world, plan.machines),
        "formats": lambda: world.formats(told.world),
        "certificates": lambda: world.certificates(told.world),
        "for tests": lambda: world.for_tests(told.world),
        "fleet": lambda: world.fleet(told),
    }
    for topic, examine in examinations.items():
        try:
            yield from examine()
        # The others may still find out why.
        except OSError as error:
            yield _unread(topic, error)


def _unread(topic: str, error: OSError) -> Diagnosis:
    """Nothing can be said of what can't be read, except that."""
    return Diagnosis(topic, TROUBLE, reason(error), files.ADVICE.get(error.errno or 0, ""))


def _planned(where: World) -> FleetPlan:
    """The fleet of fleet.toml, or none where there is no file: who looks makes none."""
    path = where.fleet_file
    return configuration.read(path, where) if path.exists() else FleetPlan(where, (), process=EACH)
