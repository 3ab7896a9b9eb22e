"""The Security World of a host: kmdata/local/world, its Administrator and Operator Card Sets (guide 2.2 leaves making them to the manual).

The format of all files is ours. The module key stands in the world file, readable by its owner: a real one never leaves the HSMs.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from seemachine.nfast import hiding, shares, signing
from seemachine.nfast.paths import kmlocal
from seemachine.nfast.tool import Refusal
from seemachine.state.durable import replace_file
from seemachine.state.tokens import ADMIN, OPERATOR, Token, write_token

SALT_BYTES = 16
MOST_CARDS = 64


@dataclass(frozen=True, slots=True)
class CardSet:
    """What the host knows of a card set. `hash` names its secret."""

    name: str
    hash: str
    token: str
    quorum: int
    cards: int


@dataclass(frozen=True, slots=True)
class SecurityWorld:
    """`nso` signs what the ACS allows, its private key hidden under the ACS. All but `generation` and `admin` is text in hex or PEM."""

    generation: int
    module_key: str
    nso: str
    nso_hidden: str
    admin: CardSet


def create(world: Path, quorum: int, cards: int, passphrase: str) -> SecurityWorld:
    """Make the world and its ACS. Raises Refusal when there is one."""
    path = kmlocal(world) / "world"
    if path.exists():
        raise Refusal(f"there is a Security World already ({path})")
    admin, secret = _new_set(world, "ACS", ADMIN, (quorum, cards), passphrase)
    nso = signing.generate()
    hidden = hiding.hide(hiding.derived(secret, "nso"), signing.private_bytes(nso))
    made = SecurityWorld(2, os.urandom(32).hex(), signing.public_pem(nso.public_key()), hidden.hex(), admin)
    replace_file(path, json.dumps(asdict(made), indent=1).encode())
    return made


def read(world: Path) -> SecurityWorld:
    """The world of this host. Raises Refusal without one."""
    path = kmlocal(world) / "world"
    try:
        values = json.loads(path.read_text())
        return SecurityWorld(**{**values, "admin": CardSet(**values["admin"])})
    except FileNotFoundError:
        raise Refusal("there is no Security World; make one with: seemachine nfast setup") from None
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal(f"{path} is damaged ({error}); put a copy back") from None


def create_operator_set(world: Path, name: str, quorum: int, cards: int, passphrase: str) -> CardSet:
    """Make an OCS and put its cards on the rack. Raises Refusal when there is one of that name."""
    read(world)
    if any(known.name == name for known in operator_sets(world)):
        raise Refusal(f"there is a card set {name} already")
    made, _ = _new_set(world, name, OPERATOR, (quorum, cards), passphrase)
    replace_file(kmlocal(world) / f"cards_{made.hash}", json.dumps(asdict(made)).encode())
    return made


def operator_sets(world: Path) -> list[CardSet]:
    """All Operator Card Sets of the world, by name."""
    found = [CardSet(**json.loads(path.read_text())) for path in kmlocal(world).glob("cards_*")]
    return sorted(found, key=lambda cardset: cardset.name)


def operator_set(world: Path, name: str) -> CardSet:
    """The card set of a name. Raises Refusal."""
    known = operator_sets(world)
    for cardset in known:
        if cardset.name == name:
            return cardset
    names = ", ".join(cardset.name for cardset in known) or "none"
    raise Refusal(f"there is no card set {name}; there are: {names}")


def set_of_hash(world: Path, wanted: str) -> CardSet:
    """The card set that protects a key. Raises Refusal."""
    for cardset in operator_sets(world):
        if cardset.hash == wanted:
            return cardset
    raise Refusal(f"the key is protected by a card set of another Security World ({wanted})")


def open_share(token: Token, passphrase: str) -> bytes:
    """The share on a card. Raises hiding.WrongKey."""
    return hiding.reveal(hiding.stretched(passphrase, token.salt), token.share)


def _new_set(world: Path, name: str, token: str, sizes: tuple[int, int], passphrase: str) -> tuple[CardSet, bytes]:
    quorum, cards = sizes
    if not 1 <= quorum <= cards <= MOST_CARDS:
        raise Refusal(f"a card set has a quorum of 1 or more and up to {MOST_CARDS} cards, not {quorum} of {cards}")
    secret = os.urandom(shares.SECRET_BYTES)
    cardset = CardSet(name, hiding.derived(secret, "card set")[:20].hex(), token, quorum, cards)
    for number, share in enumerate(shares.split(secret, quorum, cards), 1):
        salt = os.urandom(SALT_BYTES)
        hidden = hiding.hide(hiding.stretched(passphrase, salt), share)
        card = f"{'admin' if token == ADMIN else name}-{number}"
        write_token(world, Token(card, token, name, cardset.hash, number, quorum, bool(passphrase), salt, hidden))
    return cardset, secret
