"""What a test's fleet has, in words: for the report of a test that failed."""

from collections.abc import Iterator

from seeclient.keys import KeyStore

from seemachine.commands import answer
from seemachine.machine import Machine, Session
from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.errors import counted
from seemachine.testing.hosting.hosting import Hosting
from seemachine.wire.messages import ListNvmemfiles, NvmemfileInfo
from seemachine.wire.names import printed_name
from seemachine.wire.status import StatusError
from seemachine.world import World


def summary(world: World, hosting: Hosting) -> str:
    """A paragraph of machines with the leaves in them, and of cards. Raises nothing."""
    try:
        return "\n".join([*_machines(world, hosting), *_cards(world)])
    except Exception as error:  # noqa: BLE001 - the test has failed already, of something else
        return f"no summary: {error!r}"


def _machines(world: World, hosting: Hosting) -> Iterator[str]:
    names = KeyStore(world.keys).known()
    for number, (esn, place) in enumerate(hosting.places.items(), 1):
        yield f"machine {number} ({esn}): {'up' if place.is_up else 'down'}"
        if place.machine is not None:
            yield from (f"  {_leaves(file, names)}" for file in _files(place.machine))
    aliases = KeyStore(world.keys).aliases()
    yield f"keys: {', '.join(aliases) if aliases else 'none'}"


def _files(machine: Machine) -> list[NvmemfileInfo]:
    listing = answer(Session(machine), ListNvmemfiles())
    if isinstance(listing, StatusError):
        raise listing
    return listing.files


def _leaves(file: NvmemfileInfo, names: dict[bytes, str]) -> str:
    name = names.get(file.file) or printed_name(file.file)
    withheld = ", in quarantine" if file.quarantined else ""
    return f"{name}: leaves {file.first} to {file.end - 1}, the next is {file.next}{withheld}"


def _cards(world: World) -> Iterator[str]:
    cards = Rack(world).listing() if world.cards.is_dir() else []
    yield from (f"{card.card}: {_content(card)}, {_place(card)}" for card in cards)


def _content(card: Whereabouts) -> str:
    return f"{card.kind}, {counted(card.leases, 'lease')}" if card.leases else card.kind


def _place(card: Whereabouts) -> str:
    return f"in slot {card.slot} of {card.esn}" if card.esn else "on the rack"
