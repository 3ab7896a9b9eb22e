"""`seemachine key ...`: what there is of each key, and the end of one. But for a public
key, the machines must be up.
"""

import argparse
import sys
from collections.abc import Callable

from seeclient import blocking, environment

from seemachine.cli import asking, key_export
from seemachine.cli import key_output as output
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.refusals import refused
from seemachine.fleet import keys
from seemachine.fleet.keys import KeyView, Overview
from seemachine.printing import say
from seemachine.wire.status import StatusError


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing. Returns the exit code: 1 also where something is left, or may be."""
    answer: Answer = options.answer
    try:
        if verb == "export":
            return key_export.run(options)
        given = environment.from_process(options.environ, options.world)
        with blocking.connected(given, doubted=True) as fleet:
            found = keys.overview(fleet, options.world)
            for sentence in () if _needs_none(verb, options, found) else found.silent:
                answer.note(sentence)
            return VERBS[verb](fleet, found, options, answer)
    except StatusError as error:
        raise refused(error) from None


def _needs_none(verb: str, options: argparse.Namespace, found: Overview) -> bool:
    """Whether no machine has a part in it: an ML-DSA key ends with its file."""
    return verb == "destroy" and any(
        view.signs_anywhere and view.alias == options.name.lower() for view in found.keys
    )


def _list(
    _fleet: blocking.Fleet, found: Overview, options: argparse.Namespace, answer: Answer
) -> int:
    answer.give(keys=list(map(output.view_json, found.keys)), unreachable=list(found.silent))
    for line in output.rows(found.keys, found.silent):
        answer.say(line)
    if not found.keys:
        answer.say(f"there are no keys in {options.world.folder}")
    return _whole(found, answer)


def _show(
    _fleet: blocking.Fleet, found: Overview, options: argparse.Namespace, answer: Answer
) -> int:
    view = keys.named(found, options.name)
    answer.give(key=output.view_json(view), unreachable=list(found.silent))
    answer.say(*output.lines(view), sep="\n")
    return _whole(found, answer)


def _whole(found: Overview, answer: Answer) -> int:
    return answer.found(found.silent[-1]) if found.silent else 0


def _destroy(
    fleet: blocking.Fleet, found: Overview, options: argparse.Namespace, answer: Answer
) -> int:
    view = keys.named(found, options.name, to_destroy=fleet.roster.keys)
    if not options.yes:
        _confirm(view)
    ended = keys.destroy(fleet, options.world, view)
    answer.give(**output.ended_json(view, ended))
    answer.say(*output.done_lines(ended), sep="\n")
    left = list(output.left_lines(view, ended))
    for line in left:
        answer.say(line)
    if left:
        return answer.found(left[-1])
    answer.say(output.end_line(view))
    return 0


def _confirm(view: KeyView) -> None:
    """Raises Refused unless a person wants it."""
    asking.need_person(f"whether to destroy {view.name}")
    say(*output.lines(view), sep="\n", file=sys.stderr)
    nothing = f"{view.name} was not destroyed"
    if asking.typed(f"Type {view.name} to destroy it for good:", nothing) != view.name:
        raise Refused(nothing)


VERBS: dict[str, Callable[[blocking.Fleet, Overview, argparse.Namespace, Answer], int]] = {
    "list": _list,
    "show": _show,
    "destroy": _destroy,
}
