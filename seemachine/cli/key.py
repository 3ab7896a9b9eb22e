"""`seemachine key ...`: what there is of each key, and the end of one. The machines must be up."""

import argparse
import sys
from collections.abc import Callable

from seeclient import blocking, environment

from seemachine.cli import key_output as output
from seemachine.fleet import keys
from seemachine.fleet.keys import KeyView, Overview
from seemachine.printing import say, say_json
from seemachine.state.errors import StateError, reason
from seemachine.wire.status import StatusError

# An invalid command line.
USAGE = 2


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing. Returns the exit code: 1 also where something is left, or may be."""
    try:
        given = environment.from_process(options.environ, options.world)
        with blocking.connected(given, doubted=True) as fleet:
            found = keys.overview(fleet, options.world)
            for sentence in found.silent:
                _complain(sentence)
            return VERBS[verb](fleet, found, options)
    except StatusError as refused:
        _complain(refused.detail.replace(f" in {refused.where}", "", 1))
    except (StateError, OSError) as error:
        _complain(reason(error))
    return 1


def _complain(sentence: str) -> None:
    say(f"seemachine key: {sentence}", file=sys.stderr)


def _list(_fleet: blocking.Fleet, found: Overview, options: argparse.Namespace) -> int:
    if options.json:
        say_json(output.listing_json(found))
    else:
        say(*(map(output.row, found.keys) if found.keys else ("there are no keys",)), sep="\n")
    return 1 if found.silent else 0


def _show(_fleet: blocking.Fleet, found: Overview, options: argparse.Namespace) -> int:
    view = keys.named(found, options.name)
    if options.json:
        say_json(output.view_json(view))
    else:
        say(*output.lines(view), sep="\n")
    return 1 if found.silent else 0


def _destroy(fleet: blocking.Fleet, found: Overview, options: argparse.Namespace) -> int:
    view = keys.named(found, options.name)
    if not options.yes:
        if not sys.stdin.isatty():
            _complain(f"it asks on a terminal whether to destroy {view.name}; else give --yes")
            return USAGE
        if not _confirmed(view):
            _complain(f"{view.name} was not destroyed")
            return 1
    ended = keys.destroy(fleet, options.world, view)
    if options.json:
        say_json(output.ended_json(view, ended))
    else:
        say(*output.ended_lines(view, ended), sep="\n")
    return 0 if ended.complete else 1


def _confirmed(view: KeyView) -> bool:
    say(*output.lines(view), sep="\n", file=sys.stderr)
    say(f"Type {view.name} to destroy it for good: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == view.name


VERBS: dict[str, Callable[[blocking.Fleet, Overview, argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "destroy": _destroy,
}
