"""The Security World of a host: kmdata/local/world, its Administrator and Operator Card Sets (guide
2.2 leaves making them to the manual).

The format of all files is ours. The module key stands in the world file, readable by its owner: a
real one never leaves the HSMs.
"""

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from seemachine.chance.seeding import settle
from seemachine.formats import CARD_SET, Format
from seemachine.nfast import encryption, signing
from seemachine.nfast.files import parsed, version_checked, versioned
from seemachine.nfast.paths import alone, kmlocal
from seemachine.nfast.refusals import Misuse, Refusal
from seemachine.state.cards import dealing
from seemachine.state.cards.cardsets import ADMIN, MOST_CARDS, OPERATOR
from seemachine.state.cards.dealing import CardSet
from seemachine.state.cards.rack import Rack
from seemachine.state.disk.durable import replace_file
from seemachine.wire.names import CARDSET_BYTES
from seemachine.world import World

FORMAT = Format("security world")
KEY_BYTES = 32
# It is the beginning of its cards' file names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SecurityWorld:
    """`nso` signs what the ACS allows, its private key hidden under the ACS.

    All but `generation` and `admin` is text in hex or PEM.
    """

    generation: int
    module_key: str
    nso: str
    nso_hidden: str
    admin: CardSet


def create(world: World, quorum: int, cards: int, passphrase: str) -> SecurityWorld:
    """Make the world and its ACS. Raises Refusal when there is one."""
    settle(world)
    path = kmlocal(world) / "world"
    with alone(world):
        if path.exists():
            raise Refusal(f"there is a Security World already ({path})")
        admin, secret = _new_set(world, "ACS", ADMIN, (quorum, cards), passphrase)
        nso = signing.generate()
        hidden = encryption.hide(encryption.derived(secret, "nso"), signing.private_bytes(nso))
        made = SecurityWorld(
            2,
            os.urandom(KEY_BYTES).hex(),
            signing.public_pem(nso.public_key()),
            hidden.hex(),
            admin,
        )
        values = {**asdict(made), "admin": admin.stored()}
        replace_file(path, versioned(FORMAT, values))
    return made


def read(world: World) -> SecurityWorld:
    """The world of this host. Raises Refusal without one."""
    path = kmlocal(world) / "world"
    try:
        values = version_checked(FORMAT, parsed(path.read_text()), path)
        found = SecurityWorld(**{**values, "admin": CardSet.of(values["admin"])})
        if (
            len(bytes.fromhex(found.module_key)) != KEY_BYTES
            or not bytes.fromhex(found.nso_hidden)
            or not signing.public_from(found.nso)
        ):
            raise ValueError("a key is missing")
        return found
    except FileNotFoundError:
        raise Refusal("there is no Security World; make one with: seemachine nfast setup") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(f"{path} is damaged ({error}); put a copy back") from None


def unlock_nso(found: SecurityWorld, secret: bytes) -> signing.Private:
    """The key of what the ACS allows, by the secret of the ACS. Raises Refusal."""
    try:
        return signing.private_from(
            encryption.reveal(encryption.derived(secret, "nso"), bytes.fromhex(found.nso_hidden))
        )
    except ValueError:
        raise Refusal(
            "the key of the ACS in the world file is damaged; put a copy of the file back"
        ) from None


def create_operator_set(
    world: World, name: str, quorum: int, cards: int, passphrase: str
) -> CardSet:
    """Make an OCS and put its cards on the rack. Raises Refusal when there is one of that name."""
    settle(world)
    read(world)
    refuse_bad_set(name, quorum, cards)
    with alone(world):
        if any(known.name == name for known in operator_sets(world)):
            raise Refusal(f"there is a card set {name} already")
        made, _ = _new_set(world, name, OPERATOR, (quorum, cards), passphrase)
        replace_file(kmlocal(world) / made.file_name, made.encoded())
    return made


def refuse_bad_set(name: str, quorum: int, cards: int) -> None:
    """Before anything is written. Raises Refusal for a name or sizes that no card set has."""
    if not _NAME.fullmatch(name) or name == ADMIN:
        raise Misuse(
            "a card set's name has up to 32 letters, digits, hyphens and underscores, and is not"
            f" {ADMIN}; not {name!r}"
        )
    _refuse_sizes(quorum, cards)


def operator_sets(world: World) -> list[CardSet]:
    """All Operator Card Sets of the world, by name."""
    return sorted(map(_read_set, kmlocal(world).glob("cards_*")), key=lambda cardset: cardset.name)


def operator_set(world: World, name: str) -> CardSet:
    """The card set of a name. Raises Refusal."""
    known = operator_sets(world)
    for cardset in known:
        if cardset.name == name:
            return cardset
    names = ", ".join(cardset.name for cardset in known) or "none"
    raise Refusal(f"there is no card set {name}; there are: {names}")


def set_of_hash(world: World, wanted: str) -> CardSet:
    """The card set that protects a key. Raises Refusal."""
    for cardset in operator_sets(world):
        if cardset.hash == wanted:
            return cardset
    raise Refusal(f"the key is protected by a card set of another Security World ({wanted})")


def _read_set(path: Path) -> CardSet:
    try:
        found = CardSet.of(version_checked(CARD_SET, parsed(path.read_text()), path))
        if len(bytes.fromhex(found.hash)) != CARDSET_BYTES:
            raise ValueError("its hash is none")
        return found
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal(f"{path} is damaged ({error}); put a copy back") from None


def _new_set(
    world: World, name: str, kind: str, sizes: tuple[int, int], passphrase: str
) -> tuple[CardSet, bytes]:
    quorum, cards = sizes
    _refuse_sizes(quorum, cards)
    prefix = ADMIN if kind == ADMIN else name
    _refuse_taken(world, dealing.card_names(prefix, cards))
    return dealing.deal(world, (name, kind), prefix, quorum, [passphrase.encode()] * cards)


def _refuse_sizes(quorum: int, cards: int) -> None:
    if not 1 <= quorum <= cards <= MOST_CARDS:
        raise Misuse(
            f"a card set has a quorum of 1 or more and up to {MOST_CARDS} cards, not {quorum} of"
            f" {cards}"
        )


def _refuse_taken(world: World, names: list[str]) -> None:
    """Before the first card of a set is written.

    Raises Refusal: of another world or set, or of one that was cut short.
    """
    known = {found.card for found in Rack(world).listing()}
    taken = [name for name in names if name in known]
    if taken:
        raise Refusal(
            f"there is a card {taken[0]} already; if its set was never finished, delete the card's"
            " file first"
        )
