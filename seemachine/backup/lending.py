"""Cards in a backup.

A card moves: from the rack to outgoing/, from there into the backup; only `bring_back` makes it a
card again, once.

    cards/outgoing/<id>/<card>.card    taken off the rack, until the backup is durable; a card for
                                       nobody
    witness/lent/<id>/<card>/place     this world made the backup: the handle of this very folder,
                                       which no copy has; gone when it came back
    witness/restored/<id>/<card>       that card came back, and never does again

Who does this holds the lock of the rack.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from seemachine.backup.archive import CARDS, NAMES
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import LMS, carried_card, read_card, write_card
from seemachine.state.disk.durable import flush_folder, private_folder, remove_file, replace_file
from seemachine.state.disk.file_identity import handle_of, same_file
from seemachine.state.disk.world_key import FILE_NAME
from seemachine.state.errors import CardError, StateCopied, StateForeign
from seemachine.state.witness import card_witness
from seemachine.world import CARD_SUFFIX, World


def check_on_rack(world: World, names: Sequence[str]) -> None:
    """Refuse cards that can't go into a backup: not on the rack, blank, empty, not the original.

    Raises CardError, StateCorrupt.
    """
    for name in names:
        path = world.cards / f"{name}{CARD_SUFFIX}"
        if not NAMES.fullmatch(f"{CARDS}{name}{CARD_SUFFIX}") or not path.is_file():
            raise CardError(
                f"card {name} is not on the rack; see where it is with: seemachine card list"
            )
        card = read_card(path)
        if card.kind != LMS or not card.leases:
            raise CardError(f"card {name} holds no leases, so there is nothing in it to keep")


def take_out(world: World, identifier: str, names: Sequence[str]) -> dict[str, bytes]:
    """Take cards off the rack, durably, for a backup, and return their files by name.

    Raises CardError, StateError, OSError.
    """
    if not names:
        return {}
    rack, folder = world.cards, outgoing(world) / identifier
    with Slots(world, "").locked():
        check_on_rack(world, names)
        private_folder(folder)
        for name in names:
            _write_ticket(world, identifier, name)
            path = rack / f"{name}{CARD_SUFFIX}"
            # Off the rack before the witness forgets it: swapped, a crash would leave a card that
            # nobody may use. Both before the backup is complete: a card that was still one by then
            # could be used here and come back from there.
            path.rename(folder / path.name)
            flush_folder(folder)
            flush_folder(rack)
            card_witness.forget(world, path)
        return {name: (folder / f"{name}{CARD_SUFFIX}").read_bytes() for name in names}


def clear(world: World, identifier: str) -> None:
    """The backup is durable: what was taken out is in it alone."""
    folder = outgoing(world) / identifier
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        flush_folder(folder.parent)


def outgoing(world: World) -> Path:
    """What was taken off the rack for backups that were not completed has a folder each in here."""
    return world.cards / "outgoing"


def leftovers(world: World) -> dict[Path, list[str]]:
    """The cards of interrupted backups, by folder."""
    found = {
        folder: sorted(path.stem for path in folder.glob(f"*{CARD_SUFFIX}"))
        for folder in sorted(outgoing(world).glob("*"))
    }
    return {folder: names for folder, names in found.items() if names}


def bring_back(
    world: World, identifier: str, name: str, data: bytes, *, after_loss: bool = False
) -> tuple[str, int]:
    """Make a card of a backup a card of the rack again, and return what it is called now and how
    many leases it has.

    Raises StateForeign for one of another world, StateCopied when it came back before or may be in
    use elsewhere, StateCorrupt, OSError.
    """
    with Slots(world, "").locked():
        came = world.witness / "restored" / identifier / name
        _check_may_come(world, came)
        card = carried_card(world, name, data)
        if not after_loss:
            _check_ticket(world, identifier, name)
        private_folder(came.parent)
        # Before the card is written: swapped, a crash would let it come back twice.
        replace_file(came, time.strftime("%Y-%m-%d %H:%M:%S UTC\n", time.gmtime()).encode())
        _drop(_ticket(world, identifier, name) / "place")
        card = replace(card, name=_free_name(world, name))
        write_card(private_folder(world.cards), card)
        _drop(outgoing(world) / identifier / f"{name}{CARD_SUFFIX}")
        return card.name, len(card.leases)


def _check_may_come(world: World, came: Path) -> None:
    if came.exists():
        raise StateCopied(
            f"card {came.name} of this backup came back before"
            f" ({came.read_text(errors='replace').strip()}); it does so once"
        )
    if not world.key_file.exists():
        raise StateForeign(
            f"card {came.name}: this world has no {FILE_NAME}; put that of the card's world here"
            " first"
        )


def _drop(path: Path) -> None:
    """Delete a file, and its folder when nothing else is in it."""
    if path.parent.is_dir():
        remove_file(path)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
            flush_folder(path.parent.parent)


def _free_name(world: World, name: str) -> str:
    """Its own name, or the next free number when there is another card of that name by now."""
    taken = {
        path.stem
        for pattern in (f"cards/*{CARD_SUFFIX}", f"hsm/*/slots/*/*{CARD_SUFFIX}")
        for path in world.folder.glob(pattern)
    }
    return (
        name
        if name not in taken
        else next(free for number in count(1) if (free := f"card{number}") not in taken)
    )


def _write_ticket(world: World, identifier: str, name: str) -> None:
    folder = private_folder(_ticket(world, identifier, name))
    replace_file(folder / "place", handle_of(folder))


def _check_ticket(world: World, identifier: str, name: str) -> None:
    folder = _ticket(world, identifier, name)
    place = folder / "place"
    if not place.is_file() or not same_file(place.read_bytes(), handle_of(folder)):
        raise StateCopied(
            f"card {name}: this world did not make the backup, or is a copy of the one that did, or"
            " its witness was put back or lost, so the card may have come back elsewhere; only if"
            " that can't be, and never will, add --after-loss"
        )


def _ticket(world: World, identifier: str, name: str) -> Path:
    return world.witness / "lent" / identifier / name
