"""Two provisions at one machine: wherever the first is stopped, both end as they would have ended
in turn, and no lease is lost between its card and NVRAM.
"""

from dataclasses import astuple
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from kit.commands import CHEAP, SLOT, RepeatableRig, make_key_on_cards
from kit.interleaving import Interleaving, TellingLock, everywhere, outcome
from kit.stores import quick_folder

from seemachine.commands import answer, leases, provision
from seemachine.machine import Session
from seemachine.state.cards.smartcard import read_card
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import StatusError

OTHER_SLOT = SLOT + 1
MODULES = (provision, leases)


class Scene:
    """A machine with two cards of a key in its slots, each with two leases, and two connections."""

    def __init__(self, folder: Path) -> None:
        self.world = RepeatableRig(folder)
        self.machine = self.world.machine()
        self.sessions = [Session(self.machine) for _ in range(2)]
        key = make_key_on_cards(self.world, self.sessions[0], CHEAP, 1, 1)
        self.world.move(key.cards[0], ESN)
        self.world.move(key.cards[1], ESN, OTHER_SLOT)

    def watch(self, race: Interleaving) -> None:
        """Let the lock tell who waits."""
        self.machine.provisioning = TellingLock(race)  # type: ignore[assignment]

    def provision(self, number: int, slot: int) -> object:
        """What a connection is told."""
        reply = answer(self.sessions[number], m.ProvisionLms(slot=slot))
        return (reply.status, reply.detail) if isinstance(reply, StatusError) else astuple(reply)

    def left(self) -> list[tuple[object, ...]]:
        """The first leaves of the leases that are on cards, and those in NVRAM."""
        files = [self.machine.store.get(name) for name in self.machine.store.names()]
        return [
            *(
                (path.name, each.first)
                for path in sorted(self.world.folder.rglob("*.card"))
                for each in read_card(path).leases
            ),
            *(("NVRAM", file.next) for file in files if file),
        ]


def in_turn(folder: Path, other_slot: int) -> list[tuple[object, ...]]:
    """The two right results."""
    results = []
    for first in (0, 1):
        scene = Scene(folder / f"{first} before")
        given = {
            number: outcome(partial(scene.provision, number, (SLOT, other_slot)[number]))
            for number in (first, 1 - first)
        }
        results.append((given[0], given[1], scene.left()))
    return results


@pytest.mark.parametrize("other_slot", [SLOT, OTHER_SLOT])
def test_two_provisions_at_once(other_slot: int) -> None:
    """From one card, and from two: one of them gets a lease, the other is refused, and all other
    leases stay on their cards.
    """
    with quick_folder() as folder:
        right = in_turn(folder, other_slot)
        assert [len(left) for *_, left in right] == [4, 4]
        stops = 0
        for number, race in zip(count(), everywhere(*MODULES), strict=False):
            scene = Scene(folder / str(number))
            scene.watch(race)
            given = race.run(
                partial(scene.provision, 0, SLOT), partial(scene.provision, 1, other_slot)
            )
            if given is None:
                break
            stops += 1
            assert (*given, scene.left()) in right, race.where
        assert stops > 10
