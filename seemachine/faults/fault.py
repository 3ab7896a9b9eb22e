"""One fault, and its text."""

import shlex
from typing import Any

from seemachine.faults.kinds import CARD_READ, GROUPS, KINDS, READ, Kind
from seemachine.frozen import frozen
from seemachine.wire.status import Status


@frozen
class Fault:
    """What is to go wrong, and when.

    `on` are names of requests, or of GROUPS of them: it is for these, or for the places that the
    machine comes to while it carries them out. Without one it is for any but hello, and any place.
    Of those it skips the first `after`, then takes one in `every`, each with `probability` under
    `seed`, until it has happened `times` times (0: until it is cleared). It takes none before `at`
    and from `until`, seconds after the fault was added (`until` 0: no end).

    `status`, `detail`, `seconds`, `moment` and `card` are for kinds that take them. Made by
    `forms.fault_of`, which checks all this.
    """

    kind: str
    on: tuple[str, ...] = ()
    times: int = 0
    after: int = 0
    every: int = 1
    probability: float = 1.0
    seed: str = ""
    at: float = 0.0
    until: float = 0.0
    status: Status | None = None
    detail: str = ""
    seconds: float = 0.0
    moment: str = ""
    card: str = ""

    @property
    def facts(self) -> Kind:
        """What its kind is."""
        return KINDS[self.kind]

    @property
    def place(self) -> str:
        """Where it happens."""
        return CARD_READ if self.moment == READ else self.facts.place

    def is_on(self, name: str) -> bool:
        """Whether `on` names a request, by itself or by its group."""
        return name in self.on or any(name in GROUPS.get(each, ()) for each in self.on)

    def words(self) -> dict[str, Any]:
        """What it says beyond its kind, by name: what `fault_of` takes, but for the kind."""
        usual = Fault(self.kind, times=self.facts.times)
        return {
            name: value
            for name in self.facts.takes
            if (value := getattr(self, name)) != getattr(usual, name) or name in self.facts.needs
        }

    @property
    def text(self) -> str:
        """In one line, as the shell would take it: `drop-after on=signing times=1`."""
        said = (f"{name}={shlex.quote(_written(value))}" for name, value in self.words().items())
        return " ".join((self.kind, *said))


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Status):
        return value.name
    return written_number(value) if isinstance(value, float) else str(value)


def written_number(value: float) -> str:
    """So that it is read as the very same."""
    return str(int(value)) if value.is_integer() else repr(value)
