"""`seemachine card ...`: the hands at the card rack."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from seemachine.fleet import published
from seemachine.state.errors import StateError
from seemachine.state.rack import Rack, Whereabouts
from seemachine.wire.world import home


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing with the cards. Returns the exit code."""
    world = home(options.home)
    if verb == "list" and not world.exists():
        print(f"no cards in {world}; make some with: seemachine card new", file=sys.stderr)
        return 0
    try:
        VERBS[verb](Rack(world), options)
    except (StateError, OSError) as error:
        print(f"seemachine card: {error}", file=sys.stderr)
        return 1
    return 0


def _new(rack: Rack, options: argparse.Namespace) -> None:
    for name in rack.new(options.count):
        print(name)


def _insert(rack: Rack, options: argparse.Namespace) -> None:
    rack.insert(options.card, options.esn, options.slot)
    print(f"{options.card} is in slot {options.slot} of {options.esn}")


def _remove(rack: Rack, options: argparse.Namespace) -> None:
    print(f"{rack.remove(options.esn, options.slot)} is on the rack")


def _format(rack: Rack, options: argparse.Namespace) -> None:
    # The lines of slotinfo --format in the guide (2.9.3).
    entry = published.read(rack.world, options.esn)
    machine = f"module {entry.module}" if entry is not None else options.esn
    print(f"Formatting token in {machine} slot {options.slot}:", flush=True)
    rack.format(options.esn, options.slot, force=options.force)
    print("Formatted token OK")


def _list(rack: Rack, options: argparse.Namespace) -> None:
    found = rack.listing()
    if options.json:
        print(json.dumps({"cards": [_as_json(card) for card in found]}, indent=2))
        return
    for card in found:
        leases = f"{card.leases} leases" if card.kind == "lms" else ""
        place = f"slot {card.slot} of {card.esn}" if card.esn else "on the rack"
        print(f"{card.card:<8} {card.kind:<8} {leases:<12} {place}")


def _as_json(card: Whereabouts) -> dict[str, object]:
    return {**asdict(card), "esn": card.esn or None, "slot": card.slot if card.esn else None}


VERBS: dict[str, Callable[[Rack, argparse.Namespace], None]] = {
    "new": _new,
    "insert": _insert,
    "remove": _remove,
    "format": _format,
    "list": _list,
}
