"""`seemachine card ...`: the hands at the card rack."""

import argparse
from collections.abc import Callable
from dataclasses import asdict

from seemachine.cli.answer import Answer
from seemachine.cli.columns import in_columns
from seemachine.hsms import published
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.errors import counted
from seemachine.world import World

LEAST_WIDTHS = (8, 8, 12)


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing with the cards. Returns the exit code."""
    VERBS[verb](options.world, options, options.answer)
    return 0


def _new(world: World, options: argparse.Namespace, answer: Answer) -> None:
    names = []
    for name in Rack(world).new(options.count):
        answer.say(name)
        names.append(name)
    answer.give(cards=[{"card": name} for name in names])


def _insert(world: World, options: argparse.Namespace, answer: Answer) -> None:
    Rack(world).insert(options.card, options.esn, options.slot)
    answer.give(card=options.card, esn=options.esn, slot=options.slot)
    answer.say(f"{options.card} is in slot {options.slot} of {options.esn}")


def _remove(world: World, options: argparse.Namespace, answer: Answer) -> None:
    card = Rack(world).remove(options.esn, options.slot)
    answer.give(card=card, esn=options.esn, slot=options.slot)
    answer.say(f"{card} is on the rack")


def _format(world: World, options: argparse.Namespace, answer: Answer) -> None:
    # The lines of slotinfo --format in the guide (2.9.3).
    entry = published.read(world, options.esn)
    machine = f"module {entry.module}" if entry is not None else options.esn
    answer.give(esn=options.esn, slot=options.slot)
    answer.say(f"Formatting token in {machine} slot {options.slot}:")
    Rack(world).format(options.esn, options.slot, force=options.force)
    answer.say("Formatted token OK")


def _list(world: World, _options: argparse.Namespace, answer: Answer) -> None:
    # Who only looks makes no rack.
    found = Rack(world).listing() if world.cards.is_dir() else []
    answer.give(cards=[_as_json(card) for card in found])
    if found:
        _print(found, answer)
    else:
        answer.note(f"no cards in {world}; make some with: seemachine card new")


def _print(found: list[Whereabouts], answer: Answer) -> None:
    cells = [
        (card.card, card.kind, counted(card.leases, "lease") if card.kind == "lms" else "")
        for card in found
    ]
    for card, line in zip(found, in_columns(cells, LEAST_WIDTHS), strict=True):
        place = f"slot {card.slot} of {card.esn}" if card.esn else "on the rack"
        answer.say(line, place)


def _as_json(card: Whereabouts) -> dict[str, object]:
    return {**asdict(card), "esn": card.esn or None, "slot": card.slot if card.esn else None}


VERBS: dict[str, Callable[[World, argparse.Namespace, Answer], None]] = {
    "list": _list,
    "new": _new,
    "insert": _insert,
    "remove": _remove,
    "format": _format,
}
