"""`seemachine fleet check`: what would fail later."""

import argparse

from seeclient import environment

from seemachine.cli.answer import Answer, Refused
from seemachine.cli.fleet_status import tell_of_seed
from seemachine.fleet import status
from seemachine.fleet.check import as_document, findings
from seemachine.fleet.finding import NOTE, TROUBLE
from seemachine.state.errors import counted


def run(options: argparse.Namespace) -> int:
    """Print it. Returns the exit code: 0 when there is no trouble, 1 otherwise."""
    answer: Answer = options.answer
    world = options.world
    if not world.machines.is_dir() and not world.fleet_file.exists():
        raise Refused(f"no fleet in {world}; start one with: seemachine fleet up")
    found = findings(environment.from_process(options.environ, world))
    answer.give(**as_document(found))
    tell_of_seed(world, "", answer)
    for esn, injection in status.for_tests(world).items():
        answer.note(f"{esn} is for tests: {injection}")
    for finding in found:
        note = "note: " if finding.level == NOTE else ""
        answer.say(f"{note}{finding.esn + ': ' if finding.esn else ''}{finding.problem}")
        answer.say(f"    {finding.advice}")
    problems = sum(finding.level == TROUBLE for finding in found)
    last = f"{counted(problems, 'problem')} found" if problems else "no problems found"
    answer.say(last)
    return answer.found(last) if problems else 0
