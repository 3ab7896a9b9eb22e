"""The cards of the world and the hands that move them."""

from pathlib import Path

from seemachine.frozen import frozen
from seemachine.state.cards import hands
from seemachine.state.cards.cardsets import read_set_card
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import BLANK, Card, look, read_card, write_card
from seemachine.state.disk.durable import flush_folder, private_folder
from seemachine.state.errors import CardError, StateCopied, StateCorrupt, StateForeign, counted
from seemachine.wire.names import NO_ESN, SLOTS, is_esn
from seemachine.world import CARD_SUFFIX, World


@frozen
class Whereabouts:
    """A card and where it is; `esn` is empty and `slot` -1 on the rack.

    See `cards.look` for `kind`.
    """

    card: str
    kind: str
    leases: int
    esn: str
    slot: int


class Rack:
    """All cards of a world folder. Works with machines up or down, as hands do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._folder = private_folder(world.cards)
        self._rack = Slots(world, "")

    def new(self, count: int = 1) -> list[str]:
        """Put blank cards on the rack and return their names."""
        with self._rack.locked():
            return self._made(count)

    def _made(self, count: int) -> list[str]:
        taken = {path.stem for path in self._all_files()}
        numbers = (
            number for number in range(1, len(taken) + count + 1) if f"card{number}" not in taken
        )
        names = [f"card{next(numbers)}" for _ in range(count)]
        for name in names:
            write_card(self._folder, Card.blank(name))
        return names

    def insert(self, card: str, esn: str, slot: int) -> None:
        """Put a card from the rack into a slot.

        Raises CardError when the card is elsewhere or the slot is taken.
        """
        slots = self._slots(esn)
        with slots.locked():
            path = self._on_rack(card)
            present = slots.occupant(slot)
            if present is not None:
                raise CardError(
                    f"slot {slot} of {esn} holds {present.stem}; take it out with:"
                    f" {hands.remove(esn, slot)}"
                )
            self._put(path, slots, slot)

    def remove(self, esn: str, slot: int) -> str:
        """Take the card out of a slot, put it on the rack and return its name.

        Raises CardError when the slot is empty.
        """
        slots = self._slots(esn)
        with slots.locked():
            path = slots.occupant(slot)
            if path is None:
                raise _empty(esn, slot)
            self._move(path, self._folder)
            return path.stem

    def format(self, esn: str, slot: int, *, force: bool = False) -> str:
        """Make the card in a slot blank and return its name.

        Refuses to destroy leases unless forced. Raises CardError.
        """
        slots = self._slots(esn)
        with slots.locked():
            path = slots.occupant(slot)
            if path is None:
                raise _empty(esn, slot)
            self._refuse_other(path)
            loss = _loss(path)
            if loss and not force:
                raise CardError(f"{loss}, which formatting destroys for good; add --force to do it")
            write_card(path.parent, Card.blank(path.stem))
            return path.stem

    def listing(self) -> list[Whereabouts]:
        """Every card, by name."""
        with self._rack.still():
            return sorted(
                map(self._describe, self._all_files()),
                key=lambda found: (len(found.card), found.card),
            )

    def blanks(self) -> list[str]:
        """Blank cards on the rack."""
        return [found.card for found in self.listing() if found.kind == BLANK and not found.esn]

    def of_keys(self) -> dict[bytes, list[Whereabouts]]:
        """The cards with leases left of each key, by public key. Cards that can't be read as this
        world's own are left out.
        """
        found: dict[bytes, list[Whereabouts]] = {}
        with self._rack.still():
            for path in sorted(self._all_files(), key=lambda path: (len(path.stem), path.stem)):
                if public_key := _key_of(path):
                    found.setdefault(public_key, []).append(self._describe(path))
        return found

    def wipe(self, public_key: bytes) -> list[str]:
        """Make blank the cards of a key that are in slots, and return their names."""
        with self._rack.locked():
            paths = [path for path in self._all_files() if path.parent != self._folder]
            wiped = sorted(path for path in paths if _key_of(path) == public_key)
            for path in wiped:
                write_card(path.parent, Card.blank(path.stem))
            return [path.stem for path in wiped]

    def feed(self, esn: str, slot: int) -> None:
        """Put a blank card into a slot in place of what is there, unless that is blank itself."""
        slots = self._slots(esn)
        with slots.locked():
            present = slots.occupant(slot)
            if present is not None and look(present)[0] == BLANK:
                return
            blank = self._blank()
            if present is not None:
                self._move(present, self._folder)
            self._put(blank, slots, slot)

    def _blank(self) -> Path:
        """The file of a blank card on the rack: the first by name, or a new one."""
        found = (path for path in self._folder.glob(f"*{CARD_SUFFIX}") if look(path)[0] == BLANK)
        by_name = min(found, key=lambda path: (len(path.stem), path.stem), default=None)
        return by_name or self._on_rack(self._made(1)[0])

    def _slots(self, esn: str) -> Slots:
        if not is_esn(esn):
            raise CardError(f"{esn!r} {NO_ESN}")
        if not (self.world.hsm(esn)).is_dir():
            raise CardError(
                f"there is no HSM {esn} in {self.world}; start one with: seemachine fleet up"
            )
        return Slots(self.world, esn)

    def _on_rack(self, card: str) -> Path:
        path = self._folder / f"{card}{CARD_SUFFIX}"
        if path.is_file() and path.parent == self._folder:
            return path
        for other in self._all_files():
            if other.stem == card:
                esn, slot = other.parts[-4], other.parent.name
                raise CardError(
                    f"{card} is in slot {slot} of {esn}; take it out with:"
                    f" {hands.remove(esn, slot)}"
                )
        raise CardError(
            f"there is no card {card if card.isprintable() else repr(card)}; make one with:"
            " seemachine card new"
        )

    def _all_files(self) -> list[Path]:
        slots = (f"hsm/*/slots/{slot}/*{CARD_SUFFIX}" for slot in SLOTS)
        return [
            path
            for pattern in (f"cards/*{CARD_SUFFIX}", *slots)
            for path in self.world.folder.glob(pattern)
            if path.is_file()
        ]

    def _describe(self, path: Path) -> Whereabouts:
        place = ("", -1) if path.parent == self._folder else (path.parts[-4], int(path.parent.name))
        return Whereabouts(path.stem, *look(path), *place)

    def _refuse_other(self, path: Path) -> None:
        """Formatting a copy would also end the original, for it is the card that is made blank, not
        the file.
        """
        for other in self._all_files():
            if other.stem == path.stem and other != path:
                raise CardError(
                    f"there is a card {path.stem} in {other.parent} too; one of the two is a copy,"
                    " delete its file first"
                )

    def _put(self, path: Path, slots: Slots, slot: int) -> None:
        # The counter first: a crash in between skips a number and never repeats one.
        slots.count_insertion(slot)
        self._move(path, slots.folder(slot))

    def _move(self, path: Path, folder: Path) -> None:
        origin = path.parent
        if (folder / path.name).exists():
            raise CardError(
                f"there is a card {path.stem} already in {folder}; one of the two is a copy,"
                " remove it"
            )
        path.rename(folder / path.name)
        flush_folder(folder)
        flush_folder(origin)


def _empty(esn: str, slot: int) -> CardError:
    into = hands.insert(esn, slot)
    return CardError(f"slot {slot} of {esn} is empty; insert a card with: {into}")


def _key_of(path: Path) -> bytes:
    """The public key of the leases that a card has left; empty for none."""
    try:
        leases = read_card(path).leases
    except StateCorrupt:
        return b""
    return leases[0].public_key if leases else b""


def _loss(path: Path) -> str:
    """What formatting would destroy, or an empty text.

    A damaged card has nothing that anybody could use.
    """
    try:
        leases = len(read_card(path).leases)
    except (StateCopied, StateForeign) as error:
        return f"{error}; it may hold leases"
    except StateCorrupt:
        card = read_set_card(path)
        return f"{path.stem} is {card.label}" if card else ""
    return f"{path.stem} holds {counted(leases, 'unused lease')}" if leases else ""
