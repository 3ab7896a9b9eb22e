"""Two hands at the cards at once: wherever the first is stopped, both leave what they would have
left in turn.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from kit.interleaving import Interleaving, TellingFcntl, everywhere, outcome
from kit.leases import lease
from kit.stores import ESN, OTHER_ESN, quick_folder

from seemachine.state.cards import rack as rack_module
from seemachine.state.cards import slots as slots_module
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import BLANK as BLANK_KIND
from seemachine.state.cards.smartcard import read_card
from seemachine.state.disk import held as held_module
from seemachine.world import World

LEASES = (lease(first=0, end=16), lease(first=16, end=32))
BLANK, FULL, DARK = 1, 2, 3


Operation = Callable[[Path], object]
OPERATIONS: dict[str, Operation] = {
    "new": lambda world: Rack(World.at(world)).new(),
    "insert": lambda world: Rack(World.at(world)).insert("card3", ESN, DARK),
    "insert elsewhere": lambda world: Rack(World.at(world)).insert("card3", OTHER_ESN, FULL),
    "remove": lambda world: Rack(World.at(world)).remove(ESN, FULL),
    "remove the blank one": lambda world: Rack(World.at(world)).remove(ESN, BLANK),
    "format": lambda world: Rack(World.at(world)).format(ESN, FULL, force=True),
    "list all": lambda world: Rack(World.at(world)).listing(),
    "list slots": lambda world: Slots(World.at(world), ESN).listing(),
    "write": lambda world: Slots(World.at(world), ESN).write_leases(BLANK, LEASES),
    "show a lease": lambda world: Slots(World.at(world), ESN).next_lease(FULL),
    "take a lease": lambda world: Slots(World.at(world), ESN).take_lease(FULL, LEASES[0]),
    "cards of keys": lambda world: Rack(World.at(world)).of_keys(),
    "wipe": lambda world: Rack(World.at(world)).wipe(LEASES[0].public_key),
    "look for a card": lambda world: Slots(World.at(world), ESN).suitable(BLANK_KIND),
    "feed": lambda world: Rack(World.at(world)).feed(ESN, FULL),
}
LOOKING = ("list all", "list slots", "show a lease", "cards of keys", "look for a card")
PAIRS = [(first, second) for first in OPERATIONS for second in OPERATIONS if second not in LOOKING]


def prepare(world: Path) -> None:
    """A blank card in one slot, one with leases in another, a third on the rack."""
    for esn in (ESN, OTHER_ESN):
        (world / "hsm" / esn).mkdir(parents=True)
    rack, slots = Rack(World.at(world)), Slots(World.at(world), ESN)
    rack.new(3)
    rack.insert("card1", ESN, BLANK)
    rack.insert("card2", ESN, FULL)
    slots.write_leases(FULL, LEASES)


def left(world: Path, given: tuple[object, object]) -> tuple[object, ...]:
    """What both gave, where each card is and what is on it, and counters."""
    files = [
        path
        for path in world.rglob("*")
        if (path.is_file() and path.parent.name != "cards") or path.suffix == ".card"
    ]
    told = {
        str(path.relative_to(world)): content(path) for path in files if "witness" not in path.parts
    }
    return str(given).replace(str(world), ""), told


def content(path: Path) -> object:
    """What a file says; of a card, which leases it would give."""
    if path.suffix == ".card":
        return outcome(lambda: [each.first for each in read_card(path).leases])
    return path.read_bytes() if path.name == "ic" else None


def in_turn(world: Path, first: Operation, second: Operation) -> list[tuple[object, ...]]:
    """The two right results."""
    results = []
    for number, order in enumerate(((first, second), (second, first))):
        here = world / f"in turn {number}"
        prepare(here)
        given = [outcome(partial(operation, here)) for operation in order]
        results.append(left(here, (given[number], given[1 - number])))
    return results


def race_in(world: Path, race: Interleaving, first: str, second: str) -> tuple[object, ...] | None:
    """What both left when they ran interleaved."""
    prepare(world)
    given = race.run(partial(OPERATIONS[first], world), partial(OPERATIONS[second], world))
    return None if given is None else left(world, given)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_at_once(monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    """Every two operations, the first stopped at every line of it: each card is in one place, and
    its leases are given once.
    """
    with quick_folder() as folder:
        right = in_turn(folder, OPERATIONS[first], OPERATIONS[second])
        for number, race in zip(
            count(), everywhere(rack_module, slots_module, repeats=2), strict=False
        ):
            monkeypatch.setattr(held_module, "fcntl", TellingFcntl(race))
            found = race_in(folder / str(number), race, first, second)
            if found is None:
                break
            assert found in right, race.where
