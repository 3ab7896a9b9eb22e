"""Leaves that can still sign: which NVRAM or card holds them.

Half-made keys have their leaves in no lease yet, and nothing signs with them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from seemachine.audit.rows import Handed
from seemachine.frozen import frozen
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.errors import StateError
from seemachine.testing.assertions.looking import Looked
from seemachine.wire.names import nvram_name, printed_name
from seemachine.world import CARD_SUFFIX, World


@frozen
class Held:
    """Leaves `first` to `end` (not included) of the key whose NVRAM files have the name `file`, at
    a place. What is in quarantine is `withheld`.
    """

    file: bytes
    first: int
    end: int
    place: str
    withheld: bool = False

    @property
    def leaves(self) -> str:
        """In words: `leaf 3`, `leaves 3 to 31`."""
        one = self.end - self.first == 1
        return f"leaf {self.first}" if one else f"leaves {self.first} to {self.end - 1}"


def held_by(looked: Iterable[Looked], world: World) -> list[Held]:
    """All of a world: in NVRAM of machines that were looked at, and on its cards.

    Cards are read last: a lease that moves meanwhile is seen once, or not at all.
    """
    return [*_in_nvram(looked), *_on_cards(world)]


def _in_nvram(looked: Iterable[Looked]) -> Iterator[Held]:
    for machine in looked:
        for file in machine.files:
            yield Held(file.file, file.next, file.end, machine.esn, withheld=file.quarantined)


def _on_cards(world: World) -> Iterator[Held]:
    """Cards that can't be read as this world's own are left out: no machine takes anything off
    them.
    """
    if not world.cards.is_dir():
        return
    with Slots(world, "").still():
        for path in sorted(world.folder.glob(f"cards/*{CARD_SUFFIX}")) + sorted(
            world.machines.glob(f"*/slots/*/*{CARD_SUFFIX}")
        ):
            try:
                leases = read_card(path).leases
            except StateError:
                continue
            for lease in leases:
                yield Held(nvram_name(lease.public_key), lease.first, lease.end, path.stem)


def overlaps(held: Iterable[Held], name_of: dict[bytes, str]) -> Iterator[str]:
    """What two places hold at once, a sentence each."""
    by_file: dict[bytes, list[Held]] = defaultdict(list)
    for each in held:
        if not each.withheld:
            by_file[each.file].append(each)
    for file, found in by_file.items():
        for one, other in pairwise(sorted(found, key=lambda each: (each.first, each.end))):
            if other.first < one.end:
                both = Held(file, other.first, min(one.end, other.end), one.place)
                yield f"{one.place} and {other.place} both hold {both.leaves} of {name_of[file]}"


def used_and_held(
    held: Iterable[Held], rows: Iterable[Handed], name_of: dict[bytes, str]
) -> Iterator[str]:
    """Leaves that were handed out and could be handed out again, a sentence each."""
    by_file: dict[bytes, list[Handed]] = defaultdict(list)
    for row in rows:
        by_file[row.file].append(row)
    for each in held:
        for row in by_file[each.file]:
            if each.first <= row.leaf < each.end and not each.withheld:
                signed = f"leaf {row.leaf} of {name_of[each.file]} was handed out by {row.esn}"
                yield f"{signed} (row {row.row}), and {each.place} still holds it"


class Names(dict[bytes, str]):
    """What keys are called: their aliases, else the names of their NVRAM files."""

    def __missing__(self, file: bytes) -> str:
        return printed_name(file)
