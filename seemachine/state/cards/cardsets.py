"""Smart cards of the Administrator and Operator Card Sets: files in the rack like all cards, each
with one share of its set's secret.

Whoever reads LMS cards sees a card of an unknown kind in them, and leaves it alone.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateCorrupt
from seemachine.world import World

OPERATOR = "operator"
ADMIN = "admin"
SUFFIX = ".card"


@dataclass(frozen=True, slots=True)
class Token:
    """One card of a set.

    `share` is encrypted under the card's passphrase, or under none when `passphrase` is False.
    """

    name: str
    token: str
    cardset: str
    set_hash: str
    number: int
    quorum: int
    passphrase: bool
    salt: bytes
    share: bytes

    @property
    def label(self) -> str:
        """As the tools print it (guide 2.5.1 step 4)."""
        return (
            f"Admin Card #{self.number}"
            if self.token == ADMIN
            else f"`{self.cardset}' #{self.number}"
        )


def write_token(world: World, token: Token) -> None:
    """Put a new card on the rack, durably.

    Raises StateCorrupt when there is a card of that name.
    """
    folder = private_folder(world.cards)
    if any(folder.glob(f"{token.name}{SUFFIX}")) or any(
        world.folder.glob(f"hsm/*/slots/*/{token.name}{SUFFIX}")
    ):
        raise StateCorrupt(f"there is a card {token.name} already")
    replace_file(folder / f"{token.name}{SUFFIX}", seal(asdict(token)))


def read_token(path: Path) -> Token | None:
    """The card in a file; None when it is another kind of card, damaged, or a copy under another
    name.
    """
    try:
        token = Token(**unseal(path.read_bytes(), path.stem))
    except (StateCorrupt, TypeError, OSError):
        return None
    return token if token.name == path.stem else None
