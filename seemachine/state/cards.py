"""Smart cards. A card is one file; where the file lies is where the card is, so it can't be in two places.

    cards/<name>.card                    on the rack
    hsm/<ESN>/slots/<n>/<name>.card      in slot n of a machine

Moving a card is one rename. Whoever moves, reads or writes a card holds the lock of the rack.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from seemachine.state.durable import replace_file
from seemachine.state.errors import StateCorrupt
from seemachine.state.records import StoredLease
from seemachine.state.sealed import lease_from, lease_values, seal, unseal

SUFFIX = ".card"
BLANK = "blank"
LMS = "lms"
KINDS = (BLANK, LMS)


@dataclass(frozen=True, slots=True)
class Card:
    """What is on a card. An lms card stays one when its leases are used up; formatting makes it blank."""

    name: str
    kind: str
    leases: tuple[StoredLease, ...]

    @classmethod
    def blank(cls, name: str) -> "Card":
        """A freshly formatted card."""
        return cls(name, BLANK, ())

    def written(self, leases: tuple[StoredLease, ...]) -> "Card":
        """This card with the leases of a key on it."""
        return replace(self, kind=LMS, leases=leases)

    def without_first(self) -> "Card":
        """This card after its next lease was taken off."""
        return replace(self, leases=self.leases[1:])


def read_card(path: Path) -> Card:
    """The card in a file. Raises StateCorrupt."""
    what = f"card {path.stem}"
    values = unseal(path.read_bytes(), what)
    if values.keys() != {"name", "kind", "leases"} or values["kind"] not in KINDS or type(values["leases"]) is not list:
        raise StateCorrupt(f"{what}: not a card of this version")
    if values["name"] != path.stem:
        raise StateCorrupt(f"{what}: a copy of card {values['name']}; copies are not used")
    leases = tuple(lease_from(lease, what) for lease in values["leases"])
    if leases and values["kind"] == BLANK:
        raise StateCorrupt(f"{what}: blank, yet with leases")
    return Card(path.stem, values["kind"], leases)


def write_card(folder: Path, card: Card) -> None:
    """Store a card durably in a folder. Raises OSError."""
    values = {"name": card.name, "kind": card.kind, "leases": list(map(lease_values, card.leases))}
    replace_file(folder / f"{card.name}{SUFFIX}", seal(values))
