"""`seemachine wait`: until machines answer."""

import argparse
from collections.abc import Iterator
from typing import Any

from seeclient import environment
from seeclient.effects import Address

from seemachine.cli.answer import Answer
from seemachine.document import FOUND, Failure
from seemachine.fleet.waiting import Inquiry, Roll
from seemachine.frozen import replace
from seemachine.state.errors import counted

# Of machines that do not answer; the others are counted.
MOST_TOLD = 3


def run(options: argparse.Namespace) -> int:
    """Wait. Returns the exit code: 1 when not enough machines answered."""
    answer: Answer = options.answer
    given = environment.from_process(options.environ, options.world)
    if options.fleet:
        given = replace(given, fleet=options.fleet)
    roll = Inquiry(given).wait(options.machines, options.seconds)
    answer.give(**_document(roll))
    if roll.is_enough(options.machines):
        return 0
    sentence = "; ".join(_sentences(roll, options.machines, options.seconds))
    return answer.refuse(Failure.of(FOUND, sentence))


def _document(roll: Roll) -> dict[str, Any]:
    answering = [
        {"esn": greeting.esn, "address": _place(address)} for address, greeting in roll.answering
    ]
    silent = [
        {"esn": each.address.esn or None, "address": _place(each.address), "why": each.why}
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
    if not missing and not there:
        yield "none is published here; start some with: seemachine fleet up"


def _silence(each: Any) -> str:
    name = each.address.esn or _place(each.address)
    return f"{name}: {each.why}"


def _place(address: Address) -> str:
    return f"{address.host}:{address.port}"
