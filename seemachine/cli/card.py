"""`seemachine card ...`: the hands at the card rack."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict

from seemachine.hsms import published
from seemachine.printing import say, say_json
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.errors import StateError, counted, reason
from seemachine.world import World

# The columns of a short list stay where they were.
LEAST_CELLS = (" " * 8, " " * 8, " " * 12)


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing with the cards. Returns the exit code."""
    world = options.world
    try:
        if verb == "list":
            _list(world, options)
        else:
            VERBS[verb](Rack(world), options)
    except (StateError, OSError) as error:
        say(f"seemachine card: {reason(error)}", file=sys.stderr)
        return 1
    return 0


def _new(rack: Rack, options: argparse.Namespace) -> None:
    for name in rack.new(options.count):
        say(name)


def _insert(rack: Rack, options: argparse.Namespace) -> None:
    rack.insert(options.card, options.esn, options.slot)
    say(f"{options.card} is in slot {options.slot} of {options.esn}")


def _remove(rack: Rack, options: argparse.Namespace) -> None:
    say(f"{rack.remove(options.esn, options.slot)} is on the rack")


def _format(rack: Rack, options: argparse.Namespace) -> None:
    # The lines of slotinfo --format in the guide (2.9.3).
    entry = published.read(rack.world, options.esn)
    machine = f"module {entry.module}" if entry is not None else options.esn
    say(f"Formatting token in {machine} slot {options.slot}:", flush=True)
    rack.format(options.esn, options.slot, force=options.force)
    say("Formatted token OK")


def _list(world: World, options: argparse.Namespace) -> None:
    # Who only looks makes no rack.
    found = Rack(world).listing() if (world.cards).is_dir() else []
    if options.json:
        say_json({"cards": [_as_json(card) for card in found]})
    elif not found:
        say(f"no cards in {world}; make some with: seemachine card new", file=sys.stderr)
    else:
        _print(found)


def _print(found: list[Whereabouts]) -> None:
    cells = [
        (card.card, card.kind, counted(card.leases, "lease") if card.kind == "lms" else "")
        for card in found
    ]
    widths = [max(map(len, column)) for column in zip(*cells, LEAST_CELLS, strict=True)]
    for card, row in zip(found, cells, strict=True):
        place = f"slot {card.slot} of {card.esn}" if card.esn else "on the rack"
        say(*(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), place)


def _as_json(card: Whereabouts) -> dict[str, object]:
    return {**asdict(card), "esn": card.esn or None, "slot": card.slot if card.esn else None}


VERBS: dict[str, Callable[[Rack, argparse.Namespace], None]] = {
    "new": _new,
    "insert": _insert,
    "remove": _remove,
    "format": _format,
}
