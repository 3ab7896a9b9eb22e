"""`seemachine fleet status`: what runs where."""

import argparse
import time
from typing import Any

from seemachine.chance.mark import insecure
from seemachine.cli.answer import Answer
from seemachine.fleet import lifetime, running, status
from seemachine.hsms import supervised
from seemachine.process.identity import Process
from seemachine.state.disk.lock import holder
from seemachine.world import World


def run(options: argparse.Namespace) -> int:
    """Print it. Returns the exit code: 0 when every machine is up and none is stopped, 1
    otherwise.
    """
    answer: Answer = options.answer
    world = options.world
    rows, supervisor = status.rows(world), holder(world.fleet)
    give(answer, world, rows, supervisor)
    tell_of_seed(world, "", answer)
    problem = status.unreadable(world)
    if problem:
        answer.note(problem)
    if problem and not rows:
        return answer.found(problem)
    if not rows:
        nothing = f"no fleet in {world}; start one with: seemachine fleet up"
        answer.say(nothing)
        return answer.found(nothing)
    answer.say(*status.lines(rows), sep="\n")
    tell_of_end(world, supervisor, answer)
    return _judged(world, rows, supervisor, answer)


def _judged(
    world: World, rows: list[dict[str, Any]], supervisor: Process | None, answer: Answer
) -> int:
    alone = "no supervisor: a machine that dies is not started again"
    if supervisor is None and any(row["state"] != "down" for row in rows):
        answer.remark(alone)
    enrolled = [row for row in rows if row["module"]]
    if not enrolled or any(row["state"] != "up" for row in enrolled):
        return answer.found("not every machine is up; see why with: seemachine fleet check")
    if any("stopped" in row for row in enrolled):
        return answer.found("a machine is stopped by a signal, and answers nobody")
    if supervisor is None and any(supervised.is_supervised(world, row["esn"]) for row in rows):
        return answer.found(alone)
    return 0


def give(
    answer: Answer, world: World, rows: list[dict[str, Any]], supervisor: Process | None
) -> None:
    """The fields of a document, of a fleet that came up or went down too."""
    pid = None if supervisor is None else supervisor.pid_here
    answer.give(machines=rows, supervisor=pid, world=str(world))


def tell_of_end(world: World, supervisor: Process | None, answer: Answer) -> None:
    """When it stops by itself."""
    until = None if supervisor is None else running.ends_at(world)
    if until is not None:
        answer.give(until=until)
        answer.say(f"the fleet stops by itself in {lifetime.span(until - time.time())}")


def tell_of_seed(world: World, wanted: str, answer: Answer) -> None:
    """That a world is a seeded one; with a seed that is wanted, it becomes one. Raises StateError
    where it can't.
    """
    if not wanted and not world.seed_file.exists():
        return
    from seemachine.chance.seeding import settle

    if found := settle(world, wanted):
        answer.note(insecure(found.seed))
