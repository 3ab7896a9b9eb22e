"""`seemachine wait`: until machines answer."""

import argparse
from collections.abc import Iterator
from typing import Any

from seeclient import environment

from seemachine.cli.answer import Answer, Misused
from seemachine.document import FOUND, Failure
from seemachine.fleet.waiting import Inquiry, Roll, Silent
from seemachine.frozen import replace
from seemachine.state.errors import counted

# Of machines that do not answer; the others are counted.
MOST_TOLD = 3
NOBODY = "none is published here; start some with: seemachine fleet up"
FEWER = "start it, or ask for fewer with --machines"


def run(options: argparse.Namespace) -> int:
    """Wait. Returns the exit code: 1 when not enough machines answered."""
    answer: Answer = options.answer
    if options.fleet == "":
        raise Misused("--fleet is empty; name machines, such as --fleet host:8888, or leave it out")
    given = environment.from_process(options.environ, options.world)
    if options.fleet is not None:
        given = replace(given, fleet=options.fleet)
    roll = Inquiry(given).wait(options.machines, options.seconds)
    answer.give(**_document(roll))
    if roll.is_enough(options.machines):
        return 0
    parts = [*_sentences(roll, options.machines, options.seconds)]
    if roll.absent:
        parts.append("see why with: seemachine fleet check")
    elif not roll.silent:
        parts.append(_nobody(roll, given.fleet))
    return answer.refuse(Failure.of(FOUND, "; ".join(parts)))


def _nobody(roll: Roll, fleet: object) -> str:
    """Where all that are there answer, and those are too few."""
    if roll.answering:
        there = "is published here" if fleet is None else f"is in {fleet}"
        return f"no other {there}; {FEWER}"
    return NOBODY if fleet is None else f"there is none in {fleet}"


def _document(roll: Roll) -> dict[str, Any]:
    answering = [
        {"esn": greeting.esn, "address": str(address)} for address, greeting in roll.answering
    ]
    silent = [
        {"esn": each.address.esn or None, "address": str(each.address), "why": each.why}
        for each in roll.silent
    ]
    absent = [{"esn": esn, "address": None, "why": "it is not published"} for esn in roll.absent]
    return {"answering": answering, "silent": [*silent, *absent]}


def _sentences(roll: Roll, wanted: int | None, seconds: int) -> Iterator[str]:
    there = len(roll.answering)
    found = counted(there, "machine") if there else "no machine"
    of = f"{there} of {counted(wanted, 'machine')}" if wanted else found
    yield f"within {counted(seconds, 'second')} {of} answered"
    missing = [*map(_silence, roll.silent), *(f"{esn} is not published" for esn in roll.absent)]
    yield from missing[:MOST_TOLD]
    if len(missing) > MOST_TOLD:
        more = len(missing) - MOST_TOLD
        yield f"and {more} more {'does' if more == 1 else 'do'} not answer"


def _silence(each: Silent) -> str:
    return f"{each.address.esn or each.address}: {each.why}"
