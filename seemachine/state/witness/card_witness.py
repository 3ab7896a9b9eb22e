"""Which file of a card or half-made key is the original: a witness outside of it, for a file can't
say of itself that it is not a copy.

    witness/cards/<name>             fingerprints of the files that may be this card
    witness/making/<ESN>-<label>     fingerprints of the files that may be this half-made key

A fingerprint is the handle of the file and the digest of what is in it. The digest tells an older
text that was copied into the same file; the handle tells a card and its witness that were restored
together. A hard link has both, so a card with a second name is refused; and a record names the
folder that it is in, which no link can be put into. Whoever asks or changes this holds the lock of
the rack. A blank card has no leases that could be used twice and needs no witness.
"""

import hashlib
from pathlib import Path

from seemachine.formats import Format
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import flush_folder, private_folder, remove_file, replace_file
from seemachine.state.disk.file_identity import handle_of, same_file
from seemachine.state.errors import StateCopied, StateCorrupt, StateLinked
from seemachine.world import CARD_SUFFIX, World

FORMAT = Format("card witness")
# Handle, SHA-256 of the content.
Fingerprint = list[bytes]


def check_original(world: World, card: Path) -> None:
    """Refuse the file of a card that is not the one that was written last.

    Raises StateCopied, StateLinked, StateCorrupt.
    """
    what = f"card {card.stem}" if card.suffix == CARD_SUFFIX else f"half-made key {card.stem}"
    if not _is_known(world, card):
        raise StateCopied(
            f"{what} is a copy or was restored from a backup: its leases may have been used since"
        )
    _refuse_linked(card, what)


def _refuse_linked(card: Path, what: str) -> None:
    links = card.stat().st_nlink
    if links > 1:
        raise StateLinked(
            f"{what} has {links} names on the disk (hard links), so it could be used under each;"
            f" delete the others of {card}"
        )


def expect(world: World, card: Path, written: Path) -> None:
    """Before `written` takes the place of a card: from here on either of the two is the card.

    A copy does not become one.
    """
    # A killed process, or a full disk, may have left the last name without a flush; what had it
    # before is not remembered any more from here on.
    flush_folder(card.parent)
    still = [_fingerprint(card)] if _is_known(world, card) else []
    _remember(world, card, [*still, _fingerprint(written)])


def confirm(world: World, card: Path) -> None:
    """After it took the place: the file that lies there, and no other, is the card."""
    _remember(world, card, [_fingerprint(card)])


def forget(world: World, card: Path) -> None:
    """No file is this card any more, unless it is blank."""
    path = _record(world, card)
    if path.exists():
        remove_file(path)


def _is_known(world: World, card: Path) -> bool:
    known = _fingerprints(_record(world, card))
    if not known or not card.exists():
        return False
    handle, digest = _fingerprint(card)
    return any(same_file(handle, each) and digest == its for each, its in known)


def _fingerprint(path: Path) -> Fingerprint:
    return [handle_of(path), _digest(path)]


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _is_here(record: Path, folder: bytes) -> bool:
    """Whether a record lies in the folder in which it was written: no link can be put into that
    unnoticed.
    """
    return same_file(folder, handle_of(record.parent))


def _fingerprints(path: Path) -> list[Fingerprint]:
    if not path.exists():
        return []
    values = unseal(path.read_bytes(), str(path), FORMAT)
    # Earlier checkouts did not name the folder.
    if values.keys() - {"folder"} != {"card", "files"} or values["card"] != path.name:
        raise StateCorrupt(f"{path}: not a record of this version")
    if "folder" in values and not _is_here(path, values["folder"]):
        return []
    fingerprints: list[Fingerprint] = values["files"]
    return fingerprints


def _remember(world: World, card: Path, fingerprints: list[Fingerprint]) -> None:
    record = _record(world, card)
    private_folder(record.parent)
    values = {"card": record.name, "files": fingerprints, "folder": handle_of(record.parent)}
    replace_file(record, seal(values, FORMAT))


def _record(world: World, card: Path) -> Path:
    if card.suffix == CARD_SUFFIX:
        return world.witness / "cards" / card.stem
    return world.witness / "making" / f"{card.parent.parent.name}-{card.stem}"
